"""Whose turn is it to ask a host, of all that run in this process?

A host is asked one thing at a time, and rests between two requests. That must hold when a redirect
leads to a host that another queue serves, and when several fetchers run in threads of one process,
as they do in a Beam worker. So turns are kept for the process and not for one event loop.
"""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Final

_PRUNE_AT: Final = 4096


@dataclass(slots=True)
class Turn:
    """The present turn with one host."""

    free_at: float = 0.0
    """`time.monotonic()` before which the host is not asked; whoever has the turn may move it."""
    ended: float = 0.0
    """When its last answer ended."""
    away_until: float = 0.0
    """What a Retry-After has asked for, whether or not somebody is willing to wait so long."""
    taken: bool = False
    waiting: deque["_Waiter"] = field(default_factory=deque)

    def after(self, crawl_delay_s: float) -> float:
        """When the host may be asked, if its robots.txt, read just now, wants this delay."""
        return max(self.free_at, self.ended + crawl_delay_s)

    def rested(self, now: float) -> bool:
        """Whether nothing of it need be remembered."""
        return not self.taken and max(self.free_at, self.away_until) < now


@dataclass(slots=True, eq=False)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    called: asyncio.Future[None]
    given: bool = False


class Turns:
    """Turns with many hosts; safe to use from several event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, Turn] = {}

    def take(self, host: str) -> "Taking":
        """An async context manager: wait until nobody else talks to a host, and have the turn.

        The caller sleeps until `free_at` itself. Never take a turn while holding another: two
        hosts that redirect to each other would wait for each other for ever.
        """
        return Taking(self, host)

    def free_at(self, host: str, crawl_delay_s: float) -> float:
        """`time.monotonic()` before which a host is not asked; the past if nobody has yet."""
        with self._lock:
            turn = self._turns.get(host)
            return turn.after(crawl_delay_s) if turn else 0.0

    def away_until(self, host: str) -> float:
        """`time.monotonic()` until which a host has asked to be left alone."""
        with self._lock:
            turn = self._turns.get(host)
            return turn.away_until if turn else 0.0

    def join(self, host: str) -> "_Waiter | None":
        """Have the turn, or else wait for it. For `Taking` alone, as the two that follow."""
        with self._lock:
            if len(self._turns) >= _PRUNE_AT and host not in self._turns:
                self._prune()
            turn = self._turns.setdefault(host, Turn())
            if not turn.taken:
                turn.taken = True
                return None
            loop = asyncio.get_running_loop()
            waiter = _Waiter(loop=loop, called=loop.create_future())
            turn.waiting.append(waiter)
            return waiter

    def leave(self, host: str, waiter: _Waiter) -> None:
        """Wait no longer."""
        with self._lock:
            if not waiter.given:
                self._turns[host].waiting.remove(waiter)
                return
        self.pass_on(host)

    def pass_on(self, host: str) -> None:
        """Give the turn to who has waited longest."""
        with self._lock:
            turn = self._turns[host]
            while turn.waiting:
                waiter = turn.waiting.popleft()
                try:
                    waiter.loop.call_soon_threadsafe(_call, waiter.called)
                except RuntimeError:
                    continue  # its loop has been closed
                waiter.given = True
                return
            turn.taken = False

    def turn(self, host: str) -> Turn:
        """That of whoever has it."""
        return self._turns[host]

    def _prune(self) -> None:
        now = monotonic()
        rested = [host for host, turn in self._turns.items() if turn.rested(now)]
        for host in rested:
            del self._turns[host]


class Taking:
    """A turn from its beginning to its end."""

    def __init__(self, turns: Turns, host: str) -> None:
        self._turns = turns
        self._host = host

    async def __aenter__(self) -> Turn:
        waiter = self._turns.join(self._host)
        if waiter is not None:
            try:
                await waiter.called
            except asyncio.CancelledError:
                self._turns.leave(self._host, waiter)
                raise
        return self._turns.turn(self._host)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._turns.pass_on(self._host)


def _call(called: asyncio.Future[None]) -> None:
    if not called.done():
        called.set_result(None)


TURNS: Final = Turns()
"""Those of this process."""
