"""Which pages and which images does a WARC or ARC archive hold, and what are an image's bytes?"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from crawl.bodies import BodyTooLarge
from crawl.damage import Damage
from crawl.sources.heads import HEAD_BYTES, Format, Head, read_head
from crawl.sources.layout import (
    Kind,
    Layout,
    probe,
    probe_view,
    skip_record,
    spooled,
)
from crawl.sources.member import Member, is_member
from crawl.sources.parts import Part, first_position
from crawl.sources.responses import Limits, Reader, Response, items, read_response
from crawl.sources.view import View, open_view
from crawl.sources.walk import Content, Item, Record, Stretch, Walk, place_parts

logger = logging.getLogger(__name__)

_PLACES = ("bad_record", "truncated", "bad_gzip")
"""Reasons that are about the archive, not about what a server sent."""


def check_archive(path: str) -> None:
    """Make sure that a path names a WARC or ARC archive, by its first bytes.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is a folder, empty, or no archive.
        OSError: It cannot be read.
    """
    probe(path)


def read_archive(path: str, *, max_page_bytes: int, max_image_bytes: int) -> Iterator[Item]:
    """Read every page, image reference and damaged place of an archive, in file order.

    Damage never raises: records before it and, where another record can be found, after it are
    kept. A record that the damage cuts short is not a page any more; it is reported instead.

    Args:
        path: A WARC or ARC file, plain or gzip, here or remote (`crawl.sources.storage`). It is the
            `file` of everything that is read.
        max_page_bytes: Larger decoded documents become `Damage`.
        max_image_bytes: Larger compressed images become `Damage` and a reference of
            `max_image_bytes + 1` bytes; plain ones are only measured, not read.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no archive.
        OSError: It cannot be read, now or later.
    """
    check_archive(path)
    whole = Part(file=path)
    return read_part(whole, max_page_bytes=max_page_bytes, max_image_bytes=max_image_bytes)


def read_part(part: Part, *, max_page_bytes: int, max_image_bytes: int) -> Iterator[Item]:
    """Read what begins in one part of an archive; as `read_archive`, and raises as it does.

    The parts of an archive give together, in order, what `read_archive` gives.
    """
    limits = Limits(max_page_bytes=max_page_bytes, max_image_bytes=max_image_bytes)
    for item in _read(part, limits):
        if isinstance(item, Damage) and item.reason in _PLACES:
            logger.warning("%s: damaged at byte %d: %s", item.file, item.offset, item.detail)
        yield item


def _read(part: Part, limits: Limits) -> Iterator[Item]:
    consume = partial(_items, part.file, limits)
    with open_view(part.file) as view:
        kind = probe_view(view, part.file)
        start: int | None = part.start
        if kind.layout is Layout.STREAM:
            yield from _read_stream(part.file, view, kind.form, limits)
            return
        if part.start and kind.layout is Layout.MEMBERS:
            start = first_position(view, kind.form, part.start)
        walk = Walk(file=part.file, view=view, form=kind.form, layout=kind.layout, consume=consume)
        yield from walk.run(start, part.end)


def _read_stream(file: str, view: View, form: Format, limits: Limits) -> Iterator[Item]:
    consume = partial(_items, file, limits)
    with spooled(view, form) as (inner, missing):
        walk = Walk(file=file, view=inner, form=form, layout=Layout.PLAIN, consume=consume)
        yield from walk.run(0, None)
    for offset in missing:
        detail = "the compressed stream is damaged, cut short or too large; what could be read was"
        yield Damage(file=file, offset=offset, reason="bad_gzip", detail=detail)


def _items(file: str, limits: Limits, record: Record) -> Iterator[Item]:
    response = read_response(record.head, record.content, file, record.offset)
    if isinstance(response, Damage):
        yield response
    elif response is not None:
        yield from items(response, limits)


class ArchiveReader:
    """Random access to the responses of one archive.

    A context manager, because it keeps the archive open. Of a remote archive only the records asked
    for are fetched; one that is a gzip stream of many records is decompressed once to a temporary
    file: its offsets count decompressed bytes. Raises as `check_archive`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        with ExitStack() as opened:
            view = opened.enter_context(open_view(path))
            self._kind: Kind = probe_view(view, path)
            if self._kind.layout is Layout.STREAM:
                view, _ = opened.enter_context(spooled(view, self._kind.form))
            self._view: View = view
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the archive and drop the temporary file, if there is one."""
        self._opened.close()

    def body(self, offset: int, max_bytes: int) -> bytes:
        """The body of the response at an offset, its encodings removed.

        Args:
            offset: As in `Page.offset` and `ImageRef.offset`.
            max_bytes: Limit of the decoded body.

        Raises:
            BodyTooLarge: The body is larger than `max_bytes`.
            ValueError: There is no readable HTTP response at `offset`.
            OSError: The archive cannot be read any more.
        """
        try:
            return self._response(offset).body(max_bytes)[0]
        except BodyTooLarge:
            raise
        except ValueError as error:
            raise ValueError(f"{self._path}: no response at byte {offset}: {error}") from error

    def _response(self, offset: int) -> Response:
        if self._kind.layout is Layout.MEMBERS:
            head, content = self._in_member(*place_parts(offset))
        else:
            head = self._head(self._view[offset : offset + HEAD_BYTES])
            content = Content(Stretch(self._view, offset + head.n_bytes), head.content_bytes)
        response = read_response(head, content, self._path, offset)
        if not isinstance(response, Response):
            raise ValueError("the record is no HTTP response")
        return response

    def _in_member(self, offset: int, ordinal: int) -> tuple[Head, Reader]:
        if not is_member(self._view, offset):
            raise ValueError("no gzip member begins there")
        member = Member(self._view, offset)
        member.skip_padding()
        head = self._head(member.peek(HEAD_BYTES))
        for _ in range(ordinal):
            skip_record(member, head.n_bytes + head.content_bytes)
            head = self._head(member.peek(HEAD_BYTES))
        member.skip(head.n_bytes)
        return head, Content(member, head.content_bytes)

    def _head(self, data: bytes) -> Head:
        head = read_head(self._kind.form, data)
        if head is None:
            raise ValueError("no record begins there")
        return head
