"""Which hosts have a connection now?"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp

from crawl.fetch.client import close_session
from crawl.fetch.turns import Turns


class Places:
    """So many hosts are served at once, each over a connection of its own."""

    def __init__(
        self, n_places: int, open_session: Callable[[], aiohttp.ClientSession], turns: Turns
    ) -> None:
        """
        Args:
            n_places: How many hosts.
            open_session: Makes the session of a host.
            turns: With the hosts.
        """
        self._free = asyncio.Semaphore(n_places)
        self.open_session = open_session
        self._turns = turns
        self._served: dict[str, Place] = {}

    @asynccontextmanager
    async def take(self, host: str) -> AsyncIterator["Place"]:
        """Wait for a place, and keep it until the end, long rests excepted."""
        place = Place(self, host)
        await place.take()
        try:
            yield place
        finally:
            await place.leave()

    def session(self, host: str) -> aiohttp.ClientSession:
        """The session of a host, for whoever has the turn, who then calls `done`.

        A host that is not served itself, but is needed for the robots.txt of another, gets one
        that is closed again before the turn ends.
        """
        served = self._served.get(host)
        return self.open_session() if served is None else served.session()

    async def done(self, host: str, session: aiohttp.ClientSession) -> None:
        """Close what was opened for one request alone."""
        served = self._served.get(host)
        if served is None or served.session() is not session:
            await close_session(session)

    async def enter(self, place: "Place") -> None:
        """Wait for room. For `Place` alone."""
        await self._free.acquire()
        self._served[place.host] = place

    async def leave(self, place: "Place", session: aiohttp.ClientSession | None) -> None:
        """Close a session and make room. For `Place` alone."""
        del self._served[place.host]
        try:
            if session is not None:
                await self._close(place.host, session)
        finally:
            self._free.release()

    async def _close(self, host: str, session: aiohttp.ClientSession) -> None:
        try:
            async with self._turns.take(host):  # it may be in use for another host's robots.txt
                await close_session(session)
        except asyncio.CancelledError:
            await close_session(session)
            raise


class Place:
    """The place of one host."""

    def __init__(self, places: Places, host: str) -> None:
        self.host = host
        self._places = places
        self._session: aiohttp.ClientSession | None = None
        self._taken = False

    def session(self) -> aiohttp.ClientSession:
        """Its connection is kept between requests, and closed when the place is left."""
        if self._session is None:
            self._session = self._places.open_session()
        return self._session

    async def take(self) -> None:
        """Wait until there is room."""
        await self._places.enter(self)
        self._taken = True

    async def leave(self) -> None:
        """Close the connection and make room. Not to be called by whoever has the turn."""
        if self._taken:
            self._taken = False
            session, self._session = self._session, None
            await self._places.leave(self, session)

    async def rest(self, seconds: float) -> None:
        """Sleep, and make room meanwhile."""
        await self.leave()
        await asyncio.sleep(seconds)
        await self.take()
