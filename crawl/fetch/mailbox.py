"""How do outcomes get from the event loop to whoever waits for them, without piling up?"""

import asyncio
import threading
from collections import deque

from crawl.fetch.outcome import Outcome


class Mailbox:
    """A bounded queue: filled by coroutines of one event loop, emptied by another thread.

    `put` never waits; whoever is about to start something that will be put waits for `room`
    first. So it overflows by at most what is under way.
    """

    def __init__(self, max_outcomes: int, max_bytes: int) -> None:
        """Must be made in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._max_outcomes = max_outcomes
        self._max_bytes = max_bytes
        self._filled = threading.Condition()
        self._outcomes: deque[Outcome] = deque()
        self._n_bytes = 0
        self._closed = False
        self._emptied = asyncio.Event()

    def put(self, outcome: Outcome) -> None:
        """Hand over an outcome."""
        with self._filled:
            self._outcomes.append(outcome)
            self._n_bytes += len(outcome.body)
            self._filled.notify()

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

    def take(self, *, wait: bool) -> Outcome | None:
        """The oldest outcome, from another thread.

        Args:
            wait: Until there is one, or the mailbox is closed.

        Returns:
            None when there is none.
        """
        with self._filled:
            while wait and not self._outcomes and not self._closed:
                self._filled.wait()
            if not self._outcomes:
                return None
            was_full = self._is_full()
            outcome = self._outcomes.popleft()
            self._n_bytes -= len(outcome.body)
            if was_full and not self._is_full() and not self._closed:
                self._loop.call_soon_threadsafe(self._emptied.set)
            return outcome

    def _is_full(self) -> bool:
        return len(self._outcomes) >= self._max_outcomes or self._n_bytes >= self._max_bytes
