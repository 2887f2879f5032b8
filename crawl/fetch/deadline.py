"""How long may a request still take?"""

import asyncio
import math
from collections.abc import Awaitable
from types import TracebackType
from typing import Final, Self

_SWEEP_S: Final = 0.05


class TooSlow(TimeoutError):  # noqa: N818 -- reads as the fact it states
    """Bytes come, and too few of them."""


class Watch:
    """Ends the requests of one event loop whose time is up.

    It looks at all of them twenty times a second. A timer for every phase of every request would
    cost more than the rest of the request's bookkeeping.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watched: set[Deadline] = set()
        self._sweeps = False

    def add(self, deadline: "Deadline") -> None:
        """Watch until `drop`."""
        self._watched.add(deadline)
        if not self._sweeps:
            self._sweeps = True
            self._loop.call_later(_SWEEP_S, self._sweep)

    def drop(self, deadline: "Deadline") -> None:
        """Watch no longer."""
        self._watched.discard(deadline)

    def _sweep(self) -> None:
        now = self._loop.time()
        for deadline in [deadline for deadline in self._watched if deadline.end <= now]:
            deadline.expire()
        self._sweeps = bool(self._watched)
        if self._sweeps:
            self._loop.call_later(_SWEEP_S, self._sweep)


class Deadline:
    """The nearer of two ends: that of the present phase, and that of the whole request.

    A context manager that raises TimeoutError when either is reached; `phase` then says which.
    """

    def __init__(self, watch: Watch, total_s: float) -> None:
        self._watch = watch
        self._now = asyncio.get_running_loop().time
        self._total_end = self._now() + total_s
        self._scope = asyncio.timeout(None)
        self._body_start = 0.0
        self.end = self._total_end
        self.phase = "total"

    async def __aenter__(self) -> Self:
        await self._scope.__aenter__()
        self._watch.add(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.drop(self)
        await self._scope.__aexit__(kind, error, trace)

    def expire(self) -> None:
        """The time is up."""
        self._watch.drop(self)
        self._scope.reschedule(self._now())

    def next(self, seconds: float, phase: str) -> None:
        """Begin a phase, or a step of it."""
        end = self._now() + seconds
        self.end, self.phase = (end, phase) if end < self._total_end else (self._total_end, "total")

    def begin_body(self) -> None:
        """Measure the rate from here."""
        self._body_start = self._now()

    def check_rate(self, n_bytes: int, min_bytes_per_s: float, after_s: float) -> None:
        """Raises TooSlow when a body has come too slowly for `after_s` or longer."""
        took_s = self._now() - self._body_start
        if took_s > after_s and n_bytes < took_s * min_bytes_per_s:
            raise TooSlow(f"{n_bytes} bytes in {took_s:.1f} s")

    async def outside(self, waiting: Awaitable[object]) -> None:
        """Wait for something of our own, which is no delay of the host's."""
        start = self._now()
        self.next(math.inf, "total")
        await waiting
        self._body_start += self._now() - start
