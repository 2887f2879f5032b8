"""Do the DAGs call `lait` safely, and does each run keep to its own folder and its own data?"""

import importlib.util
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

DAGS = Path(__file__).resolve().parents[2] / "dags"
DAY = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lait_command", DAGS / "lait_command.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `lait` that writes down how it was called and exits with $EXIT."""
    program, log = tmp_path / "lait", tmp_path / "calls.json"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        f"json.dump([sys.argv[1:], dict(os.environ)], open({str(log)!r}, 'w'))\n"
        "sys.exit(int(os.environ.get('EXIT', 0)))\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("LAIT_BIN", str(program))
    return log


def test_arguments_arrive_as_they_are(module: ModuleType, calls: Path, tmp_path: Path) -> None:
    hostile = ["curate", f"a b; touch {tmp_path}/owned", "$(id)", "`id`", "*", "--out", "o'ut"]
    module.lait(*hostile)
    assert json.loads(calls.read_text())[0] == hostile
    assert not (tmp_path / "owned").exists()


def test_airflows_secrets_stay_with_airflow(
    module: ModuleType, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW_CONN_S3", "_AIRFLOW_TOKEN"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("HTTP_PROXY_OF_SITE", "kept")
    module.lait("doctor")
    environment = json.loads(calls.read_text())[1]
    assert environment["HTTP_PROXY_OF_SITE"] == "kept"
    assert "secret" not in environment.values()


def test_refused_input_is_a_value_error_that_no_retry_helps(
    module: ModuleType, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXIT", "2")
    with pytest.raises(ValueError, match="refused its input"):
        module.lait("curate", "no.warc")
    assert calls.exists()


@pytest.mark.parametrize("code", ["1", "3", "130"])
def test_any_other_failure_may_be_retried(
    module: ModuleType, calls: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setenv("EXIT", code)
    with pytest.raises(subprocess.CalledProcessError):
        module.lait("curate", "a.warc")
    assert calls.exists()


def test_a_missing_program_names_the_setting(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAIT_BIN", "/no/such/lait")
    with pytest.raises(ValueError, match="'/no/such/lait': set LAIT_BIN"):
        module.lait("doctor")


@pytest.mark.parametrize(
    ("run_id", "start", "name"),
    [
        ("scheduled__x", DAY, "20260131T000000000000"),
        ("scheduled__x", DAY + timedelta(hours=1, microseconds=7), "20260131T010000000007"),
        ("asset_triggered__2026-01-31T00:00:00+00:00_ab12", None,
         "run-asset_triggered__2026-01-31T00_00_00_00_00_ab12"),
        ("../../etc", None, "run-______etc"),
    ],
)  # fmt: skip
def test_a_run_has_one_folder(
    module: ModuleType, run_id: str, start: datetime | None, name: str
) -> None:
    assert module.run_name(run_id, start) == name


def test_globs_become_sorted_files(module: ModuleType, tmp_path: Path) -> None:
    for name in ("b.warc.gz", "a.warc.gz", "deep/c.warc.gz", "note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = module.find_archives([f"{tmp_path}/**/*.warc.gz", f"{tmp_path}/a*", "s3://b/x.warc.gz"])
    assert found == sorted(
        ["s3://b/x.warc.gz"]
        + [f"{tmp_path}/{name}" for name in ("a.warc.gz", "b.warc.gz", "deep/c.warc.gz")]
    )


def test_a_glob_without_a_file_is_an_error(module: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no\*\.warc' matches no file: change the Param"):
        module.find_archives([f"{tmp_path}/no*.warc"])


def test_a_file_name_cannot_become_an_option(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "--set=x.warc").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="would be read as an option"):
        module.find_archives(["*.warc"])
    assert module.find_archives(["./*.warc"]) == ["./--set=x.warc"]


def event(minute: int, **extra: str) -> SimpleNamespace:
    return SimpleNamespace(timestamp=DAY + timedelta(minutes=minute), extra=extra or None)


def test_events_speak_in_the_order_of_time(module: ModuleType) -> None:
    events = {
        "an asset": [event(3, shards="c"), event(1, shards="a"), event(4, other="x"), event(5)],
        "its alias": [event(2, shards="b"), event(3, shards="c")],
    }
    assert module.announced(events, "shards") == ["a", "b", "c"]
    assert module.announced({}, "shards") == []


def test_an_event_cannot_smuggle_an_option(module: ModuleType) -> None:
    with pytest.raises(ValueError, match="would be read as an option"):
        module.announced({"asset": [event(1, shards="--set=x")]}, "shards")
