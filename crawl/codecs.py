"""What do the bytes of one content coding expand to, a bounded piece at a time?

Every codec takes encoded bytes as they arrive and gives decoded pieces of bounded size, so that
whoever collects them can stop in the middle of a bomb.
"""

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

import brotli
import zstandard

PIECE_BYTES: Final = 64 * 2**10
_ZSTD_SLICE_BYTES: Final = 128
"""A block of zstd takes 4 bytes or more and gives 128 KiB at most: this many bytes give 4 MiB."""
_MAX_ZSTD_WINDOW_BYTES: Final = 8 * 2**20
"""Of the coding `zstd` as RFC 9659 bounds it."""
_MAX_MEMBERS: Final = 1024
"""Members of a gzip body, frames of a zstd body. Each one costs a copy of what follows it."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
MAGIC_BYTES: Final = 4
"""So many bytes tell every codec whether a body is its own."""


class CodingBroken(ValueError):  # noqa: N818 -- reads as the fact it states
    """The bytes are not in the coding, or not any more."""


class Codec(Protocol):
    """A decoder that is fed as bytes arrive."""

    def push(self, data: bytes) -> Iterator[bytes]:
        """Decoded pieces of at most a few MiB. Raises CodingBroken."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the encoded stream has come to its own end."""
        ...


def open_codec(coding: str, head: bytes) -> Codec | None:
    """The decoder of a coding, or None if a body that begins so is plainly not in it.

    Args:
        coding: `gzip`, `x-gzip`, `deflate`, `br` or `zstd`.
        head: The first `MAGIC_BYTES` of the body, or all of it where it is shorter.

    Raises:
        KeyError: An unknown coding.
    """
    if coding == "br":
        return _Brotli()
    if coding == "zstd":
        return _Zstd() if head.startswith(_ZSTD_MAGIC) else None
    if coding == "deflate":
        # Half of the web means zlib, half raw deflate; the header tells.
        zlib_header = len(head) > 1 and head[0] & 15 == 8 and (head[0] << 8 | head[1]) % 31 == 0
        return _Inflate(15 if zlib_header else -15)
    if coding in ("gzip", "x-gzip"):
        return _Inflate(31) if head.startswith(_GZIP_MAGIC) else None
    raise KeyError(coding)


class _Inflate:
    def __init__(self, window_bits: int) -> None:
        self._window_bits = window_bits
        self._inflater = zlib.decompressobj(window_bits)
        self._between = b""
        self._n_members = 1

    @property
    def complete(self) -> bool:
        return self._inflater.eof

    def push(self, data: bytes) -> Iterator[bytes]:
        data = self._between + data
        while data:
            if self._inflater.eof and not self._next_member(data):
                return
            inflater = self._inflater
            piece = self._decompress(data)
            data = inflater.unconsumed_tail
            while piece:
                yield piece
                # A full piece may have left output behind in the inflater.
                more = bool(data) or len(piece) == PIECE_BYTES
                piece = self._decompress(data) if more and not inflater.eof else b""
                data = inflater.unconsumed_tail
            data = inflater.unused_data if inflater.eof else b""

    def _decompress(self, data: bytes) -> bytes:
        try:
            return self._inflater.decompress(data, PIECE_BYTES)
        except zlib.error as error:
            raise CodingBroken(str(error)) from error

    def _next_member(self, data: bytes) -> bool:
        """Whether another gzip member begins; anything else after the end is padding."""
        gzip = self._window_bits == 31 and self._n_members < _MAX_MEMBERS
        self._between = data if gzip and data == _GZIP_MAGIC[:1] else b""
        if not gzip or not data.startswith(_GZIP_MAGIC):
            return False
        self._inflater = zlib.decompressobj(self._window_bits)
        self._n_members += 1
        return True


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    @property
    def complete(self) -> bool:
        return bool(self._decompressor.is_finished())

    def push(self, data: bytes) -> Iterator[bytes]:
        while not self._decompressor.is_finished():
            try:
                piece = self._decompressor.process(data, output_buffer_limit=PIECE_BYTES)
            except brotli.error as error:
                raise CodingBroken(str(error)) from error
            if not piece and not data:
                return
            data = b""
            if piece:
                yield piece


class _Zstd:
    def __init__(self) -> None:
        self._frames = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW_BYTES)
        self._frame = self._frames.decompressobj()
        self._n_frames = 1

    @property
    def complete(self) -> bool:
        return self._frame.eof

    def push(self, data: bytes) -> Iterator[bytes]:
        position = 0
        while position < len(data):
            if self._frame.eof:
                if self._n_frames == _MAX_MEMBERS:
                    return
                self._frame = self._frames.decompressobj()
                self._n_frames += 1
            part = data[position : position + _ZSTD_SLICE_BYTES]
            try:
                piece = self._frame.decompress(part)
            except zstandard.ZstdError as error:
                raise CodingBroken(str(error)) from error
            position += len(part) - len(self._frame.unused_data)
            if piece:
                yield piece
