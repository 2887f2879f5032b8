"""What does a host answer, once it is our turn and the host has rested?"""

import asyncio
from time import monotonic
from typing import Final

from crawl.fetch.addresses import Target
from crawl.fetch.client import KEEP_ALIVE_S, Answer, Client, Judge
from crawl.fetch.config import FetchConfig
from crawl.fetch.failures import Failure
from crawl.fetch.manners import Manners, retry_after_s
from crawl.fetch.outcome import Status
from crawl.fetch.places import Place, Places
from crawl.fetch.turns import Turn, Turns

_HOST_FAILS: Final = frozenset({Status.TIMEOUT, Status.CONNECT, Status.DNS, Status.BROKEN})

_NOBODY_ASKED: Final = frozenset({Status.REFUSED_ADDRESS, Status.REFUSED_URL})
"""No packet has been sent to the host: it needs no rest."""


class Asker:
    """Asks hosts one thing at a time, with a rest between, and remembers how they take it."""

    def __init__(self, client: Client, config: FetchConfig, turns: Turns, places: Places) -> None:
        self._client = client
        self._config = config
        self._turns = turns
        self._places = places
        self._manners: dict[str, Manners] = {}

    def manners(self, host: str) -> Manners:
        """What a host has taught us so far."""
        known = self._manners.get(host)
        if known is None:
            known = self._manners[host] = Manners(host=host)
        return known

    def forget(self, host: str) -> None:
        """Drop what is known about a host."""
        self._manners.pop(host, None)

    async def ask(
        self,
        target: Target,
        headers: dict[str, str],
        max_bytes: int,
        judge: Judge,
        place: Place,
        crawl_delay_s: float = 0.0,
    ) -> Answer | Failure:
        """Wait for the turn, send one request, and see to it that the host rests afterwards.

        Args:
            target: Where to.
            headers: Beside those that every request has.
            max_bytes: Limit of the body.
            judge: Decides about the body by status and headers.
            place: Of the host on whose behalf this is.
            crawl_delay_s: That of the host's robots.txt.
        """
        away_s = self._turns.away_until(target.host) - monotonic()
        manners = self.manners(target.host)
        if manners.retry_after(away_s, self._config):
            return Failure(status=Status.GIVEN_UP, detail=manners.given_up, again=True)
        while True:
            # Long rests are slept through without the turn and without a place: whoever holds a
            # turn must be able to go on, or those who wait for it with a place would block it.
            while (rest_s := self._rest_s(target.host, crawl_delay_s)) > KEEP_ALIVE_S:
                await place.rest(rest_s)
            async with self._turns.take(target.host) as turn:
                rest_s = turn.after(crawl_delay_s) - monotonic()
                if rest_s > KEEP_ALIVE_S:
                    continue
                if rest_s > 0:
                    await asyncio.sleep(rest_s)
                start = monotonic()
                turn.free_at = start + self._config.min_delay_s  # should this be interrupted
                session = self._places.session(target.host)
                try:
                    answer = await self._client.ask(session, target, headers, max_bytes, judge)
                finally:
                    await self._places.done(target.host, session)
                self._end(turn, target.host, start, crawl_delay_s, answer)
                return answer

    def _rest_s(self, host: str, crawl_delay_s: float) -> float:
        return self._turns.free_at(host, crawl_delay_s) - monotonic()

    def _end(
        self,
        turn: Turn,
        host: str,
        start: float,
        crawl_delay_s: float,
        answer: Answer | Failure,
    ) -> None:
        """Let the host rest after an answer to a request that was sent at `start`."""
        manners = self.manners(host)
        turn.ended = monotonic()
        wanted_s = self._learn(manners, answer)
        if wanted_s:
            turn.away_until = turn.ended + wanted_s
            if manners.retry_after(wanted_s, self._config):
                wanted_s = 0.0
        asked_for_s = max(crawl_delay_s, wanted_s)
        rest_s = manners.rest_s(turn.ended - start, asked_for_s, self._config)
        nobody_asked = isinstance(answer, Failure) and answer.status in _NOBODY_ASKED
        turn.free_at = start if nobody_asked else turn.ended + rest_s

    def _learn(self, manners: Manners, answer: Answer | Failure) -> float:
        """Remember how a request went. Returns the rest that the host has asked for, in seconds."""
        if isinstance(answer, Failure):
            if answer.status in _HOST_FAILS and (answer.again or not answer.http_status):
                manners.failed(self._config, f"{answer.status}: {answer.detail}")
            elif answer.http_status:
                manners.answered()
            return 0.0
        if is_excuse(answer.http_status):
            manners.failed(self._config, f"HTTP {answer.http_status}")
        else:
            manners.answered()
        if answer.http_status < 400:
            return 0.0
        return retry_after_s(answer.header("retry-after"), answer.header("date")) or 0.0


def is_excuse(http_status: int) -> bool:
    """Whether a status says "not now", so that the same request may be sent again later."""
    return http_status in (408, 429) or (http_status >= 500 and http_status not in (501, 505))
