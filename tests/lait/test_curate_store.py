"""Does a run into an object store end in the bytes of a run into a folder, whatever happens?"""

from pathlib import Path
from typing import Any

import fsspec
import pytest

from crawl.sources import sending
from crawl.sources.sending import listed
from crawl.sources.storage import open_binary
from shards.manifest import read_manifest
from shards.read import ShardReader
from tests.lait.test_curate import archives as archives
from tests.lait.test_curate import finished as finished
from tests.lait.test_curate import run


@pytest.fixture
def url(s3: str) -> str:
    """In a real S3 server on loopback."""
    fsspec.filesystem("s3").mkdirs("runs", exist_ok=True)
    return "s3://runs/first"


def of_store(url: str) -> dict[str, bytes]:
    found = {}
    for name in listed(url):
        with open_binary(f"{url}/{name}") as file:
            found[name] = file.read()
    return found


def of_folder(out: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(out.rglob("*")) if path.is_file()]
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


def test_a_store_ends_with_the_bytes_of_a_folder(
    url: str, archives: list[str], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A put fails for good in the middle of the run: no manifest, hence no set.
    real = sending.send

    def failing(path: Path, where: str) -> None:
        if where.endswith("00001.parquet"):
            raise OSError(f"{where} cannot be written: the store is gone")
        real(path, where)

    with monkeypatch.context() as patch:
        patch.setattr(sending, "send", failing)
        with pytest.raises(Exception, match="the store is gone"):
            run(archives, url)
    assert "shards/manifest.json" not in listed(url)
    with pytest.raises(ValueError, match="not a finished shard set"):
        ShardReader(url, cache=tmp_path / "cache")
    # What a run of other settings left, and bytes that are not the run's.
    files, name = sending.system(url)
    for stale in ("shards/00007.tar", "ledger/00009.parquet", "shards/00000.tar"):
        files.pipe_file(f"{name}/{stale}", b"stale")

    funnel = run(archives, url)
    assert of_store(url) == of_folder(finished)
    with ShardReader(url, cache=tmp_path / "cache") as reader:
        assert len(reader) == funnel.kept == read_manifest(finished).n_samples

    sent: list[Any] = []
    monkeypatch.setattr(sending, "send", lambda path, where: sent.append(where))
    assert run(archives, url) == funnel
    assert not sent


def test_a_store_that_holds_something_else_is_refused(url: str, archives: list[str]) -> None:
    files, name = sending.system("s3://runs/notes")
    files.pipe_file(f"{name}/letter.txt", b"mine")
    with pytest.raises(ValueError, match=r"not a run of lait \(it holds letter\.txt\)"):
        run(archives, "s3://runs/notes")
    assert of_store("s3://runs/notes") == {"letter.txt": b"mine"}
