"""How is a place of an archive looked at, the archive being a file here or far away?"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final, Protocol

from crawl.sources import storage

_FIRST_BYTES: Final = 64 * 2**10
_MOST_BYTES: Final = 2 * 2**20
_KEPT_PIECES: Final = 3
_WINDOW_BYTES: Final = 128 * 2**10


class View(Protocol):
    """The bytes of a file; `bytes` itself is one."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice, /) -> bytes: ...

    def find(self, sub: bytes, start: int, /) -> int: ...


@contextmanager
def open_view(path: str) -> Iterator[View]:
    """The bytes of a file, read as they are looked at, a remote file's by ranges.

    Raises:
        FileNotFoundError: There is no such file.
        OSError, ValueError: As `storage.open_binary`, while looking too.
    """
    if storage.is_remote(path):
        yield Pieces(path, storage.size(path), lambda *place: storage.read_range(path, *place))
    else:
        with storage.open_binary(path) as file:
            yield file_view(file, path)


def file_view(file: IO[bytes], path: str) -> View:
    """The bytes of an open local file, as long as it stays open.

    Not a memory map: what was read once would count as this process's memory, and an archive that
    somebody cuts short while it is read would end the process.
    """
    n_bytes = os.fstat(file.fileno()).st_size
    return Pieces(path, n_bytes, lambda offset, n: os.pread(file.fileno(), n, offset))


class Pieces:
    """A file of which a few pieces are held.

    Jumping about reads little; reading on in order reads more each time. Memory stays under
    `_KEPT_PIECES` times `_MOST_BYTES`.
    """

    def __init__(self, path: str, n_bytes: int, read: Callable[[int, int], bytes]) -> None:
        self._path = path
        self._n_bytes = n_bytes
        self._read = read
        self._pieces: list[tuple[int, bytes]] = []
        self._length = _FIRST_BYTES

    def __len__(self) -> int:
        return self._n_bytes

    def __getitem__(self, index: slice, /) -> bytes:
        position, stop, _ = index.indices(self._n_bytes)
        found: list[bytes] = []
        while position < stop:
            start, piece = self._piece(position)
            found.append(piece[position - start : stop - start])
            position += len(found[-1])
        return found[0] if len(found) == 1 else b"".join(found)

    def find(self, sub: bytes, start: int, /) -> int:
        """As `bytes.find`."""
        match = search(self, re.compile(re.escape(sub)), start, len(sub))
        return -1 if match is None else match

    def _piece(self, offset: int) -> tuple[int, bytes]:
        for start, piece in reversed(self._pieces):
            if start <= offset < start + len(piece):
                return start, piece
        before, last = self._pieces[-1] if self._pieces else (0, b"")
        goes_on = len(last) <= offset - before < 2 * len(last)
        self._length = min(2 * self._length, _MOST_BYTES) if goes_on else _FIRST_BYTES
        wanted = min(self._length, self._n_bytes - offset)
        data = self._read(offset, wanted)
        if len(data) < wanted:
            raise OSError(f"{self._path}: {len(data)} of {wanted} bytes came from byte {offset}")
        self._pieces = [*self._pieces[1 - _KEPT_PIECES :], (offset, data)]
        return offset, data


def search(view: View, pattern: re.Pattern[bytes], offset: int, longest: int) -> int | None:
    """Where a pattern first matches at or after `offset`; None when it does not.

    Args:
        longest: No match is longer than so many bytes; the pattern may look one byte behind.
    """
    while offset < len(view):
        before = min(offset, 1)
        window = view[offset - before : offset + _WINDOW_BYTES + longest]
        match = pattern.search(window, before)
        if match is not None and match.start() - before < _WINDOW_BYTES:
            return offset + match.start() - before
        offset += _WINDOW_BYTES
    return None
