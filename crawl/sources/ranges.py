"""What does the record at a known place of an archive hold, read by its bytes alone?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from crawl.damage import Damage
from crawl.page import Page
from crawl.sources import walk
from crawl.sources.commoncrawl import join
from crawl.sources.heads import HEAD_BYTES, Format, read_head
from crawl.sources.layout import Layout
from crawl.sources.member import Member, is_member
from crawl.sources.picks import Pick
from crawl.sources.responses import Limits, items, read_response
from crawl.sources.storage import TRIES, read_range
from crawl.url import normalise


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How ranges are asked for."""

    max_gap_bytes: int = 16 * 2**10
    """Two records with no more than this between them come in one request: reading over a gap
    costs less than asking again."""
    max_span_bytes: int = 8 * 2**20
    """One request asks for no more, but for a single record that is larger."""
    max_record_bytes: int = 64 * 2**20
    """A longer record is not asked for; Common Crawl cuts what it keeps at a few megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One whole record, checked to be what was picked."""

    pick: Pick
    member: bytes
    """Its gzip member, byte for byte as archived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A pick that could not be had."""

    pick: Pick
    damage: Damage


def spans(picks: Iterable[Pick], asking: Asking) -> Iterator[list[Pick]]:
    """Groups of neighbours, each to be had in one request.

    Args:
        picks: Sorted by `Pick.place`. Only neighbours in this order are put together.
        asking: The limits.
    """
    span: list[Pick] = []
    end = 0
    for pick in picks:
        gap = pick.offset - end
        length = pick.offset + pick.length - span[0].offset if span else 0
        near = 0 <= gap <= asking.max_gap_bytes and length <= asking.max_span_bytes
        if span and not (near and pick.file == span[0].file):
            yield span
            span = []
        span.append(pick)
        end = pick.offset + pick.length
    if span:
        yield span


def read_span(base: str, span: list[Pick], asking: Asking) -> list[Record | Lost]:
    """Read the records of one span, as a rule in one request.

    Args:
        base: What the picks' files are relative to.
        span: Neighbours, as `spans` gives them.
        asking: The limits.

    Returns:
        For each pick its record, or why there is none.

    Raises:
        ValueError: Nothing at `base` can be read by ranges, or a package for it is missing.
    """
    path = join(base, span[0].file)
    start = span[0].offset
    length = span[-1].offset + span[-1].length - start
    if length > asking.max_record_bytes:
        detail = f"record of {length} bytes is over {asking.max_record_bytes}"
        return [Lost(pick=pick, damage=_damage(path, pick, "too_large", detail)) for pick in span]
    data, reason, detail = _ask(path, start, length)
    found: list[Record | Lost] = []
    for pick in span:
        piece = data[pick.offset - start : pick.offset - start + pick.length]
        if len(piece) < pick.length:
            wrong: Damage | None = _damage(path, pick, reason, detail)
        else:
            wrong = check(path, pick, piece, asking.max_record_bytes)
        found.append(Lost(pick=pick, damage=wrong) if wrong else Record(pick=pick, member=piece))
    return found


def _ask(path: str, start: int, length: int) -> tuple[bytes, str, str]:
    """The bytes, as many as came, and what to say of those that did not."""
    data = b""
    try:
        data = read_range(path, start, length)
        if 0 < len(data) < length:
            # The archive ends here, or the server was not willing to give more at once.
            data += read_range(path, start + len(data), length - len(data))
    except FileNotFoundError as error:
        return data, "not_found", str(error)
    except OSError as error:
        return data, "unreachable", f"after {TRIES} tries: {error}"
    return data, "truncated", f"{len(data)} of {length} bytes came from byte {start}"


def check(path: str, pick: Pick, piece: bytes, max_bytes: int) -> Damage | None:
    """What is wrong with the bytes of a record, if anything is.

    Args:
        path: Where they were read.
        pick: What they should be.
        piece: The bytes.
        max_bytes: Limit of the decompressed record.
    """
    if not is_member(piece, 0):
        return _damage(path, pick, "bad_range", "no gzip member begins here")
    member = Member(piece, 0)
    head = read_head(Format.WARC, member.peek(HEAD_BYTES))
    if member.skip(max_bytes + 1):
        return _damage(path, pick, "too_large", f"the record expands beyond {max_bytes} bytes")
    end = member.finish()
    if end is None:
        return _damage(path, pick, "bad_gzip", "the gzip member is damaged or longer than that")
    if end < len(piece):
        return _damage(path, pick, "bad_range", "the gzip member is shorter than that")
    if head is None or not head.is_response:
        return _damage(path, pick, "bad_range", "it is no response record")
    url = normalise(head.url.removeprefix("<").removesuffix(">"), "")
    if url is None or url != normalise(pick.url, ""):
        return _damage(path, pick, "other_record", f"it is of {head.url[:200]}")
    return None


def to_items(base: str, record: Record, limits: Limits) -> Iterator[Page | Damage]:
    """The page that a record holds, as if the whole archive had been read, or why it has none.

    `file` and `offset` of what is given are the archive's, so a candidate's id does not tell by
    which way its page was read.
    """
    path, pick = join(base, record.pick.file), record.pick

    def consume(inner: walk.Record) -> Iterator[walk.Item]:
        response = read_response(inner.head, inner.content, path, pick.offset)
        if isinstance(response, Damage):
            yield response
        elif response is not None:
            yield from items(response, limits)

    whole = walk.Walk(
        file=path,
        view=record.member,
        form=Format.WARC,
        layout=Layout.MEMBERS,
        consume=consume,
    )
    found = 0
    for item in whole.run(0, None):
        if isinstance(item, Page | Damage):
            found += 1
            yield replace(item, offset=pick.offset)
    if not found:
        yield _damage(path, pick, "no_page", f"{pick.url[:200]}: no HTML with status 200")


def read_record(
    base: str, pick: Pick, limits: Limits, asking: Asking | None = None
) -> Iterator[Page | Damage]:
    """Read one record by its place; see `read_span` and `to_items`."""
    for found in read_span(base, [pick], asking or Asking()):
        if isinstance(found, Lost):
            yield found.damage
        else:
            yield from to_items(base, found, limits)


def _damage(path: str, pick: Pick, reason: str, detail: str) -> Damage:
    return Damage(file=path, offset=pick.offset, reason=reason, detail=detail)
