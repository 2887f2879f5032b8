"""How are the records of an archive laid out, and where does the next sound one begin?"""

import mmap
import re
import tempfile
import zlib
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import IO

GZIP_MAGIC = b"\x1f\x8b\x08"
_PIECE_BYTES = 64 * 2**10
_HEADER_BYTES = 32 * 2**10
_PROBED_MEMBERS = 16
_PROBED_BYTES = 4 * 2**20
_CONTENT_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,15})", re.IGNORECASE | re.MULTILINE)
_RECORD = re.compile(rb"(?<=\n)WARC/[01]\.[0-9]+\r?\n")
_ARC = re.compile(rb"filedesc://")


class Layout(Enum):
    """What an offset of an archive counts."""

    PLAIN = "plain"
    """Not compressed: bytes of the file."""
    MEMBERS = "members"
    """One gzip member a record: compressed bytes of the file."""
    STREAM = "stream"
    """Gzip members that hold several records: bytes of the decompressed stream."""


def probe(path: str) -> Layout:
    """Find an archive's layout from its first bytes and, when compressed, first members.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is a folder, empty, or no WARC archive.
    """
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder; name the WARC archives in it")
    with open(path, "rb") as file:
        head = file.read(_HEADER_BYTES)
    compressed = head.startswith(GZIP_MAGIC)
    start = inflate_head(head) if compressed else head[:64]
    if not head:
        raise ValueError(f"{path} is empty, not a WARC archive")
    if _ARC.match(start):
        raise ValueError(f"{path} is an ARC archive; convert it to WARC first (warcio recompress)")
    if not start.lstrip(b"\r\n").startswith(b"WARC/"):
        raise ValueError(f"{path} is not a WARC archive: it does not begin with 'WARC/'")
    return _compressed_layout(path) if compressed else Layout.PLAIN


def inflate_head(data: bytes) -> bytes:
    """The first few decompressed bytes of a gzip member; b'' when it is none."""
    try:
        return zlib.decompressobj(31).decompress(data, 64)
    except zlib.error:
        return b""


def _compressed_layout(path: str) -> Layout:
    """STREAM as soon as one of the first members goes on after its record."""
    with open(path, "rb") as file:
        offset = 0
        for _ in range(_PROBED_MEMBERS):
            if offset >= _PROBED_BYTES:
                break
            file.seek(offset)
            inflater = zlib.decompressobj(31)
            if _holds_several(_member(file, inflater)):
                return Layout.STREAM
            if not inflater.eof:
                break  # damaged or truncated: the reader will say so
            offset = file.tell() - len(inflater.unused_data)
    return Layout.MEMBERS


def _member(file: IO[bytes], inflater: "zlib._Decompress") -> Iterator[bytes]:
    """Decompressed pieces of the member the file stands at; ends quietly at damage."""
    try:
        while not inflater.eof and (data := file.read(_PIECE_BYTES)):
            while data and not inflater.eof:
                yield inflater.decompress(data, _PIECE_BYTES)
                data = inflater.unconsumed_tail
    except zlib.error:
        return


def _holds_several(pieces: Iterator[bytes]) -> bool:
    """Whether anything but line ends follows the first record of a member."""
    head = b""
    end = None
    n_seen = 0
    for piece in pieces:
        if end is None:
            head += piece
            end = _record_bytes(head)
            if end is None and len(head) > _HEADER_BYTES:
                return False
            piece, n_seen = head, 0
        if end is not None and piece[max(end - n_seen, 0) :].strip(b"\r\n"):
            return True
        n_seen += len(piece)
    return False


def _record_bytes(head: bytes) -> int | None:
    """Length of the record that begins here, header included; None without its whole header."""
    end = re.search(rb"\r?\n\r?\n", head)
    if end is None:
        return None
    length = _CONTENT_LENGTH.search(head, 0, end.start() + 1)
    return end.end() + (int(length[1]) if length else 0)


def plain_end(view: mmap.mmap, offset: int) -> int:
    """Where the record at `offset` of an uncompressed archive should end."""
    length = _record_bytes(view[offset : offset + _HEADER_BYTES])
    end = offset + (length if length is not None else _HEADER_BYTES)
    line_ends = view[end : end + 4]
    return end + len(line_ends) - len(line_ends.lstrip(b"\r\n"))


def member_end(view: mmap.mmap, offset: int) -> int | None:
    """Where the gzip member at `offset` ends; None when it is damaged or cut short."""
    inflater = zlib.decompressobj(31)
    position = offset
    try:
        while not inflater.eof:
            data = view[position : position + _PIECE_BYTES]
            if not data:
                return None
            position += len(data)
            while data and not inflater.eof:
                inflater.decompress(data, _PIECE_BYTES)
                data = inflater.unconsumed_tail
    except zlib.error:
        return None
    return position - len(inflater.unused_data)


def next_plain(view: mmap.mmap, offset: int) -> int | None:
    """Offset of the next line that can begin a record, or None."""
    match = _RECORD.search(view, offset)
    return match.start() if match else None


def next_member(view: mmap.mmap, offset: int) -> int | None:
    """Offset of the next gzip member that begins with a WARC record, or None."""
    while (offset := view.find(GZIP_MAGIC, offset)) >= 0:
        if inflate_head(view[offset : offset + 1024]).startswith(b"WARC/"):
            return offset
        offset += 1
    return None


def spool(path: str) -> tuple[IO[bytes], bool]:
    """Decompress a whole gzip file to a temporary file.

    Returns:
        The file, positioned at 0, and whether the gzip stream was sound to its end. Damaged
        streams give everything before the damage.
    """
    out = tempfile.TemporaryFile()  # noqa: SIM115 -- the caller closes it
    with open(path, "rb") as file:
        offset = 0
        while True:
            file.seek(offset)
            inflater = zlib.decompressobj(31)
            for piece in _member(file, inflater):
                out.write(piece)
            if not inflater.eof:
                sound = offset > 0 and not _is_gzip(file, offset)
                break
            offset = file.tell() - len(inflater.unused_data)
    out.seek(0)
    return out, sound


def _is_gzip(file: IO[bytes], offset: int) -> bool:
    """What follows the last member is padding unless it begins another one."""
    file.seek(offset)
    return file.read(2) == GZIP_MAGIC[:2]
