"""What does an archive of Zstandard frames hold?

Zstandard compression for WARC files (IIPC, version 1.0, proposed): a frame a record, with a frame
before all others, to be skipped, that may hold the dictionary of the rest, itself maybe compressed.
Frames are those of RFC 8878.
"""

from collections.abc import Iterator
from typing import Final

import zstandard

from crawl.sources.view import View

FRAME: Final = b"\x28\xb5\x2f\xfd"
DICTIONARY: Final = b"\x5d\x2a\x4d\x18"
_SKIPPED: Final = b"\x2a\x4d\x18"
"""A frame to be skipped begins with a byte of 0x50 to 0x5F before these."""
_HEAD_BYTES: Final = 18
_BLOCK_HEAD_BYTES: Final = 3
_RLE, _RESERVED = 1, 3
_MAX_BLOCK_BYTES: Final = 128 * 2**10
_MAX_WINDOW_BYTES: Final = 128 * 2**20
"""What the reference decoder allows without being told otherwise."""
_MAX_DICTIONARY_BYTES: Final = 16 * 2**20
_PIECE_BYTES: Final = 256 * 2**10


def is_zstd(head: bytes) -> bool:
    """Whether a file that begins with `head` is one of Zstandard frames."""
    return head.startswith((FRAME, DICTIONARY))


class Frames:
    """The frames of a file, each decompressed in bounded pieces."""

    def __init__(self, view: View) -> None:
        """
        Raises:
            ValueError: It begins with a dictionary that cannot be read.
        """
        self._view = view
        self._decompressor = zstandard.ZstdDecompressor(
            dict_data=_dictionary(view), max_window_size=_MAX_WINDOW_BYTES
        )

    def head(self, n_bytes: int) -> bytes:
        """The first decompressed bytes: fewer where the first frame ends, none if it is damaged."""
        start = 0
        while (end := frame_end(self._view, start)) is not None and self._is_skipped(start):
            start = end
        return next(self.read(start, end, n_bytes), b"") if end is not None else b""

    def read(self, start: int, end: int, n_bytes: int = _PIECE_BYTES) -> Iterator[bytes]:
        """The pieces of one frame; b'' at their end tells that it is damaged."""
        if self._is_skipped(start):
            return
        source = _Stretch(self._view, start, end)
        with self._decompressor.stream_reader(source, read_across_frames=False) as reader:  # type: ignore[arg-type]
            try:
                while piece := reader.read(n_bytes):
                    yield piece
            except zstandard.ZstdError:
                yield b""

    def _is_skipped(self, start: int) -> bool:
        return self._view[start + 1 : start + 4] == _SKIPPED


def frame_end(view: View, start: int) -> int | None:
    """Where the frame at `start` ends, by its own block heads; None when there is no whole one."""
    head = view[start : start + _HEAD_BYTES]
    if head[1:4] == _SKIPPED and head[0] >> 4 == 5 and len(head) >= 8:
        end = start + 8 + int.from_bytes(head[4:8], "little")
        return end if end <= len(view) else None
    if not head.startswith(FRAME):
        return None
    try:
        position = start + zstandard.frame_header_size(head)
        checksum = 4 * zstandard.get_frame_parameters(head).has_checksum
    except zstandard.ZstdError:
        return None
    is_last = False
    while not is_last:
        block = int.from_bytes(view[position : position + _BLOCK_HEAD_BYTES], "little")
        if position + _BLOCK_HEAD_BYTES > len(view):
            return None
        is_last, kind, n_bytes = bool(block & 1), block >> 1 & 3, block >> 3
        if kind == _RESERVED or n_bytes > _MAX_BLOCK_BYTES:
            return None
        position += _BLOCK_HEAD_BYTES + (1 if kind == _RLE else n_bytes)
    end = position + checksum
    return end if end <= len(view) else None


def _dictionary(view: View) -> zstandard.ZstdCompressionDict | None:
    head = view[:8]
    if not head.startswith(DICTIONARY):
        return None
    n_bytes = int.from_bytes(head[4:], "little")
    if n_bytes > _MAX_DICTIONARY_BYTES or frame_end(view, 0) is None:
        raise ValueError(f"its dictionary of {n_bytes} bytes is too large or cut short")
    content = view[8 : 8 + n_bytes]
    if content.startswith(FRAME):
        decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
        try:
            with decompressor.stream_reader(content) as reader:
                content = reader.read(_MAX_DICTIONARY_BYTES + 1)
        except zstandard.ZstdError as error:
            raise ValueError(f"its dictionary cannot be read: {error}") from error
        if len(content) > _MAX_DICTIONARY_BYTES:
            raise ValueError(f"its dictionary is over {_MAX_DICTIONARY_BYTES} bytes")
    return zstandard.ZstdCompressionDict(content)


class _Stretch:
    """A part of a view, to be read in order."""

    def __init__(self, view: View, start: int, end: int) -> None:
        self._view = view
        self._position = start
        self._end = end

    def read(self, n_bytes: int = -1) -> bytes:
        stop = self._end if n_bytes < 0 else min(self._position + n_bytes, self._end)
        data = self._view[self._position : stop]
        self._position += len(data)
        return data
