"""How are bytes read from a path that may be a file of this machine, an object store or a URL?"""

import glob
import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, TypeVar
from urllib.parse import unquote, urlsplit

from crawl.sources.backends import is_past_the_end, system, told

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

logger = logging.getLogger(__name__)

T = TypeVar("T")

BLOCK_BYTES: Final = 2**20
"""What one request of a remote file that is read in order asks for, and all that is held of it."""
TRIES: Final = 3
"""How often a range is asked for before its failure is told."""
_WAIT_S: Final = 1.0
"""Before the second try; twice as long before the third."""
_FILE: Final = "file://"


def is_remote(path: str) -> bool:
    """Whether a path is read through fsspec: `s3://`, `gs://`, `https://` and so on."""
    return "://" in path and not path.startswith(_FILE)


def local_path(path: str) -> str:
    """The path of this machine that a `file://` URL names; any other path as it is."""
    return unquote(urlsplit(path).path) if path.startswith(_FILE) else path


def open_binary(path: str) -> IO[bytes]:
    """Open a file for reading and seeking.

    A remote file is read by ranges, `BLOCK_BYTES` or what is asked for at a time, and no more than
    that is kept in memory.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It cannot be reached or read; reading may raise it too.
        ValueError: The path's protocol is unknown or its package missing, its size is not told, or
            (while reading) its server ignores ranges.
    """
    if not is_remote(path):
        with _local(path):
            return open(local_path(path), "rb")
    return io.BufferedReader(_RemoteFile(path, size(path)), BLOCK_BYTES)


def size(path: str) -> int:
    """Length of a file in bytes; raises as `open_binary`."""
    if not is_remote(path):
        with _local(path):
            return os.stat(local_path(path)).st_size
    found = _patiently(lambda: _size(path))
    if found is None:
        raise ValueError(f"{path}: the server does not tell its size; copy the file first")
    return found


def _size(path: str) -> int | None:
    with told(path):
        files, name = system(path)
        found: int | None = files.size(name)
        return found


def exists(path: str) -> bool:
    """Whether there is a file or folder; raises OSError when that cannot be found out."""
    if not is_remote(path):
        return Path(local_path(path)).exists()
    try:
        with told(path):
            files, name = system(path)
            files.info(name)
    except FileNotFoundError:
        return False
    return True


def read_range(path: str, offset: int, length: int) -> bytes:
    """Bytes of a file from `offset`: `length` of them, or fewer where it ends.

    One request, repeated when the network fails.

    Raises:
        FileNotFoundError: There is no such file.
        OSError: It cannot be reached or read.
        ValueError: The server ignores ranges (nothing of its answer is read), or the path's
            protocol is unknown or its package missing.
    """
    assert offset >= 0, (path, offset)
    if length <= 0:
        return b""
    if not is_remote(path):
        with open_binary(path) as file:
            file.seek(offset)
            return file.read(length)
    return _patiently(lambda: _read_range(path, offset, length))


def _read_range(path: str, offset: int, length: int) -> bytes:
    with told(path):
        files, name = system(path)
        try:
            return bytes(files.cat_file(name, start=offset, end=offset + length))[:length]
        except Exception as error:
            if is_past_the_end(error):
                return b""
            raise


def _patiently(ask: Callable[[], T]) -> T:
    """What `ask` gives; asked again when the network fails, which in a long run it does."""
    for n_tries in range(1, TRIES):
        try:
            return ask()
        except FileNotFoundError:
            raise
        except OSError as error:
            logger.warning("try %d of %d: %s", n_tries, TRIES, error)
            time.sleep(_WAIT_S * 2 ** (n_tries - 1))
    return ask()


def expand(pattern: str) -> list[str]:
    """The files that a pattern with `*`, `**`, `?` or `[...]` names, sorted.

    A path without a pattern stands for itself, there or not, and so does a local file whose name
    looks like a pattern.

    Raises:
        FileNotFoundError: Nothing matches.
        OSError, ValueError: As `open_binary`.
    """
    if not is_remote(pattern):
        path = local_path(pattern)
        found = [path] if Path(path).exists() else glob.glob(path, recursive=True)
        found = [each for each in found if each == path or not Path(each).is_dir()]
        if not glob.has_magic(path):
            return [path]
    else:
        # In a URL the question mark begins a query.
        magic = "*[" if pattern.startswith(("http://", "https://")) else "*[?"
        if not any(character in pattern for character in magic):
            return [pattern]
        with told(pattern):
            files, name = system(pattern)
            listed = files.glob(name, detail=True)
            found = [
                files.unstrip_protocol(each)
                for each, info in listed.items()
                if info["type"] == "file"
            ]
    if not found:
        raise FileNotFoundError(f"{pattern} matches no file")
    return sorted(found)


class _RemoteFile(io.RawIOBase):
    """Unbuffered reading by ranges."""

    def __init__(self, path: str, n_bytes: int) -> None:
        super().__init__()
        self._path = path
        self._n_bytes = n_bytes
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._n_bytes}[whence]
        if start + offset < 0:
            raise ValueError(f"{self._path}: cannot seek to byte {start + offset}")
        self._position = start + offset
        return self._position

    def readall(self) -> bytes:
        # The inherited one asks for a few kilobytes at a time.
        pieces: list[bytes] = []
        while piece := self.read(BLOCK_BYTES):
            pieces.append(piece)
        return b"".join(pieces)

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        length = min(len(view), max(self._n_bytes - self._position, 0))
        data = read_range(self._path, self._position, length)
        if len(data) < length:
            raise OSError(
                f"{self._path}: {len(data)} of {length} bytes came from byte {self._position}"
            )
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


@contextmanager
def _local(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path} does not exist") from error
