"""Do lists of hashes hold every picture once, and do the commands turn paths into settings?"""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from filter.known import read_known
from lait.commands.curation import _lists
from lait.config import load_config
from lait.hashes import write_hashes


def test_shards_files_and_folders(strict_run: Path, tmp_path: Path) -> None:
    found = write_hashes([strict_run], tmp_path / "run.parquet")
    ledger = pq.read_table(strict_run / "ledger").to_pylist()
    kept = {row["sha256"]: row for row in ledger if row["kept"]}
    listed = list(read_known(str(tmp_path / "run.parquet")))
    assert (found.n_images, found.n_undecodable) == (len(kept), 0)
    assert [one.sha256 for one in listed] == sorted(kept)
    for one in listed:
        assert one.phash == kept[one.sha256]["phash"]
        assert list(one.phash_crops) == kept[one.sha256]["phash_crops"]
    assert {one.phash for one in read_known(str(strict_run / "shards"))} == {
        one.phash for one in listed
    }


def test_broken_pictures_are_known_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for name in ("a.jpg", "b.png", "c.txt"):
        (tmp_path / "set" / name).write_bytes(b"broken")
    found = write_hashes([tmp_path / "set"], tmp_path / "out.parquet")
    assert (found.n_images, found.n_undecodable) == (1, 1)
    (known,) = read_known(str(tmp_path / "out.parquet"))
    assert (len(known.sha256), known.phash) == (64, "")


def test_a_source_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no shards"):
        write_hashes([tmp_path], tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_options_stand_for_settings() -> None:
    overrides = _lists(["eval.parquet"], ["run1", "/run2"], None)
    settings = load_config(None, overrides).filter
    assert settings.eval_sets == (str(Path("eval.parquet").absolute()),)
    assert settings.not_in == (str(Path("run1").absolute()), "/run2")
    assert _lists(None, None, None) == []
    assert json.loads(overrides[0].partition("=")[2]) == list(settings.eval_sets)
