"""What do these hosts answer, asked politely, and how does a run end whatever they do?"""

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from crawl.fetch.client import Client
from crawl.fetch.config import FetchConfig
from crawl.fetch.crawl import Crawl
from crawl.fetch.mailbox import Mailbox
from crawl.fetch.outcome import Outcome, Request
from crawl.fetch.resolver import Lookup, system_lookup

_log = logging.getLogger(__name__)

_BATCH: Final = 256
_STOP_S: Final = 5.0


def fetch(
    requests: Iterable[Request], config: FetchConfig, lookup: Lookup = system_lookup
) -> Iterator[Outcome]:
    """Ask many hosts at once, each one politely.

    The event loop runs in a thread of its own; requests are read in the caller's thread, as far
    ahead as `config.max_waiting_requests`. Close the iterator to stop early.

    Args:
        requests: What to ask for.
        config: Manners and limits.
        lookup: From host names to addresses; the operating system's by default.

    Returns:
        One outcome for every request, in order of completion.

    Raises:
        ValueError: `config.contact` is empty.
    """
    config.user_agent()
    return _outcomes(requests, config, lookup)


def _outcomes(
    requests: Iterable[Request], config: FetchConfig, lookup: Lookup
) -> Iterator[Outcome]:
    source = iter(requests)
    more = True
    n_open = 0
    loop = _LoopThread(config, lookup)
    try:
        while more or n_open:
            room = min(_BATCH, config.max_waiting_requests - n_open)
            if more and room > 0:
                batch = list(islice(source, room))
                more = len(batch) == room
                n_open += len(batch)
                loop.submit(batch)
            wait = n_open > 0 and (not more or n_open >= config.max_waiting_requests)
            outcomes = loop.mailbox.take(wait=wait)
            while outcomes:
                outcome = outcomes.popleft()
                n_open -= 1
                loop.mailbox.used(outcome)
                yield outcome
            if wait:
                loop.check()
    finally:
        loop.stop()


class _LoopThread:
    """An event loop in a thread of its own, with a crawl in it."""

    mailbox: Mailbox

    def __init__(self, config: FetchConfig, lookup: Lookup) -> None:
        self._config = config
        self._lookup = lookup
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="lait fetch", daemon=True)
        self._thread.start()
        self._ready.wait()
        self.check()

    def submit(self, batch: Sequence[Request]) -> None:
        """Hand over requests."""
        if not batch:
            return
        with suppress(RuntimeError):  # it has ended by itself, for a reason that `check` raises
            self._loop.call_soon_threadsafe(self._submit, batch)

    def check(self) -> None:
        """Raises what has stopped the thread, if anything has."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """End the run, finished or not."""
        if self._thread.is_alive():
            with suppress(RuntimeError):  # likewise
                self._loop.call_soon_threadsafe(self._crawl.end)
            self._thread.join(_STOP_S)
            if self._thread.is_alive():
                _log.warning("the fetcher's thread has not ended after %g s", _STOP_S)

    def _submit(self, batch: Sequence[Request]) -> None:
        try:
            self._crawl.submit(batch)
        except Exception as error:
            self._crawl.end(error)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        config = self._config
        self.mailbox = Mailbox(config.max_waiting_outcomes, config.max_waiting_bytes)
        try:
            self._crawl = Crawl(Client(config, self._lookup), config, self.mailbox)
            self._ready.set()
            try:
                await self._crawl.ended
            finally:
                await self._crawl.close()
        finally:
            self.mailbox.close()
