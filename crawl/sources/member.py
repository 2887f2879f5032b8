"""What does one gzip member of an archive hold, read in bounded pieces, and where does it end?"""

import zlib
from typing import Final

from crawl.sources.heads import Format, begins
from crawl.sources.view import View

GZIP_MAGIC: Final = b"\x1f\x8b\x08"
PADDING: Final = b"\r\n\0"
"""What may stand between records, and after the last one."""
_GZIP_BITS: Final = 31
_PIECE_BYTES: Final = 16 * 2**10
_OUT_BYTES: Final = 256 * 2**10
_PROBED_BYTES: Final = 4 * 2**10


class Member:
    """The decompressed bytes of the gzip member at an offset, read once and in order.

    Reading never raises for damage: it ends early, and `sound` tells.
    """

    def __init__(self, view: View, offset: int) -> None:
        self._view = view
        self._position = offset
        self._inflater = zlib.decompressobj(_GZIP_BITS)
        self._input = b""
        self._broken = False
        self._buffer = b""
        self._at = 0
        """Where in the buffer reading goes on."""

    def read(self, n_bytes: int, /) -> bytes:
        """The next bytes: fewer than asked for only where the member ends or breaks."""
        data = self.peek(n_bytes)
        self._at += len(data)
        return data

    def peek(self, n_bytes: int) -> bytes:
        """As `read`, but the bytes stay to be read."""
        missing = n_bytes - len(self._buffer) + self._at
        if missing > 0:
            pieces = [self._buffer[self._at :]]
            while missing > 0 and (piece := self._inflate()):
                pieces.append(piece)
                missing -= len(piece)
            self._buffer, self._at = b"".join(pieces), 0
        return self._buffer[self._at : self._at + n_bytes]

    def skip(self, n_bytes: int, /) -> bool:
        """Pass over bytes; False when there are not so many."""
        while n_bytes > len(self._buffer) - self._at:
            n_bytes -= len(self._buffer) - self._at
            self._buffer, self._at = self._inflate(), 0
            if not self._buffer:
                return False
        self._at += n_bytes
        return True

    def skip_padding(self) -> None:
        """Pass over the line ends, and padding, that may stand between records."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in PADDING:
                    return
                self._at += 1
            self._buffer, self._at = self._inflate(), 0
            if not self._buffer:
                return

    def finish(self) -> int | None:
        """Read to the end; where the next member should begin, None when this one is damaged."""
        while self._inflate():
            pass
        if not self._inflater.eof or self._broken:
            return None
        return self._position - len(self._inflater.unused_data)

    def _inflate(self) -> bytes:
        """Some more decompressed bytes; b'' at the end and at damage."""
        out = b""
        while not out and not self._inflater.eof and not self._broken:
            if not self._input:
                self._input = self._view[self._position : self._position + _PIECE_BYTES]
                self._position += len(self._input)
            if not self._input:
                break
            try:
                out = self._inflater.decompress(self._input, _OUT_BYTES)
            except zlib.error:
                self._broken = True
            self._input = self._inflater.unconsumed_tail
        return out


def member_end(view: View, offset: int) -> int | None:
    """Where the gzip member at `offset` ends; None when it is damaged, cut short, or not there."""
    return Member(view, offset).finish() if is_member(view, offset) else None


def is_member(view: View, offset: int) -> bool:
    """Whether a gzip member seems to begin here."""
    return view[offset : offset + len(GZIP_MAGIC)] == GZIP_MAGIC


def next_member(view: View, form: Format, offset: int) -> int | None:
    """The next gzip member, at or after `offset`, that begins with a record; None without one."""
    while (offset := view.find(GZIP_MAGIC, offset)) >= 0:
        if begins(form, inflate_head(view[offset : offset + _PROBED_BYTES]).lstrip(b"\r\n")):
            return offset
        offset += 1
    return None


def inflate_head(data: bytes) -> bytes:
    """The first few decompressed bytes of a gzip member; b'' when it is none."""
    try:
        return zlib.decompressobj(_GZIP_BITS).decompress(data, _PROBED_BYTES)
    except zlib.error:
        return b""
