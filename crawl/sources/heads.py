"""What does the head of an archive's record say: how long is it, and what does it hold?"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

HEAD_BYTES: Final = 32 * 2**10
"""Longer heads are not read; no writer makes them."""

_WARC_START = re.compile(rb"WARC/[0-9]\.[0-9]{1,3}[ \t]*\r?\n")
_EMPTY_LINE = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_MOST_DIGITS: Final = 15
_ARC_LINE = re.compile(
    rb"([A-Za-z][A-Za-z0-9+.-]{1,30}:[^\r\n]{1,30000}) ([0-9A-Fa-f.:]{1,45}) ([0-9]{8,20}) "
    rb"([^\r\n]{0,300} )?(\S{1,15})[ \t]*\r?\n"
)
_ARC_VERSION = b"filedesc:"


class Format(Enum):
    """How records are written."""

    WARC = "WARC"
    """ISO 28500: a line `WARC/1.1`, fields, an empty line, the content."""
    ARC = "ARC"
    """The Internet Archive's, versions 1.0 and 1.1: one line of five fields, the content."""


START: Final = {
    # Not only at the start of a line: what stands before it may be damaged.
    Format.WARC: re.compile(_WARC_START.pattern + rb"[A-Za-z][A-Za-z-]{0,60}[ \t]*:"),
    Format.ARC: re.compile(rb"(?:\A|(?<=\n))" + _ARC_LINE.pattern),
}
"""What can begin a record, to be searched for where one is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One record, without its content."""

    n_bytes: int
    """Of the head itself; the content follows."""
    content_bytes: int
    """Length of the content, as the head says."""
    is_response: bool
    """The content is what a server answered, its HTTP head first."""
    url: str
    """As written, '' where the record has none."""
    fetched_at: str
    """ISO 8601 UTC, or '' where the record does not say."""


def recognise(data: bytes) -> Format | None:
    """The format of an archive that begins with `data`."""
    if data.lstrip(b"\r\n").startswith(b"WARC/"):
        return Format.WARC
    return Format.ARC if data.startswith(_ARC_VERSION) else None


def begins(form: Format, data: bytes) -> bool:
    """Whether a record begins here, though its head may be damaged further on."""
    start = _WARC_START if form is Format.WARC else _ARC_LINE
    return start.match(data) is not None


def head_end(data: bytes) -> tuple[int, int] | None:
    """Where the first empty line of `data` begins and ends; lines end with CR LF or a bare LF."""
    found = data.find(b"\r\n\r\n")
    before = data[: found + 1] if found >= 0 else data
    if b"\n\n" in before or b"\n\r\n" in before:
        match = _EMPTY_LINE.search(before)
        assert match is not None, before[:80]
        return match.span()
    return (found, found + 4) if found >= 0 else None


def read_head(form: Format, data: bytes) -> Head | None:
    """The head that `data` begins with; None when there is no whole and sound one."""
    return _warc(data) if form is Format.WARC else _arc(data)


def _warc(data: bytes) -> Head | None:
    first = _WARC_START.match(data)
    end = head_end(data) if first else None
    if first is None or end is None:
        return None
    block = data[first.end() : end[0]]
    if b"WARC/" in block and START[Format.WARC].search(block):
        return None  # the end of this head is missing, and with it the record's beginning
    if b"\n " in block or b"\n\t" in block:
        block = _FOLD.sub(b" ", block)
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip().lower(), value.strip())
    length = fields.get(b"content-length", b"")
    if not length.isdigit() or len(length) > _MOST_DIGITS:
        return None
    is_response = fields.get(b"warc-type", b"").lower() == b"response"
    return Head(
        n_bytes=end[1],
        content_bytes=int(length),
        is_response=is_response,
        url=fields.get(b"warc-target-uri", b"").decode("utf-8", "replace"),
        fetched_at=fields.get(b"warc-date", b"").decode("utf-8", "replace"),
    )


def _arc(data: bytes) -> Head | None:
    line = _ARC_LINE.match(data)
    if line is None or not line[5].isdigit():
        return None
    return Head(
        n_bytes=line.end(),
        content_bytes=int(line[5]),
        is_response=not line[1].startswith(_ARC_VERSION),
        url=line[1].decode("utf-8", "replace").strip(),
        fetched_at=_arc_date(line[3].decode()),
    )


def _arc_date(digits: str) -> str:
    """20140216050221 as the date that it means."""
    if len(digits) != len("20140216050221"):
        return ""
    day = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
    return f"{day}T{digits[8:10]}:{digits[10:12]}:{digits[12:]}Z"
