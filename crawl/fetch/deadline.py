"""How long may a request still take?"""

import asyncio
import math
from collections.abc import Awaitable
from types import TracebackType
from typing import Self


class TooSlow(TimeoutError):  # noqa: N818 -- reads as the fact it states
    """Bytes come, and too few of them."""


class Deadline:
    """The nearer of two ends: that of the present phase, and that of the whole request.

    A context manager that raises TimeoutError when either is reached; `phase` then says which.
    """

    def __init__(self, total_s: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._end = self._now() + total_s
        self._scope = asyncio.timeout_at(self._end)
        self._body_start = 0.0
        self.phase = "total"

    async def __aenter__(self) -> Self:
        await self._scope.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._scope.__aexit__(kind, error, trace)

    def next(self, seconds: float, phase: str) -> None:
        """Begin a phase, or a step of it."""
        end = self._now() + seconds
        self.phase = phase if end < self._end else "total"
        self._scope.reschedule(min(end, self._end))

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
