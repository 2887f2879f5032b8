"""How is one archive cut into parts that many workers read, and none reads twice?

An archive that is not compressed is cut where records begin: their heads are read in order, their
contents passed over. One of gzip members cannot be read in order without inflating all of it. It is
cut anywhere, and each worker finds the first record of its part by itself: it looks for a place
before the part where members certainly follow one another, and goes on from there.

A gzip member may hold a whole archive that somebody served; what looks like a member inside another
must not become a record. Such bytes do not compress, and lie there as they are, in blocks that the
deflate format (RFC 1951, section 3.2.4) ends after 65,535 bytes at most: members that follow one
another soundly for longer are no such thing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from crawl.sources.heads import Format
from crawl.sources.layout import Layout, after_padding, probe_view
from crawl.sources.member import is_member, member_end, next_member
from crawl.sources.saved import is_saved_folder
from crawl.sources.view import View, open_view
from crawl.sources.walk import Walk, resume

_STORED_BYTES: Final = 65_535
_CERTAIN_BYTES: Final = 2 * _STORED_BYTES
_FIRST_REACH: Final = 512 * 2**10


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The records of an archive that begin in [start, end): made by `parts`."""

    file: str
    start: int = 0
    end: int | None = None
    """None: to the end of the archive."""


def parts(path: str, part_bytes: int) -> Iterator[Part]:
    """Cut an archive into parts of about `part_bytes` bytes of the file.

    Together the parts hold every record and every damage of the archive, each once. An archive that
    is one gzip stream of many records is one part, and so is a folder of saved pages.

    Raises:
        FileNotFoundError, ValueError, OSError: As `layout.probe`.
    """
    if is_saved_folder(path):
        yield Part(file=path)
        return
    with open_view(path) as view:
        kind = probe_view(view, path)
        cuts: Iterator[int] = iter(())
        if len(view) > part_bytes and kind.layout is Layout.MEMBERS:
            cuts = iter(range(part_bytes, len(view), part_bytes))
        elif len(view) > part_bytes and kind.layout is Layout.PLAIN:
            cuts = _plain_cuts(view, kind.form, part_bytes)
        start = 0
        for cut in cuts:
            yield Part(file=path, start=start, end=cut)
            start = cut
        yield Part(file=path, start=start)


def _plain_cuts(view: View, form: Format, part_bytes: int) -> Iterator[int]:
    walk = Walk(file="", view=view, form=form, layout=Layout.PLAIN, consume=lambda _: ())
    start = 0
    for position in walk.positions():
        if position >= start + part_bytes:
            yield position
            start = position


def first_position(view: View, form: Format, border: int) -> int | None:
    """The first position of the pass over an archive of gzip members that is not before `border`.

    None when there is none. Reads half a megabyte before the border, more where records are larger
    or damaged.
    """
    position: int | None = None
    reach = _FIRST_REACH
    while position is None:
        position = _certain(view, form, border - reach, border) if reach < border else 0
        reach *= 4
    while position is not None and position < border:
        position = _after(view, form, position)
    return position


def _certain(view: View, form: Format, start: int, border: int) -> int | None:
    """A member in [start, border) that lies in no other one; None when none can be told."""
    candidate = next_member(view, form, start)
    while candidate is not None and candidate < border:
        broken = _break(view, candidate)
        if broken is None:
            return candidate
        candidate = next_member(view, form, broken + 1)
    return None


def _break(view: View, position: int) -> int | None:
    """Where members cease to follow one another before it is certain that they do; or None."""
    enough = position + _CERTAIN_BYTES
    while position < enough and after_padding(view, position) < len(view):
        end = member_end(view, position)
        if end is None:
            return position
        position = end
    return None


def _after(view: View, form: Format, position: int) -> int | None:
    """The position that `Walk` goes on with, without looking at the records."""
    if not is_member(view, position) and after_padding(view, position) == len(view):
        return None
    end = member_end(view, position)
    if end is None:
        return resume(view, form, Layout.MEMBERS, position)
    return end if end < len(view) else None
