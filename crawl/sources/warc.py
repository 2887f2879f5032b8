"""Which pages and which images does a WARC archive hold, and what are an image's bytes?"""

import logging
import mmap
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from fastwarc.warc import ArchiveIterator, WarcRecordType

from crawl.bodies import BodyTooLarge
from crawl.damage import Damage
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.sources import layout
from crawl.sources.layout import Layout
from crawl.sources.responses import Limits, Response, items, parse_response

logger = logging.getLogger(__name__)

Item = Page | ImageRef | Damage
_READ_ERRORS = (OSError, ValueError, EOFError)
"""What fastwarc raises at a damaged record."""


def check_archive(path: str) -> None:
    """Make sure that a path names a WARC archive, by its first bytes.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is a folder, empty, or no WARC archive.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist; name a WARC archive")
    layout.probe(path)


def read_archive(path: str, *, max_page_bytes: int, max_image_bytes: int) -> Iterator[Item]:
    """Read every page, image reference and damaged place of an archive, in file order.

    Damage never raises: records before it and, where another record can be found, after it are
    kept. A record that the damage cuts short is not a page any more; it is reported instead.

    Args:
        path: A WARC file, plain or gzip. It is the `file` of everything that is read.
        max_page_bytes: Larger decoded documents become `Damage`.
        max_image_bytes: Larger compressed images become `Damage` and a reference of
            `max_image_bytes + 1` bytes; plain ones are only measured, not read.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no WARC archive.
    """
    check_archive(path)
    limits = Limits(max_page_bytes=max_page_bytes, max_image_bytes=max_image_bytes)
    return _read(path, limits)


def _read(path: str, limits: Limits) -> Iterator[Item]:
    kind = layout.probe(path)
    plain = kind is not Layout.STREAM
    stream, sound = (open(path, "rb"), True) if plain else layout.spool(path)  # noqa: SIM115
    with stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
        scan = _Scan(file=path, view=view, limits=limits, compressed=kind is Layout.MEMBERS)
        yield from scan.run(stream)
        if not sound:
            detail = "the gzip stream is damaged or cut short; everything before was read"
            yield Damage(file=path, offset=len(view), reason="bad_gzip", detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """One pass over an archive that begins again after every damaged place."""

    file: str
    view: mmap.mmap
    limits: Limits
    compressed: bool

    def run(self, stream: IO[bytes]) -> Iterator[Item]:
        start: int | None = 0
        while start is not None:
            resume = yield from self._stretch(stream, start)
            assert resume is None or resume > start, (self.file, start, resume)
            start = resume

    def _stretch(self, stream: IO[bytes], start: int) -> Generator[Item, None, int | None]:
        """Read records until the archive ends or breaks; return where to begin again."""
        stream.seek(start)
        position: int | None = None
        held: list[Item] = []
        # A record is given out once the next one is seen to begin where it should: a record of
        # false length swallows its neighbour's head.
        try:
            for record in ArchiveIterator(stream, parse_http=False):
                yield from held
                position, held = record.stream_pos, []
                held = list(self._items(record))
            detail = "the archive ends inside a record"
        except _READ_ERRORS as error:
            detail = " ".join(str(error).split()) or type(error).__name__
        broken = start if position is None else self._end(position)
        if broken is not None and not self.view[broken : broken + 4096].strip(b"\r\n\0"):
            if broken <= len(self.view):
                yield from held
                return None
            broken = None
        return (yield from self._resume(position or start, broken, held, detail))

    def _resume(
        self, position: int, broken: int | None, held: list[Item], detail: str
    ) -> Generator[Item, None, int | None]:
        """Report the damage; find the next sound record. `broken` None: the last read one is."""
        offset = position if broken is None else broken
        resume = self._next(position + 1 if broken is None else max(broken, position + 1))
        if broken is not None and not self.compressed:
            swallowed = self._next(position + 1)
            if swallowed is not None and swallowed < broken:
                offset, resume, held = position, swallowed, []
        if broken is not None:
            yield from held
        if resume == offset:
            resume = self._next(offset + 1)
        logger.warning("%s: damaged at byte %d: %s", self.file, offset, detail)
        reason = "truncated" if resume is None else "bad_record"
        yield Damage(file=self.file, offset=offset, reason=reason, detail=detail)
        return resume

    def _items(self, record: Any) -> Iterator[Item]:
        if record.record_type != WarcRecordType.response:
            return
        response = parse_response(record, self.file)
        if isinstance(response, Damage):
            yield response
        elif response is not None:
            yield from items(response, self.limits)

    def _end(self, offset: int) -> int | None:
        """Where the record at `offset` ends; None when it is itself damaged."""
        if self.compressed:
            return layout.member_end(self.view, offset)
        return layout.plain_end(self.view, offset)

    def _next(self, offset: int) -> int | None:
        find: Callable[[mmap.mmap, int], int | None]
        find = layout.next_member if self.compressed else layout.next_plain
        return find(self.view, offset)


class ArchiveReader:
    """Random access to the responses of one archive.

    A context manager, because it keeps the archive open. An archive that is one gzip stream of
    many records is decompressed once to a temporary file: its offsets count decompressed bytes.
    """

    def __init__(self, path: str) -> None:
        check_archive(path)
        self._path = path
        streamed = layout.probe(path) is Layout.STREAM
        self._file: IO[bytes] = layout.spool(path)[0] if streamed else open(path, "rb")  # noqa: SIM115

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
        self._file.close()

    def body(self, offset: int, max_bytes: int) -> bytes:
        """The body of the response at an offset, its encodings removed.

        Args:
            offset: As in `Page.offset` and `ImageRef.offset`.
            max_bytes: Limit of the decoded body.

        Raises:
            BodyTooLarge: The body is larger than `max_bytes`.
            ValueError: There is no readable HTTP response at `offset`.
        """
        try:
            return self._response(offset).body(max_bytes)[0]
        except BodyTooLarge:
            raise
        except (*_READ_ERRORS, StopIteration) as error:
            problem = " ".join(str(error).split()) or "no record"
            raise ValueError(f"{self._path}: no response at byte {offset}: {problem}") from error

    def _response(self, offset: int) -> Response:
        self._file.seek(offset)
        record = next(iter(ArchiveIterator(self._file, parse_http=False)))
        response = parse_response(record, self._path)
        if not isinstance(response, Response):
            raise ValueError("the record is no HTTP response")
        return response
