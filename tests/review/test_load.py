"""Does `open_run` open finished runs, and only those?"""

from pathlib import Path

import pytest

from review.load import open_run
from tests.review.conftest import RunMaker, jpeg, row, several_fates, write_counts


def test_out_and_its_shards_folder_open_the_same_run(make_run: RunMaker) -> None:
    out = make_run()
    run, same = open_run(str(out)), open_run(out / "shards")
    assert run.folder == same.folder == out
    assert (run.manifest.seen, run.manifest.kept) == (100, 20)
    assert run.bounds["min_relevance"] == 0.5
    assert run.bounds["max_aspect_ratio"] == 3.0
    assert "obey_opt_out" not in run.bounds


def test_without_manifest_a_run_is_not_finished(make_run: RunMaker) -> None:
    out = make_run()
    (out / "shards" / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"not a finished run .*LAIT_RUN"):
        open_run(out)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere is not a finished run"):
        open_run(tmp_path / "nowhere")


def test_a_shard_set_without_ledger_is_refused(tmp_path: Path) -> None:
    write_counts(tmp_path, [])
    with pytest.raises(ValueError, match=r"no ledger/\*\.parquet"):
        open_run(tmp_path)


def test_a_ledger_of_another_run_is_refused(make_run: RunMaker) -> None:
    out = make_run()
    write_counts(out, several_fates()[:-1])
    with pytest.raises(ValueError, match=r"\(100, 20\), the manifest \(99, 19\)"):
        open_run(out)


@pytest.mark.parametrize("content", [None, "{", "{}", '{"config": {}}'])
def test_a_run_without_its_settings_is_refused(make_run: RunMaker, content: str | None) -> None:
    out = make_run()
    (out / "config.json").unlink()
    if content is not None:
        (out / "config.json").write_text(content)
    with pytest.raises(ValueError, match=r"config\.json holds no filter settings"):
        open_run(out)


def test_rows_and_thumbnails_come_by_candidate_id(make_run: RunMaker) -> None:
    rows = [row(n, text=f"text {n}") for n in range(4)]
    ids = [r["candidate_id"] for r in rows]
    run = open_run(make_run(rows, {ids[1]: jpeg(1), ids[2]: jpeg(2)}))
    assert run.rows(ids[:2])[ids[1]]["text"] == "text 1"
    assert len(run.rows(ids[:2])) == 2
    assert run.thumbnail_ids() == {ids[1], ids[2]}
    assert run.thumbnails(ids[:2]) == {ids[1]: jpeg(1)}
