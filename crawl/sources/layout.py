"""How are the records of an archive laid out in its file?"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import IO, Final

from crawl.sources.heads import HEAD_BYTES, START, Format, begins, read_head, recognise
from crawl.sources.member import GZIP_MAGIC, PADDING, Member, inflate_head, is_member, next_member
from crawl.sources.view import View, file_view, open_view, search
from crawl.sources.zstd_frames import FRAME, Frames, frame_end, is_zstd

_PROBED_MEMBERS: Final = 16
_PROBED_BYTES: Final = 4 * 2**20
_PIECE_BYTES: Final = 256 * 2**10
SPOOL_BYTES_LEAST: Final = 2**30
SPOOL_RATIO: Final = 100
"""An archive of one gzip stream may take so many times its size on the temporary disk, or
`SPOOL_BYTES_LEAST` if that is more; real ones take about 10 times."""


class Layout(Enum):
    """What an offset of an archive counts."""

    PLAIN = "plain"
    """Not compressed: bytes of the file."""
    MEMBERS = "members"
    """One gzip member a record: compressed bytes of the file."""
    STREAM = "stream"
    """Gzip members that hold several records, or Zstandard frames: bytes of the decompressed
    stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What must be known of an archive before it can be read."""

    layout: Layout
    form: Format


def probe(path: str) -> Kind:
    """Find what kind of archive a file is from its first bytes and, compressed, first members.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is a folder, empty, or no WARC or ARC archive.
        OSError: It cannot be read.
    """
    try:
        with open_view(path) as view:
            return probe_view(view, path)
    except IsADirectoryError as error:
        raise ValueError(f"{path} is a folder; name the archives in it") from error


def probe_view(view: View, path: str) -> Kind:
    """As `probe`, of a file that is open."""
    if len(view) == 0:
        raise ValueError(f"{path} is empty, not a WARC archive")
    head = view[:HEAD_BYTES]
    if is_zstd(head):
        return _zstd(view, path)
    compressed = head.startswith(GZIP_MAGIC)
    form = recognise(inflate_head(head) if compressed else head)
    if form is not None and not compressed:
        return Kind(layout=Layout.PLAIN, form=form)
    if form is not None:
        return _compressed(view, form, 0)
    found = _after_damage(view)
    if found is None:
        raise ValueError(
            f"{path} is not a WARC archive: it does not begin with 'WARC/' (nor, as ARC archives "
            "do, with 'filedesc:')"
        )
    return found


def _zstd(view: View, path: str) -> Kind:
    try:
        form = recognise(Frames(view).head(HEAD_BYTES))
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if form is None:
        raise ValueError(f"{path} is not a WARC archive: its first Zstandard frame holds none")
    return Kind(layout=Layout.STREAM, form=form)


def _after_damage(view: View) -> Kind | None:
    """The kind of an archive whose very beginning is damaged, by the first records after it."""
    beginning = view[:_PROBED_BYTES]
    for form in Format:
        member = next_member(beginning, form, 1)
        if member is not None:
            return _compressed(view, form, member)
    for form in Format:
        if search(beginning, START[form], 1, HEAD_BYTES) is not None:
            return Kind(layout=Layout.PLAIN, form=form)
    return None


def _compressed(view: View, form: Format, offset: int) -> Kind:
    streamed = _is_stream(view, form, offset)
    return Kind(layout=Layout.STREAM if streamed else Layout.MEMBERS, form=form)


def _is_stream(view: View, form: Format, offset: int) -> bool:
    """Whether one of the first members does not hold one record, whole and alone."""
    for _ in range(_PROBED_MEMBERS):
        if offset >= _PROBED_BYTES or not is_member(view, offset):
            return False
        member = Member(view, offset)
        head = read_head(form, member.peek(HEAD_BYTES).lstrip(b"\r\n"))
        whole = head is not None and skip_record(member, head.n_bytes + head.content_bytes)
        if whole and member.peek(1):
            return True
        after = member.finish()
        if after is None:
            return False  # damaged or cut short: reading will say so
        # A record that ends too early was written so, unless it goes on in the next member.
        next_head = inflate_head(view[after : after + HEAD_BYTES]).lstrip(b"\r\n")
        if not whole and next_head and not begins(form, next_head):
            return True
        offset = after
    return False


def skip_record(member: Member, n_bytes: int) -> bool:
    """Pass over a record and the line ends around it; False when it is not all there."""
    member.skip_padding()
    whole = member.skip(n_bytes)
    member.skip_padding()
    return whole


def after_padding(view: View, offset: int) -> int:
    """The first byte, at or after `offset`, that is neither a line end nor padding."""
    while data := view[offset : offset + 64]:
        rest = data.lstrip(PADDING)
        if rest:
            return offset + len(data) - len(rest)
        offset += len(data)
    return offset


@contextmanager
def spooled(view: View, form: Format) -> Iterator[tuple[View, tuple[int, ...]]]:
    """Decompress a whole archive to a temporary file, as long as the block lasts.

    Yields:
        Its bytes, and where in them something is missing: a member of the gzip file, or a Zstandard
        frame, was damaged there, or the limit of `SPOOL_RATIO` was reached. What could be read of a
        damaged one, and what follows it from the next that begins with a record, is there.
    """
    most = max(SPOOL_BYTES_LEAST, SPOOL_RATIO * len(view))
    with tempfile.TemporaryFile() as out:
        spool = _spool_zstd if is_zstd(view[:HEAD_BYTES]) else _spool_gzip
        missing = spool(view, form, out, most)
        out.flush()
        yield file_view(out, "decompressed archive"), tuple(missing)


def _spool_gzip(view: View, form: Format, out: IO[bytes], most: int) -> list[int]:
    missing: list[int] = []
    offset: int | None = 0
    while offset is not None and out.tell() < most:
        member = Member(view, offset)
        while (piece := member.read(_PIECE_BYTES)) and out.tell() < most:
            out.write(piece)
        after = member.finish() if out.tell() < most else None
        if after is None:
            missing.append(out.tell())
            after = next_member(view, form, offset + 1)
        elif after_padding(view, after) == len(view):
            after = None
        elif not is_member(view, after):
            missing.append(out.tell())
            after = next_member(view, form, after)
        offset = after
    return missing


def _spool_zstd(view: View, _form: Format, out: IO[bytes], most: int) -> list[int]:
    frames = Frames(view)
    missing: list[int] = []
    offset = 0
    while 0 <= offset < len(view):
        end = frame_end(view, offset)
        if end is None:
            missing.append(out.tell())
            offset = view.find(FRAME, offset + 1)
            continue
        for piece in frames.read(offset, end):
            if out.tell() >= most:
                return [*missing, out.tell()]
            if not piece:
                missing.append(out.tell())
            out.write(piece)
        offset = end
    return missing
