"""How do outcomes get from the event loop to whoever waits for them, without piling up?"""

import asyncio
import threading
from collections import deque
from typing import Final

from crawl.fetch.outcome import Outcome

_BATCH: Final = 32
_BATCH_S: Final = 0.02


class Mailbox:
    """A bounded queue: filled by coroutines of one event loop, emptied by another thread.

    `put` never waits; whoever is about to start something that will be put waits for `room`
    first. So it overflows by at most what is under way. The other thread is woken for a few
    outcomes together: two threads that wake each other all the time cost each other more than
    the work itself.
    """

    def __init__(self, max_outcomes: int, max_bytes: int) -> None:
        """Must be made in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._max_outcomes = max_outcomes
        self._max_bytes = max_bytes
        self._filled = threading.Condition()
        self._outcomes: deque[Outcome] = deque()
        self._n_bytes = 0
        self._taken = 0
        self._closed = False
        self._emptied = asyncio.Event()
        self._wakes = False

    def put(self, outcome: Outcome) -> None:
        """Hand over an outcome."""
        with self._filled:
            self._outcomes.append(outcome)
            self._n_bytes += len(outcome.body)
            if len(self._outcomes) >= _BATCH or self._is_full():
                self._filled.notify()
                return
        if not self._wakes:
            self._wakes = True
            self._loop.call_later(_BATCH_S, self._wake)

    async def room(self) -> None:
        """Wait until there is room for one more."""
        while self._is_full():
            self._emptied.clear()
            if self._is_full():
                await self._emptied.wait()

    def close(self) -> None:
        """Nothing more will be put."""
        with self._filled:
            self._closed = True
            self._filled.notify()

    def take(self, *, wait: bool) -> deque[Outcome]:
        """All outcomes that are there, the oldest first; for another thread.

        Args:
            wait: Until there is one, or the mailbox is closed.
        """
        with self._filled:
            while wait and not self._outcomes and not self._closed:
                self._filled.wait()
            outcomes, self._outcomes = self._outcomes, deque()
            self._taken += len(outcomes)
            return outcomes

    def used(self, outcome: Outcome) -> None:
        """An outcome that was taken is not held here any more."""
        with self._filled:
            was_full = self._is_full()
            self._taken -= 1
            self._n_bytes -= len(outcome.body)
            if was_full and not self._is_full() and not self._closed:
                self._loop.call_soon_threadsafe(self._emptied.set)

    def _wake(self) -> None:
        self._wakes = False
        with self._filled:
            if self._outcomes:
                self._filled.notify()

    def _is_full(self) -> bool:
        n_outcomes = len(self._outcomes) + self._taken
        return n_outcomes >= self._max_outcomes or self._n_bytes >= self._max_bytes
