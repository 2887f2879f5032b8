"""How long does a host rest, and when is it left alone?"""

import math
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from crawl.fetch.config import FetchConfig

_SECONDS = re.compile(r"[0-9]{1,12}\Z")


def retry_after_s(value: str, date: str) -> float | None:
    """Seconds that a Retry-After header asks for; None if it says nothing (RFC 9110, 10.2.3).

    Args:
        value: The header: seconds, or the date when to come back.
        date: The Date header of the same answer, or '': their clock decides, not ours.
    """
    value = value.strip()
    if _SECONDS.match(value):
        return float(value)
    then = _date(value)
    if then is None:
        return None
    now = _date(date) or datetime.now(UTC)
    return max(0.0, (then - now).total_seconds())


def _date(value: str) -> datetime | None:
    if not value or len(value) > 64:
        return None
    try:
        parsed = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Manners:
    """What one host has taught us in this run."""

    host: str
    failures: int = 0
    """Attempts in a row that failed."""
    given_up: str = ""
    """Why the host is not asked any more; '' while it is."""
    n_rests: int = 0

    def answered(self) -> None:
        """The host works: it has given an answer that is not an excuse."""
        self.failures = 0

    def failed(self, config: FetchConfig, why: str) -> None:
        """Another attempt came to nothing."""
        self.failures += 1
        if self.failures >= config.breaker_failures and not self.given_up:
            self.given_up = f"{self.failures} failures in a row, the last: {why}"[:300]

    def crawl_delay(self, seconds: float, config: FetchConfig) -> None:
        """The host's robots.txt asks for a pause between requests."""
        if seconds > config.max_crawl_delay_s and not self.given_up:
            limit = f"max_crawl_delay_s={config.max_crawl_delay_s:g}"
            self.given_up = f"Crawl-delay of {seconds:g} s is over {limit}"

    def retry_after(self, seconds: float, config: FetchConfig) -> bool:
        """The host asks to be left alone for a while. Returns whether that is too long for us."""
        too_long = seconds > config.max_retry_after_s
        if too_long and not self.given_up:
            limit = f"max_retry_after_s={config.max_retry_after_s:g}"
            self.given_up = f"Retry-After of {seconds:.0f} s is over {limit}"
        return too_long

    def rest_s(self, took_s: float, asked_for_s: float, config: FetchConfig) -> float:
        """Until the next request: the longest of all reasons to wait, and a little more.

        Args:
            took_s: How long the last answer took.
            asked_for_s: What Crawl-delay or Retry-After ask for.
            config: The delays.
        """
        adapted_s = min(config.delay_factor * took_s, config.max_delay_s)
        rest_s = max(config.min_delay_s, adapted_s, asked_for_s, self._backoff_s(config))
        return rest_s * (1 + config.jitter_share * self._jitter())

    def _backoff_s(self, config: FetchConfig) -> float:
        if not self.failures:
            return 0.0
        doublings = min(self.failures - 1, 30)
        return min(math.ldexp(config.backoff_s, doublings), config.max_backoff_s)

    def _jitter(self) -> float:
        """In [0, 1): the same for the same host and the same number of requests."""
        self.n_rests += 1
        return zlib.crc32(f"{self.host} {self.n_rests}".encode()) / 2**32
