"""How are some hosts served, and everything that they say kept?"""

import fcntl
import hashlib
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from crawl.asked import HAVE, Asked, Key
from crawl.fetch.config import FetchConfig
from crawl.fetch.fetch import fetch
from crawl.fetch.outcome import Outcome, Status
from crawl.raw import Growing
from crawl.wishes import Ask, in_turn

logger = logging.getLogger(__name__)

PART: Final = "part"
_TELL_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What a worker must know besides whom to ask for what."""

    folder: Path
    """Of the raw shards."""
    fetch: FetchConfig
    visit: int
    shard_bytes: int
    """A raw shard that has so many is closed and another one begun."""
    about: tuple[tuple[str, str], ...]
    """Fields of the warcinfo records."""
    is_known_bad: Callable[[str], bool] | None = None
    """Whether an image of this sha256, in hex, must not be stored. Sent to the workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one worker is, or all of them together."""

    total: int = 0
    done: int = 0
    kept: int = 0
    hosts: int = 0
    """With requests still to be answered."""

    def __add__(self, other: "Progress") -> "Progress":
        return Progress(
            total=self.total + other.total,
            done=self.done + other.done,
            kept=self.kept + other.kept,
            hosts=self.hosts + other.hosts,
        )


def serve(partition: int, asks: Iterable[Ask], serving: Serving) -> Iterator[Asked]:
    """Ask for everything, politely, and keep what comes in growing raw shards.

    What such shards of this partition already hold is not asked for again, so that a worker that
    died, and the one that takes its work up, ask no host twice. A second worker with the same
    partition waits for the first.

    Yields:
        The row of every request, after it is written down.

    Raises:
        RuntimeError: The fetcher did not answer every request.
    """
    with _locked(serving.folder / f".{partition:04d}.lock"), _Parts(partition, serving) as parts:
        todo = in_turn(ask for ask in asks if ask.key not in parts.keys)
        teller = _Teller(serving.folder / f".{partition:04d}.progress", todo)
        for ask in todo:
            if ask.refused:
                yield teller.told(parts.add(_spared(ask), ask.page, by_page=True))
        pages = {ask.key: ask.page for ask in todo if not ask.refused}
        requests = (ask.request for ask in todo if not ask.refused)
        for outcome in fetch(requests, serving.fetch):
            page = pages.pop((outcome.kind, outcome.url))
            yield teller.told(parts.add(_gated(outcome, serving), page))
        teller.tell()
        if pages:
            raise RuntimeError(f"{len(pages)} requests had no outcome, one of them {min(pages)}")


class _Parts:
    """The growing shards of a partition: one that is open, and full ones."""

    def __init__(self, partition: int, serving: Serving) -> None:
        self._partition = partition
        self._serving = serving
        self._open = ExitStack()
        self.keys: set[Key] = set()
        """Of all requests in them."""
        names = sorted(serving.folder.glob(f".{partition:04d}-*.{PART}"))
        for name in names[:-1]:
            with Growing(name, dict(serving.about)) as full:
                self.keys |= full.keys
        self._next(len(names) - 1 if names else 0)
        self.keys |= self._growing.keys

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def add(self, outcome: Outcome, page: str, *, by_page: bool = False) -> Asked:
        if self._growing.n_bytes >= self._serving.shard_bytes:
            self._open.close()
            self._next(self._number + 1)
        return self._growing.add(outcome, page, self._serving.visit, by_page=by_page)

    def _next(self, number: int) -> None:
        self._number = number
        path = self._serving.folder / f".{self._partition:04d}-{number:05d}.{PART}"
        growing = Growing(path, dict(self._serving.about))
        self._growing = self._open.enter_context(growing)


class _Teller:
    """Says how far a worker is, in a small file: workers may be processes anywhere."""

    def __init__(self, path: Path, todo: list[Ask]) -> None:
        self._path = path
        self._left = Counter(ask.host for ask in todo)
        self._total = len(todo)
        self._done = self._kept = 0
        self._last = 0.0
        self.tell()

    def told(self, asked: Asked) -> Asked:
        self._done += 1
        self._kept += asked.status in HAVE
        self._left[asked.host] -= 1
        if not self._left[asked.host]:
            del self._left[asked.host]
        if time.monotonic() - self._last >= _TELL_EVERY_S:
            self.tell()
        return asked

    def tell(self) -> None:
        self._last = time.monotonic()
        now = Progress(total=self._total, done=self._done, kept=self._kept, hosts=len(self._left))
        aside = self._path.with_suffix(f".{os.getpid()}.tmp")
        aside.write_text(json.dumps(asdict(now)))
        aside.replace(self._path)


def read_progress(folder: Path) -> Progress:
    """How far all workers are together."""
    total = Progress()
    for path in sorted(folder.glob(".*.progress")):
        try:
            total += Progress(**json.loads(path.read_bytes()))
        except (OSError, ValueError):
            continue  # being replaced, or gone
    return total


def _spared(ask: Ask) -> Outcome:
    """The outcome for an image that was not asked for, because its page forbids it."""
    return Outcome(
        url=ask.request.url,
        kind=ask.request.kind,
        status=Status.OPT_OUT,
        final_url=ask.request.url,
        http_status=0,
        headers=(),
        body=b"",
        fetched_at="",
        n_attempts=0,
        opt_out=ask.refused,
        detail=f"the page says {', '.join(ask.refused)}; not asked for",
        retryable=False,
    )


def _gated(outcome: Outcome, serving: Serving) -> Outcome:
    """The outcome, without its body where that is an image known to be bad."""
    if serving.is_known_bad is None or outcome.kind != "image" or not outcome.body:
        return outcome
    if not serving.is_known_bad(hashlib.sha256(outcome.body).hexdigest()):
        return outcome
    detail = "its bytes are on a list of known-bad images; not stored"
    return replace(outcome, status=Status.KNOWN_BAD, body=b"", detail=detail, retryable=False)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
