"""Which URLs does a crawl want, and which of them is to be asked for next?"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import Final, Literal, TypeAlias

from crawl.asked import HAVE, Asked, Key, host_of
from crawl.candidate import Candidate
from crawl.fetch.outcome import Kind, Request, Status

Images: TypeAlias = Literal["main", "all", "none"]
"""Of the images that a page shows, which to ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One document or picture, under all URLs it may be had from."""

    kind: Kind
    page: str
    urls: tuple[str, ...]
    """Versions of one picture, best first; of a page its URL."""
    opt_out: tuple[str, ...] = ()
    """Signals of the page that forbid to ask for its picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a host is to be asked for now."""

    request: Request
    page: str
    refused: tuple[str, ...] = ()
    """Signals of the page: the host is not asked, only the ledger told."""

    @property
    def key(self) -> Key:
        return self.request.kind, self.request.url

    @property
    def host(self) -> str:
        return host_of(self.request.url)


class State(Enum):
    """What is known of a URL."""

    NEW = "new"
    """To be asked for in this visit."""
    HAVE = "have"
    GONE = "gone"
    """Asked for, and not to be had."""
    FAILED = "failed"
    """Asked for without success that may come another day."""
    SPARED = "spared"
    """Not asked for, because a page that shows it forbids it; another page may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a URL, and what makes asking again conditional."""

    state: State
    etag: str = ""
    last_modified: str = ""


UNKNOWN: Final = Known(state=State.NEW)
AT_HAND: Final = Known(state=State.HAVE)
"""An archive holds it."""


def of_page(url: str) -> Wish:
    """The wish for a page."""
    return Wish(kind="page", page=url, urls=(url,))


def of_candidate(
    candidate: Candidate, images: Images, max_versions: int, obey_opt_outs: bool
) -> Iterator[Wish]:
    """The wish for a picture of a page, if it is one that is asked for.

    Args:
        images: `main` for what the page is about.
        max_versions: URLs of the picture that are tried at most.
        obey_opt_outs: Whether an image is spared when its page says so.
    """
    if images == "none" or (images == "main" and not candidate.is_main):
        return
    urls = tuple(dict.fromkeys((candidate.image_url, *candidate.alternative_urls)))
    yield Wish(
        kind="image",
        page=candidate.page_url,
        urls=urls[:max_versions],
        opt_out=candidate.opt_out if obey_opt_outs else (),
    )


def in_order(rows: Iterable[Asked]) -> list[Asked]:
    """The rows of one URL as they came about."""
    return sorted(rows, key=lambda row: (row.visit, row.shard_number))


def standing(body: Asked | None, row: Asked) -> Asked | None:
    """Which body is good after one more answer, `body` having been good before.

    A 304 and a failure that may pass leave the earlier body standing; a refusal does not.
    """
    if row.status is Status.OK:
        return row
    return body if row.status is Status.NOT_MODIFIED or row.retryable else None


def known(rows: Iterable[Asked], visit: int, *, retry_failed: bool) -> Known:
    """What the ledger knows of one URL.

    Args:
        rows: All of the URL, in any order.
        visit: The visit that is under way; what was asked for in earlier ones is asked for again.
        retry_failed: Ask again for what failed in this visit and may succeed now.
    """
    ordered = in_order(rows)
    if not ordered:
        return UNKNOWN
    last = ordered[-1]
    # Another version of a picture that must not be stored is no better.
    if last.visit == visit and last.status in (*HAVE, Status.KNOWN_BAD):
        return AT_HAND
    if last.visit == visit and last.by_page:
        return Known(state=State.SPARED)
    if last.visit == visit and not (last.retryable and retry_failed):
        return Known(state=State.FAILED if last.retryable else State.GONE)
    body = reduce(standing, ordered, None)
    if body is None:
        return UNKNOWN
    newest = next((row for row in reversed(ordered) if row.status in HAVE and row.etag), body)
    return Known(state=State.NEW, etag=newest.etag, last_modified=body.last_modified)


def next_ask(wish: Wish, found: Mapping[int, Known]) -> Ask | None:
    """What to ask for to fulfil a wish; None when there is nothing to be done now.

    The best version first; another one only when a better one is not to be had for good.

    Args:
        found: What is known of the wish's URLs, by their place; unknown ones may be missing.
    """
    for rank, url in enumerate(wish.urls):
        about = found.get(rank, UNKNOWN)
        if about.state is State.GONE and not wish.opt_out:
            continue
        spared = about.state is State.SPARED and not wish.opt_out
        if about.state is not State.NEW and not spared:
            return None
        request = Request(
            url=url, kind=wish.kind, etag=about.etag, last_modified=about.last_modified
        )
        return Ask(request=request, page=wish.page, refused=wish.opt_out)
    return None


def merge(asks: Iterable[Ask]) -> Ask:
    """One of several that want the same URL: one page that does not forbid it is enough."""
    return min(asks, key=lambda ask: (bool(ask.refused), ask.page, ask.refused))


def in_turn(asks: Iterable[Ask]) -> list[Ask]:
    """Ordered so that every host has its first turn before any has its second."""
    turns: Counter[str] = Counter()
    placed = []
    for ask in sorted(asks, key=lambda ask: ask.key):
        turns[ask.host] += 1
        placed.append((turns[ask.host], ask.host, ask))
    return [ask for *_, ask in sorted(placed, key=lambda one: one[:2])]
