"""Does a replay decide as a run under those settings would, and say what it cannot know?"""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filter.decontaminate import with_digests
from lait.config import CurateConfig, fields
from lait.inputs import read_funnel
from lait.replay import OUT_SCHEMA, changed, replay, settings_of, side_by_side


def kept_in(run: Path) -> set[str]:
    rows = pq.read_table(run / "ledger", columns=["candidate_id", "kept"]).to_pylist()
    return {row["candidate_id"] for row in rows if row["kept"]}


def kept_by(file: Path) -> set[str]:
    rows = pq.read_table(file, columns=["candidate_id", "kept"]).to_pylist()
    return {row["candidate_id"] for row in rows if row["kept"]}


def as_default(run: Path) -> list[str]:
    """Overrides that bring a run's filter settings back to the defaults."""
    default = CurateConfig().model_dump(mode="json")["filter"]
    settings = settings_of(run).model_dump(mode="json")["filter"]
    differing = [
        name
        for name in settings
        if settings[name] != default[name] and f"filter.{name}" in fields()
    ]
    return [f"filter.{name}={json.dumps(default[name])}" for name in differing]


@pytest.mark.parametrize("name", ["strict_run", "loose_run"])
def test_unchanged_settings_give_the_funnel_of_the_run(name, request, tmp_path) -> None:
    run = request.getfixturevalue(name)
    found = replay(run, out=tmp_path / "out.parquet")
    assert found.funnel == found.before == read_funnel(run)
    assert found.unjudged == 0
    assert kept_by(tmp_path / "out.parquet") == kept_in(run)
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert all(row["was_kept"] == row["kept"] for row in rows)
    assert all(row["was_reason"] == row["reason"] for row in rows)
    ledger = pq.read_table(run / "ledger").to_pylist()
    columns = ["candidate_id", "stage", "reason", "value", "threshold", "detail", "text"]
    assert [[row[c] for c in columns] for row in rows] == [
        [row[c] for c in columns] for row in ledger
    ]


def test_replay_decides_as_a_real_run_with_those_settings(loose_run, strict_run, tmp_path) -> None:
    found = replay(loose_run, as_default(loose_run), out=tmp_path / "out.parquet")
    assert found.unjudged == 0, "the loose run decoded every image that the strict one asks for"
    assert found.funnel.kept < found.before.kept / 2
    assert found.funnel == read_funnel(strict_run)
    assert kept_by(tmp_path / "out.parquet") == kept_in(strict_run)


def test_what_was_never_decoded_cannot_be_judged(strict_run, tmp_path) -> None:
    found = replay(strict_run, ["filter.require_main_image=false"], out=tmp_path / "out.parquet")
    assert found.not_scored == 0, "the run had no relevance model"
    assert found.not_decoded > 100
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    unknown = [row for row in rows if not row["judged"]]
    assert {row["reason"] for row in unknown} == {"not_decoded"}
    assert {row["was_reason"] for row in unknown} == {"not_main"}
    assert len(unknown) == found.not_decoded == found.unjudged
    assert found.funnel.seen == found.before.seen == len(rows)


def test_the_ledger_folder_does_as_well(strict_run) -> None:
    assert replay(strict_run / "ledger").funnel == read_funnel(strict_run)


def test_side_by_side_shows_what_only_the_run_dropped(strict_run) -> None:
    found = replay(strict_run, ["filter.min_side_px=5000"])
    assert found.funnel.kept == 0
    later = {"natural", "aggregate"}
    only_then = {row.reason for row in found.before.rows if row.stage in later and row.dropped}
    rows = {row.reason: row for row in side_by_side(found)}
    assert only_then
    assert {rows[reason].dropped for reason in only_then} == {0}
    assert rows["min_side"].dropped > 10


@pytest.mark.parametrize("name", sorted(set(fields()) - {"crawl.max_image_bytes"}))
def test_only_what_filters_decide_can_be_changed(name) -> None:
    if not name.startswith("filter."):
        with pytest.raises(ValueError, match=f"--set {name}=1: a replay only changes"):
            changed(CurateConfig(), [f"{name}=1"])


def test_settings_of_the_run_stay_unless_overridden(loose_run) -> None:
    before = settings_of(loose_run)
    after = changed(before, ["filter.min_side_px=400"])
    assert before.filter.min_side_px == 32
    expected = with_digests(before.filter)
    assert after.filter == expected.model_copy(update={"min_side_px": 400})
    assert changed(before, []) == before.model_copy(update={"filter": expected})


@pytest.mark.parametrize(
    ("override", "needle"),
    [("filter.min_sidepx=4", "min_side_px"), ("filter.min_side_px=-4", "greater than")],
)
def test_bad_overrides(strict_run, override, needle) -> None:
    with pytest.raises(ValueError, match=needle):
        replay(strict_run, [override])


def test_not_a_run(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"not a finished run"):
        replay(tmp_path)


def test_a_ledger_of_another_version(strict_run, tmp_path) -> None:
    shutil.copytree(strict_run, tmp_path / "run")
    file = sorted((tmp_path / "run" / "ledger").glob("*.parquet"))[0]
    pq.write_table(pq.read_table(file).drop_columns("image_opt_out"), file)
    with pytest.raises(ValueError, match=r"no column image_opt_out.*curate again"):
        replay(tmp_path / "run")


def test_out_has_its_schema(strict_run, tmp_path) -> None:
    replay(strict_run, out=tmp_path / "out.parquet")
    assert pq.read_schema(tmp_path / "out.parquet").equals(OUT_SCHEMA)
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    assert isinstance(pq.read_table(tmp_path / "out.parquet"), pa.Table)
