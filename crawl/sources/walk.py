"""Which records of an archive are sound, which places are damaged, and what comes after each?"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from crawl.damage import Damage
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.sources.heads import HEAD_BYTES, START, Format, Head, begins, read_head
from crawl.sources.layout import Layout, after_padding
from crawl.sources.member import Member, is_member, next_member
from crawl.sources.responses import Reader
from crawl.sources.view import View, search

Item = Page | ImageRef | Damage

_HELD_BYTES: Final = 64 * 2**20
_PLACE_BITS: Final = 40
_MOST_ORDINAL: Final = 2**22


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record that seems sound; whether it is shows at its end."""

    head: Head
    content: Reader
    offset: int
    """As in `Page.offset`; see `place`."""


class Content:
    """The content of a record, and no byte beyond."""

    def __init__(self, source: "Source", n_bytes: int) -> None:
        self._source = source
        self._left = n_bytes

    def read(self, n_bytes: int, /) -> bytes:
        """The next bytes; fewer only where the content or its archive ends."""
        data = self._source.read(min(n_bytes, self._left))
        self._left -= len(data)
        return data

    def skip_rest(self) -> bool:
        """Pass over what was not read; False when it is not all there."""
        return self._source.skip(self._left)


class Source(Protocol):
    """Bytes in order."""

    def read(self, n_bytes: int, /) -> bytes: ...

    def skip(self, n_bytes: int, /) -> bool: ...


class Stretch:
    """The bytes of a view from an offset on, as a `Source`."""

    def __init__(self, view: View, offset: int) -> None:
        self._view = view
        self._offset = offset

    def read(self, n_bytes: int, /) -> bytes:
        data = self._view[self._offset : self._offset + n_bytes]
        self._offset += len(data)
        return data

    def skip(self, n_bytes: int, /) -> bool:
        self._offset += n_bytes
        return self._offset <= len(self._view)


Consume = Callable[[Record], Iterable[Item]]
"""What is made of a record. Its items are given out only if the record proves sound."""


def place(member: int, ordinal: int) -> int:
    """The offset of a record in an archive of gzip members: 0-based `ordinal` in its member.

    Nearly always a member holds one record and the offset is the member's own. Some archives have
    been glued together from both kinds; there the ordinal stands above bit 40, so that an offset
    still names one record, fits in 64 bits and is read again without what came before.
    """
    return ordinal << _PLACE_BITS | member


def place_parts(offset: int) -> tuple[int, int]:
    """The member and the ordinal of a `place`."""
    return offset & (1 << _PLACE_BITS) - 1, offset >> _PLACE_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A pass over the positions of an archive: where records begin, or should but do not.

    What a position holds and which one is next depend on nothing that was read before: a pass from
    any position of it goes on as the pass from the beginning does.
    """

    file: str
    view: View
    form: Format
    layout: Layout
    """STREAM is walked decompressed, as PLAIN."""
    consume: Consume

    def run(self, start: int | None, end: int | None) -> Iterator[Item]:
        """What the positions in [start, end) hold; to the archive's end where `end` is None."""
        while start is not None and (end is None or start < end):
            start = yield from self._step(start)

    def positions(self) -> Iterator[int]:
        """All positions, from the first."""
        position: int | None = 0
        while position is not None:
            yield position
            position = _result(self._step(position))

    def _step(self, position: int) -> Generator[Item, None, int | None]:
        step = self._member if self.layout is Layout.MEMBERS else self._plain
        after = yield from step(position)
        assert after is None or after > position, (self.file, position, after)
        return after

    def _plain(self, position: int) -> Generator[Item, None, int | None]:
        view = self.view
        head = read_head(self.form, view[position : position + HEAD_BYTES])
        if head is None:
            first = self._after_line_ends(position)
            if first > position and begins(self.form, view[first : first + HEAD_BYTES]):
                return first
            if after_padding(view, position) == len(view):
                return None
            return (yield from self._damaged(position, "no record begins here"))
        start = position + head.n_bytes
        end = start + head.content_bytes
        if end > len(view):
            return (yield from self._damaged(position, "the archive ends inside a record"))
        after = self._after_line_ends(end)
        if after < len(view) and not begins(self.form, view[after : after + HEAD_BYTES]):
            # The next head is damaged, or this record's length is false and has swallowed it.
            swallowed = resume(view, self.form, self.layout, position)
            if swallowed is not None and swallowed < after:
                return (yield from self._damaged(position, "the record runs into the next one"))
        content = Content(Stretch(view, start), head.content_bytes)
        yield from self.consume(Record(head=head, content=content, offset=position))
        return after if after < len(view) else None

    def _after_line_ends(self, offset: int) -> int:
        data = self.view[offset : offset + 64]
        return offset + len(data) - len(data.lstrip(b"\r\n"))

    def _member(self, position: int) -> Generator[Item, None, int | None]:
        view = self.view
        if not is_member(view, position):
            if after_padding(view, position) == len(view):
                return None
            return (yield from self._damaged(position, "no gzip member begins here"))
        member = Member(view, position)
        held: list[Item] = []
        problem = yield from self._records(member, position, held)
        after = member.finish()
        if after is None:
            return (yield from self._damaged(position, "a gzip member is damaged or cut short"))
        yield from held
        if problem:
            yield self._damage(position, "bad_record", problem)
        return after if after < len(view) else None

    def _records(
        self, member: Member, position: int, held: list[Item]
    ) -> Generator[Item, None, str]:
        """Collect the items of a member's records; return what is wrong, '' when nothing is."""
        member.skip_padding()
        ordinal = n_bytes = 0
        while data := member.peek(HEAD_BYTES):
            head = read_head(self.form, data)
            if head is None or ordinal > _MOST_ORDINAL:
                return f"after {ordinal} records, a gzip member goes on with something else"
            if n_bytes > _HELD_BYTES and ordinal:
                # A member this large is not one record: its end is too far to wait for.
                yield from held
                held.clear()
            member.skip(head.n_bytes)
            content = Content(member, head.content_bytes)
            record = Record(head=head, content=content, offset=place(position, ordinal))
            items = list(self.consume(record))
            if not content.skip_rest():
                return "a gzip member ends before its record does"
            held += items
            n_bytes += head.n_bytes + head.content_bytes
            ordinal += 1
            member.skip_padding()
        return ""

    def _damaged(self, position: int, detail: str) -> Generator[Item, None, int | None]:
        after = resume(self.view, self.form, self.layout, position)
        reason = "truncated" if after is None else "bad_record"
        yield self._damage(position, reason, detail)
        return after

    def _damage(self, position: int, reason: str, detail: str) -> Damage:
        return Damage(file=self.file, offset=position, reason=reason, detail=detail)


def resume(view: View, form: Format, layout: Layout, position: int) -> int | None:
    """The position after a damaged one: the next place that can begin a record."""
    if layout is Layout.MEMBERS:
        return next_member(view, form, position + 1)
    return search(view, START[form], position + 1, HEAD_BYTES)


def _result(step: Generator[Item, None, int | None]) -> int | None:
    while True:
        try:
            next(step)
        except StopIteration as stop:
            after: int | None = stop.value
            return after
