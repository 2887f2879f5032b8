"""What does a crawl keep of each request, and how is it read back after a kill?

A raw shard is a WARC 1.1 file, one gzip member a record:

    warcinfo   who crawled, and how
    response   what the server said, where something was kept (revisit after a 304)
    metadata   the row of the request ledger, as JSON
    response
    metadata
    ...

The records of a request are written at once, the row last. Whatever the file holds up to its last
sound row is whole, and the ledger (`raw/*.parquet`) can be made from it again.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from crawl.asked import Asked, Key, from_row, host_of
from crawl.fetch.outcome import Outcome, Status
from crawl.sources.heads import HEAD_BYTES
from crawl.sources.member import Member, is_member
from crawl.sources.view import View, open_view
from crawl.warc_records import has_response, kept_body, records, warcinfo

_METADATA: Final = b"\r\nWARC-Type: metadata\r\n"
_MOST_ROW_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request as a raw shard holds it."""

    asked: Asked
    """With `offset`, without `shard`."""
    start: int
    end: int
    """Its records are the bytes [start, end) of the file."""


class Growing:
    """A raw shard being written; what an earlier process left of it is taken up.

    A context manager. A second process that opens the same file waits until the first leaves it.
    """

    def __init__(self, path: Path, about: Mapping[str, str]) -> None:
        """
        Args:
            path: The file; made when it is not there.
            about: Fields of the warcinfo record.
        """
        self._about = about
        self._file = path.open("ab", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.keys: set[Key] = set()
        """Of all requests in the file."""
        self.n_bytes = 0
        for entry in entries(path):
            self.keys.add(entry.asked.key)
            self.n_bytes = entry.end
        self._file.truncate(self.n_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.fsync(self._file.fileno())
        self._file.close()

    def add(self, outcome: Outcome, page: str, visit: int, *, by_page: bool = False) -> Asked:
        """Write down what came of a request. Once this returns, no kill of the process loses it.

        Args:
            page: The page it was needed for.
            visit: See `Asked.visit`.
            by_page: See `Asked.by_page`.
        """
        body = kept_body(outcome)
        asked = row_of(outcome, body, page, visit, by_page=by_page)
        if not self.n_bytes:
            self._write(warcinfo(self._about, asked.fetched_at))
        if has_response(outcome):
            asked = replace(asked, offset=self.n_bytes)
        self._write(records(outcome, body, asked))
        self.keys.add(asked.key)
        return asked

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]
        self.n_bytes += len(data)


def entries(path: Path) -> Iterator[Entry]:
    """The requests that a raw shard holds, up to the first byte that is damaged or missing."""
    with open_view(str(path)) as view:
        position = start = 0
        while is_member(view, position):
            member = Member(view, position)
            asked = _row(member)
            end = member.finish()
            if end is None:
                return
            if asked is not None:
                offset = start if start < position else -1
                yield Entry(asked=replace(asked, offset=offset), start=start, end=end)
            if asked is not None or position == 0:
                start = end  # the first member is the warcinfo record
            position = end


def beginning(view: View) -> bytes:
    """The warcinfo member of a raw shard."""
    return view[0 : Member(view, 0).finish() or 0]


def copy(path: Path, wanted: Iterable[Entry]) -> Iterator[bytes]:
    """A raw shard with some of its entries, each as it is, in pieces."""
    with open_view(str(path)) as view:
        yield beginning(view)
        for entry in wanted:
            yield view[entry.start : entry.end]


def row_of(outcome: Outcome, body: bytes, page: str, visit: int, *, by_page: bool = False) -> Asked:
    """The row of the ledger, its place left open.

    Args:
        body: What is kept of the outcome's.
    """
    headers = dict(reversed(outcome.headers))
    have = outcome.status in (Status.OK, Status.NOT_MODIFIED)
    return Asked(
        url=outcome.url,
        kind=outcome.kind,
        page=page,
        host=host_of(outcome.url),
        status=outcome.status,
        http_status=outcome.http_status,
        final_url=_line(outcome.final_url) if outcome.http_status else "",
        n_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest() if body else "",
        fetched_at=outcome.fetched_at,
        n_attempts=outcome.n_attempts,
        opt_out=outcome.opt_out,
        by_page=by_page,
        retryable=outcome.retryable,
        etag=_line(headers.get("etag", "")) if have else "",
        last_modified=_line(headers.get("last-modified", "")) if have else "",
        detail=_line(outcome.detail)[:300],
        visit=visit,
    )


def _line(text: str) -> str:
    """What a server said, as a line that UTF-8 can hold."""
    return " ".join(text.encode("utf-8", "replace").decode().split())


def _row(member: Member) -> Asked | None:
    """The row that a metadata record holds; None for another record, and for one that is cut."""
    data = member.peek(HEAD_BYTES)
    head, found, _ = data.partition(b"\r\n\r\n")
    if not found or _METADATA not in head + b"\r\n":
        return None
    member.skip(len(head) + len(found))
    try:
        return from_row(json.loads(member.read(_MOST_ROW_BYTES)))
    except (ValueError, TypeError, KeyError):
        return None
