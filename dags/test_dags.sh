#!/usr/bin/env bash
# Does Airflow load the DAGs without errors, and does each one run on the demo world?
#
#   dags/test_dags.sh AIRFLOW_VENV       with `lait` on PATH (or LAIT_BIN)
#
# Everything is written to a temporary folder: Airflow's home, its sqlite database, the world.
set -euo pipefail

venv=$(cd "${1:?usage: test_dags.sh AIRFLOW_VENV}" && pwd)
dags=$(cd "$(dirname "$0")" && pwd)
lait=${LAIT_BIN:-lait}
work=$(mktemp -d)
running=
trap '[ -z "$running" ] || kill -KILL "$running"; rm -rf "$work"' EXIT

export LAIT_BIN=$lait
export AIRFLOW_HOME=$work/airflow
export AIRFLOW__CORE__DAGS_FOLDER=$dags
export AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__CORE__UNIT_TEST_MODE=False
export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=sqlite:///$work/airflow.db
export AIRFLOW__LOGGING__LOGGING_LEVEL=WARNING
export PYTHONDONTWRITEBYTECODE=1
day=2026-01-31T00:00:00+00:00
run=20260131T000000000000

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAIL: %s\n' "$*" >&2; exit 1; }
airflow() { "$venv/bin/python" -W ignore -m airflow "$@"; }

# Runs a DAG once. A failed task would be retried after minutes, and `dags test` waits for that,
# deaf to SIGTERM: here the first failure ends it.
run_dag() {
  local deadline=$((SECONDS + 900))
  "$venv/bin/python" -W ignore -m airflow dags test "$@" >"$work/run.log" 2>&1 &
  running=$!
  while kill -0 "$running" 2>/dev/null; do
    if grep -q up_for_retry "$work/run.log" || ((SECONDS > deadline)); then
      kill -KILL "$running"
    fi
    sleep 0.5
  done
  local code=0
  wait "$running" || code=$?
  running=
  grep -v "No tasks to run" "$work/run.log" || true
  return "$code"
}

say "parse: under a second for each file, nothing done at import"
"$venv/bin/python" -W ignore - "$dags" <<'PY'
import importlib, sys, time
sys.path.insert(0, sys.argv[1])
import airflow.sdk  # Airflow has loaded itself long before it parses a DAG
airflow.sdk.dag, airflow.sdk.Asset, airflow.sdk.Param, airflow.sdk.task, airflow.sdk.Metadata
airflow.sdk.ExceptionRetryPolicy
for name in ("lait_curate", "lait_pretrain"):
    start = time.monotonic()
    importlib.import_module(name)
    seconds = time.monotonic() - start
    print(f"{name}: {seconds:.2f} s")
    if seconds >= 1:
        sys.exit(f"FAIL: {name} takes {seconds:.2f} s to parse")
PY

say "load"
airflow db migrate >"$work/migrate.log" 2>&1 || { cat "$work/migrate.log"; fail "airflow db migrate"; }
airflow dags reserialize
airflow dags list-import-errors
airflow dags list --columns dag_id --output plain >"$work/list"
for dag in lait_curate lait_pretrain; do
  grep -qx "$dag *" "$work/list" || fail "$dag is not listed"
done

say "the demo world and a weak relevance model"
"$lait" world "$work/world" --size tiny
"$lait" relevance train "$work/world/supervised/pairs.jsonl" --out "$work/relevance"
"$lait" pack "$work/world/clean/pairs.jsonl" --out "$work/clean"
"$lait" pack "$work/world/eval/pairs.jsonl" --out "$work/eval"

say "lait_curate"
conf=$(printf '{"archives": "%s", "out_root": "%s", "relevance": "%s"}' \
  "$work/world/web/*.warc*" "$work/curated" "$work/relevance")
run_dag lait_curate "$day" --conf "$conf"
manifest=$work/curated/$run/shards/manifest.json
[ -s "$manifest" ] || fail "no $manifest"

say "lait_curate again, the same data interval: the same bytes"
before=$(sha256sum "$manifest")
run_dag lait_curate "$day" --conf "$conf"
[ "$before" = "$(sha256sum "$manifest")" ] || fail "a rerun changed $manifest"
[ "$(ls "$work/curated")" = "$run" ] || fail "a rerun made another folder"

say "lait_pretrain"
conf=$(printf '{"stages": ["lait=%s", "clean=%s"], "eval_shards": "%s", "out_root": "%s", "detector": "world", "annotations": "%s"}' \
  "$work/curated/$run" "$work/clean" "$work/eval" "$work/models" "$work/world/annotations.jsonl")
run_dag lait_pretrain "$day" --conf "$conf"
for name in lait clean eval; do
  [ -s "$work/models/$run/regions/$name/manifest.json" ] || fail "no regions of $name"
done
[ -s "$work/models/$run/report.json" ] || fail "no evaluation report"

say "a refused input fails the run, at once and not after retries"
conf=$(printf '{"archives": "%s/no/such/*.warc.gz", "out_root": "%s/refused"}' "$work" "$work")
code=0
run_dag lait_curate "$day" --conf "$conf" >"$work/refused.log" 2>&1 || code=$?
# 1: the run failed; 0: it did not; 137: the task was to be retried.
[ "$code" = 1 ] && grep -q "matches no file" "$work/refused.log" || {
  cat "$work/refused.log"
  fail "exit code $code, or no clear line"
}

say "both DAGs run"
