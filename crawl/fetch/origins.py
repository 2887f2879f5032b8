"""What may we ask an origin for: what do its robots.txt and its tdmrep.json say?"""

from dataclasses import dataclass
from time import monotonic
from typing import Final

from crawl.fetch.addresses import AddressFilter, AddressRefused, Target, UrlRefused, target
from crawl.fetch.asking import Asker
from crawl.fetch.client import Answer, Want
from crawl.fetch.config import FetchConfig
from crawl.fetch.failures import Failure, Headers
from crawl.fetch.outcome import Status
from crawl.fetch.places import Place
from crawl.fetch.robots import ALLOW_ALL, MAX_ROBOTS_BYTES, Rules, read_rules
from crawl.optout import MAX_TDMREP_BYTES, TDMREP_PATH, Reservations, read_tdmrep
from crawl.url import normalise

MAX_ROBOTS_REDIRECTS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TEXT_HEADERS: Final = {"Accept": "text/plain,*/*;q=0.5", "Accept-Encoding": "gzip, deflate, br"}
_OWN_STATUS: Final = frozenset(Status) - {Status.BROKEN}
"""Failures that say more under their own name than as "robots.txt could not be had"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The word of one scheme, host and port."""

    rules: Rules
    reservations: Reservations
    refusal: Failure | None
    """Why nothing there may be asked for; None where the rules decide."""
    read_at: float
    """`time.monotonic()`."""


class Origins:
    """Reads what origins say about crawlers."""

    def __init__(self, asker: Asker, config: FetchConfig, addresses: AddressFilter) -> None:
        self._asker = asker
        self._config = config
        self._addresses = addresses

    async def read(self, place_of: Target, place: Place) -> Origin:
        """Ask an origin for its robots.txt, then, where that allows it, for its tdmrep.json.

        Args:
            place_of: Any target at the origin.
            place: Of the host on whose behalf this is.
        """
        rules, refusal = await self._rules(place_of, place)
        manners = self._asker.manners(place_of.host)
        manners.crawl_delay(rules.crawl_delay_s, self._config)
        reservations = Reservations()
        if refusal is None and not manners.given_up:
            reservations = await self._reservations(place_of, rules, place)
        return Origin(rules=rules, reservations=reservations, refusal=refusal, read_at=monotonic())

    async def _rules(self, place_of: Target, place: Place) -> tuple[Rules, Failure | None]:
        refusal: Failure | None = None
        for _ in range(1 + self._config.retries):
            found = await self._robots(f"{place_of.origin}/robots.txt", place)
            if isinstance(found, Rules):
                return found, None
            refusal = found
            if not found.again or self._asker.manners(place_of.host).given_up:
                break
        return ALLOW_ALL, refusal

    async def _robots(self, url: str, place: Place) -> Rules | Failure:
        """One attempt, redirects included."""
        for _ in range(1 + MAX_ROBOTS_REDIRECTS):
            try:
                hop = target(url, self._config.ports, self._addresses)
            except (UrlRefused, AddressRefused) as error:
                status = (
                    Status.REFUSED_URL if isinstance(error, UrlRefused) else Status.REFUSED_ADDRESS
                )
                return _refusal(status, str(error), again=False)
            answer = await self._asker.ask(
                hop, _TEXT_HEADERS, MAX_ROBOTS_BYTES + 1, _text_or_nothing, place
            )
            if isinstance(answer, Failure):
                return _refusal(answer.status, answer.detail, again=answer.again)
            if answer.http_status in REDIRECTS:
                url = normalise(answer.header("location"), hop.url) or ""
                if url:
                    continue
                return ALLOW_ALL  # to nowhere: there is no such file
            return _verdict(answer)
        return ALLOW_ALL  # as RFC 9309 allows after five redirects, in section 2.3.1.2

    async def _reservations(self, place_of: Target, rules: Rules, place: Place) -> Reservations:
        hop = target(f"{place_of.origin}{TDMREP_PATH}", self._config.ports, self._addresses)
        if not rules.allows(hop.url):
            return Reservations()
        answer = await self._asker.ask(
            hop,
            _TEXT_HEADERS,
            MAX_TDMREP_BYTES + 1,
            _text_or_nothing,
            place,
            crawl_delay_s=rules.crawl_delay_s,
        )
        if isinstance(answer, Failure) or answer.http_status != 200:
            return Reservations()
        return read_tdmrep(answer.body)


def _verdict(answer: Answer) -> Rules | Failure:
    """What an answer to a request for robots.txt means (RFC 9309, section 2.3.1)."""
    status = answer.http_status
    if 200 <= status < 300:
        return read_rules(answer.body)
    # 429 is "not now" rather than "there is none"; Google reads it like this too.
    if status >= 500 or status == 429:
        return _refusal(Status.ROBOTS, f"HTTP {status}", again=True)
    return ALLOW_ALL


def _refusal(status: Status, detail: str, *, again: bool) -> Failure:
    own = status if status in _OWN_STATUS else Status.ROBOTS
    return Failure(status=own, detail=f"robots.txt: {detail}", again=again)


def _text_or_nothing(http_status: int, _: Headers) -> Want:
    return Want.BEGINNING if 200 <= http_status < 300 else Want.NOTHING
