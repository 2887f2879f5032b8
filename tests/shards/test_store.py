"""Is a shard in an object store whole or an error, where sinks have lied about failures?"""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from crawl.sources import sending
from crawl.sources.sending import listed, remove, send, written_to
from crawl.sources.storage import open_binary
from shards.write import write_shard

FILES = ["00000.parquet", "00000.tar", "00000_stats.json"]


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest) -> str:
    """A folder that is not there yet."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    bucket = f"b{uuid.uuid4().hex}"
    fsspec.filesystem(request.param).mkdir(bucket)
    return f"{request.param}://{bucket}/run/shards"


class Faulty:
    """A file system that puts as it is told to, and does all else itself."""

    def __init__(self, files: Any, put: Callable[[Any, str, str], None]) -> None:
        self._files, self._put = files, put

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def put_file(self, path: str, name: str) -> None:
        self._put(self._files, path, name)


@pytest.fixture
def puts(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any, str, str], None]], None]:
    """`puts(how)`: from now on."""
    real = sending.system

    def use(how: Callable[[Any, str, str], None]) -> None:
        def system(url: str) -> tuple[Any, str]:
            files, name = real(url)
            return Faulty(files, how), name

        monkeypatch.setattr(sending, "system", system)

    return use


def write(url: str, samples: list) -> None:
    with written_to(url) as there:
        write_shard(there, "00000", samples)


def contents(url: str) -> dict[str, bytes]:
    found = {}
    for name in listed(url):
        with open_binary(f"{url}/{name}") as file:
            found[name] = file.read()
    return found


def real_put(files: Any, path: str, name: str) -> None:
    files.put_file(path, name)


def test_the_store_holds_what_a_folder_would(url: str, tmp_path: Path, make_samples) -> None:
    write(url, make_samples(3))
    write(str(tmp_path), make_samples(3))
    assert contents(url) == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_a_refused_put_is_an_error_and_leaves_nothing(url: str, make_samples, puts) -> None:
    def refuse(files: Any, path: str, name: str) -> None:
        raise PermissionError("AccessDenied")

    puts(refuse)
    with pytest.raises(OSError, match=r"00000\.parquet cannot be written: AccessDenied"):
        write(url, make_samples(3))
    assert contents(url) == {}


def test_a_put_that_only_says_it_succeeded_is_an_error(url: str, make_samples, puts) -> None:
    puts(lambda files, path, name: None)
    with pytest.raises(OSError, match="is not there after it was sent"):
        write(url, make_samples(3))


def test_a_completed_retry_sends_nothing(url: str, make_samples, puts) -> None:
    write(url, make_samples(3))
    before, sent = contents(url), []
    puts(lambda files, path, name: sent.append(name))
    write(url, make_samples(3))
    assert not sent
    assert contents(url) == before


def test_a_partial_move_is_completed_by_the_retry(url: str, make_samples, puts) -> None:
    def only_tables(files: Any, path: str, name: str) -> None:
        if not name.endswith(".parquet"):
            raise OSError("connection reset")
        real_put(files, path, name)

    puts(only_tables)
    with pytest.raises(OSError, match="connection reset"):
        write(url, make_samples(3))
    assert list(contents(url)) == ["00000.parquet"]
    puts(real_put)
    write(url, make_samples(3))
    assert sorted(contents(url)) == FILES


@pytest.mark.parametrize("same_size", [False, True])
def test_a_stale_destination_is_replaced(url: str, make_samples, same_size: bool) -> None:
    write(url, make_samples(3))
    whole = contents(url)
    stale = bytes(len(whole["00000.tar"])) if same_size else b"stale"
    files, name = sending.system(f"{url}/00000.tar")
    files.pipe_file(name, stale)
    write(url, make_samples(3))
    assert contents(url) == whole


def test_a_file_that_is_lost_again_is_an_error(url: str, make_samples, puts) -> None:
    def lose(files: Any, path: str, name: str) -> None:
        real_put(files, path, name)
        files.rm_file(name)

    puts(lose)
    with pytest.raises(OSError, match="is not there after it was sent"):
        write(url, make_samples(3))


def test_a_store_that_keeps_other_bytes_is_noticed(url: str, make_samples, puts) -> None:
    def flip(files: Any, path: str, name: str) -> None:
        data = bytearray(Path(path).read_bytes())
        data[len(data) // 2] ^= 1
        files.pipe_file(name, bytes(data))

    puts(flip)
    with pytest.raises(OSError, match=r"sent bytes with sha256 [0-9a-f]{64}, read back [0-9a-f]"):
        write(url, make_samples(3))


def test_what_failed_is_not_sent(url: str, tmp_path: Path) -> None:
    def fail() -> Iterator[None]:
        with written_to(url) as there:
            (there / "half").write_text("half a file")
            yield
            raise RuntimeError("the worker died")

    with pytest.raises(RuntimeError, match="the worker died"):
        list(fail())
    assert listed(url) == {}


def test_removing(url: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    for name in ("x/a", "x/b", "y"):
        send(tmp_path / "a", f"{url}/{name}")
    remove(f"{url}/x")
    remove(f"{url}/never-there")
    assert listed(url) == {"y": 1}
