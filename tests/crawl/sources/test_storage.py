"""Are bytes the same wherever they lie, asked for in small ranges, and is every failure told?"""

import gzip
import io
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawl.sources import storage
from tests.crawl.sources.server import Server, serving

DATA = random.Random(1).randbytes(3 * 2**20 + 17)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "a.bin").write_bytes(DATA)
    (tmp_path / "b.bin").write_bytes(b"b")
    (tmp_path / "c.txt").write_bytes(b"")
    with serving(tmp_path) as running:
        yield running


@pytest.fixture(params=["path", "file", "http"])
def place(request: pytest.FixtureRequest, server: Server) -> str:
    """The folder of the three files, as one says it."""
    return {
        "path": str(server.folder),
        "file": server.folder.as_uri(),
        "http": server.base,
    }[str(request.param)]


def test_what_is_remote() -> None:
    assert [
        storage.is_remote(p) for p in ("a/b", "/a", "file:///a", "s3://a/b", "https://a/b")
    ] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert storage.local_path("file:///a%20b/c") == "/a b/c"
    assert storage.local_path("a%20b") == "a%20b"


def test_the_same_bytes_everywhere(place: str) -> None:
    path = f"{place}/a.bin"
    assert storage.size(path) == len(DATA)
    assert [storage.exists(f"{place}/{name}") for name in ("a.bin", "no.bin")] == [True, False]
    end = len(DATA)
    for start, length in ((0, 5), (0, end), (100, 2**20), (end - 3, 3), (end - 3, 99), (7, 0)):
        assert storage.read_range(path, start, length) == DATA[start : start + length]
    assert storage.read_range(path, end, 10) == storage.read_range(path, end + 5, 10) == b""
    with storage.open_binary(path) as file:
        assert file.read(10) == DATA[:10]
        assert file.seek(-7, os.SEEK_END) == end - 7
        assert file.read() == DATA[-7:]
        assert file.seek(2**20 - 3) == 2**20 - 3
        assert file.read(2 * 2**20) == DATA[2**20 - 3 : 3 * 2**20 - 3]
        assert file.tell() == 3 * 2**20 - 3
        file.seek(0)
        assert file.read() == DATA
    with storage.open_binary(f"{place}/c.txt") as empty:
        assert empty.read() == b""


def test_patterns(place: str, server: Server) -> None:
    base = str(server.folder) if place.startswith("file") else place
    assert storage.expand(f"{place}/*.bin") == [f"{base}/a.bin", f"{base}/b.bin"]
    assert storage.expand(f"{place}/a.bin") == [f"{base}/a.bin"]
    assert storage.expand(f"{place}/none.bin") == [f"{base}/none.bin"]
    with pytest.raises(FileNotFoundError, match=r"none\*\.bin matches no file"):
        storage.expand(f"{place}/none*.bin")


def test_local_names_may_look_like_patterns(tmp_path: Path) -> None:
    (tmp_path / "a[1].bin").write_bytes(b"")
    (tmp_path / "folder.bin").mkdir()
    assert storage.expand(f"{tmp_path}/a[1].bin") == [f"{tmp_path}/a[1].bin"]
    assert storage.expand(f"{tmp_path}/*.bin") == [f"{tmp_path}/a[1].bin"]


def test_what_is_not_there(place: str) -> None:
    path = f"{place}/no.bin"
    for ask in (storage.size, storage.open_binary, lambda p: storage.read_range(p, 0, 1)):
        with pytest.raises(FileNotFoundError) as error:
            ask(path)
        assert str(error.value) == f"{path} does not exist"


def test_ranges_ask_for_no_more(server: Server) -> None:
    path = f"{server.base}/a.bin"
    storage.read_range(path, 1000, 50)
    assert server.asked == [(1000, 50)]
    with storage.open_binary(path) as file:
        file.seek(2**20)
        file.read(10)
        file.read(1000)
        assert server.asked[1:] == [(2**20, storage.BLOCK_BYTES)]
        file.seek(0)
        file.read()
        assert len(server.asked) == 6


def test_a_server_that_ignores_ranges_is_refused(server: Server) -> None:
    server.ranges = False
    path = f"{server.base}/a.bin"
    for start in (0, 1000):
        with pytest.raises(ValueError, match="ignores ranges") as error:
            storage.read_range(path, start, 50)
        assert str(error.value).startswith(f"{path}: ")
    with storage.open_binary(path) as file, pytest.raises(ValueError, match="ignores ranges"):
        file.read(1)


def test_bytes_are_as_they_lie_on_the_server(server: Server) -> None:
    """Servers say of `.gz` files that they are encoded so: offsets count the file's own bytes."""
    packed = gzip.compress(DATA[:1000])
    (server.folder / "a.gz").write_bytes(packed)
    server.encoding = "gzip"
    assert storage.read_range(f"{server.base}/a.gz", 0, 10**6) == packed
    assert storage.read_range(f"{server.base}/a.gz", 50, 20) == packed[50:70]


def test_passing_failures_are_passed_over(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_WAIT_S", 0.01)
    path = f"{server.base}/a.bin"
    server.failures = 2
    assert storage.read_range(path, 5, 5) == DATA[5:10]
    server.cut_bytes = 3
    assert storage.read_range(path, 0, 100) == DATA[:100]
    server.failures = 100
    with pytest.raises(OSError, match="cannot be read") as error:
        storage.read_range(path, 5, 5)
    assert str(error.value).startswith(path)
    assert "503" in str(error.value)
    assert server.failures == 100 - storage.TRIES


def test_an_unreachable_server_is_told_from_a_missing_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storage, "_WAIT_S", 0.01)
    path = "http://127.0.0.1:9/a.bin"
    for ask in (storage.size, storage.exists):
        with pytest.raises(OSError, match="cannot be read") as error:
            ask(path)
        assert not isinstance(error.value, FileNotFoundError)
        assert str(error.value).startswith(path)


def test_a_size_that_is_not_told(server: Server) -> None:
    server.tells_size = False
    with pytest.raises(ValueError, match="does not tell its size"):
        storage.size(f"{server.base}/a.bin")


@pytest.mark.parametrize(("path", "words"), [("nothing://a/b", "nothing"), ("gs://a/b", "gcsfs")])
def test_backends_that_are_missing(path: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    with pytest.raises(ValueError, match=words) as error:
        storage.size(path)
    assert str(error.value).startswith(path)
    assert "\n" not in str(error.value)


def test_seeking_before_the_beginning(server: Server) -> None:
    with storage.open_binary(f"{server.base}/a.bin") as file:
        assert isinstance(file, io.BufferedReader)
        with pytest.raises(ValueError, match="cannot seek to byte -1"):
            file.seek(-1)
