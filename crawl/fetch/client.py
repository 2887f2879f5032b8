"""What does one URL answer to one request, within every limit?"""

import asyncio
import enum
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from crawl.bodies import BodyTooLarge, BodyUnreadable, Decoder
from crawl.fetch.addresses import AddressFilter, Target
from crawl.fetch.config import FetchConfig
from crawl.fetch.deadline import Deadline, Watch
from crawl.fetch.failures import Failure, Headers, LostConnection, failure
from crawl.fetch.resolver import Lookup, PublicResolver

KEEP_ALIVE_S: Final = 15.0
"""An idle connection is closed after so long."""
LARGE_BYTES: Final = 2**20
_MAX_LINE_BYTES: Final = 16 * 2**10
_MAX_FIELD_BYTES: Final = 32 * 2**10
_MAX_FIELDS: Final = 128
_DRAIN_BYTES: Final = 64 * 2**10
"""A body nobody wants is read to its end if it is no longer: cheaper than another connection."""
_CLOSE_S: Final = 2.0
_DNS_TTL_S: Final = 300


class Want(enum.Enum):
    """What is to be done with a body, once the headers are there."""

    WHOLE = "whole"
    """Read it; more than the limit is a failure."""
    BEGINNING = "beginning"
    """Read up to the limit and leave the rest."""
    NOTHING = "nothing"
    """It is of no use."""
    LEAVE = "leave"
    """It must not be read."""


Judge: TypeAlias = Callable[[int, Headers], Want]
"""Decides by status and headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back from one request."""

    http_status: int
    headers: Headers
    """In order; names in lower case."""
    body: bytes
    """Decoded; b'' where it was not wanted."""

    def header(self, name: str) -> str:
        """The first value of a header, or ''."""
        return next((value for key, value in self.headers if key == name), "")


async def _ask_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise LostConnection from error


class Client:
    """Sends requests and bounds what comes back. Belongs to one event loop."""

    def __init__(self, config: FetchConfig, lookup: Lookup) -> None:
        """
        Args:
            config: Limits, and the name under which we ask.
            lookup: From host names to addresses.

        Raises:
            ValueError: `config.contact` is empty.
        """
        self._config = config
        self._user_agent = config.user_agent()
        self._addresses = AddressFilter(config.allow_net)
        self._resolver = PublicResolver(lookup, self._addresses, config.dns_timeout_s)
        self._watch = Watch()
        self._large = asyncio.Semaphore(config.max_large_at_once)
        self._headers_s = (
            config.dns_timeout_s + config.connect_timeout_s + config.first_byte_timeout_s
        )

    def open_session(self) -> aiohttp.ClientSession:
        """A session that connects to checked addresses only, to one at a time.

        Each host that is served has one of its own, so that its connection can be closed when the
        host has no more work: the server need not hold it open, and there are never more of them
        than hosts that are served.
        """
        config = self._config
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            socket_factory=self._addresses.socket_for,
            ttl_dns_cache=_DNS_TTL_S,
            happy_eyeballs_delay=None,  # a second address is tried after the first, not beside it
            keepalive_timeout=KEEP_ALIVE_S,
            limit=1,
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._user_agent},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=config.connect_timeout_s),
            auto_decompress=False,  # bounded by `crawl.bodies` instead
            trust_env=False,  # a proxy would connect to addresses that we have not checked
            requote_redirect_url=False,
            middlewares=(_ask_once,),
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_FIELD_BYTES,
            max_headers=_MAX_FIELDS,
        )

    async def ask(
        self,
        session: aiohttp.ClientSession,
        target: Target,
        headers: dict[str, str],
        max_bytes: int,
        judge: Judge,
    ) -> Answer | Failure:
        """Send one GET request. Redirects are not followed, and nothing is sent twice.

        Args:
            session: One of `open_session`.
            target: Where to.
            headers: Beside those that every request has.
            max_bytes: Limit of the body, as sent and once decoded.
            judge: Decides about the body before any of it is kept.
        """
        seen: tuple[int, Headers] = (0, ())
        deadline = Deadline(self._watch, self._config.total_timeout_s)
        try:
            async with deadline:
                deadline.next(self._headers_s, "headers")
                response = await session.get(
                    target.request_url, headers=headers, allow_redirects=False
                )
                try:
                    seen = response.status, _headers(response)
                    want = judge(*seen)
                    body = await self._body(response, want, max_bytes, deadline)
                except BaseException:
                    response.close()
                    raise
            return Answer(http_status=seen[0], headers=seen[1], body=body)
        except (TimeoutError, aiohttp.ClientError, OSError, BodyTooLarge, BodyUnreadable) as error:
            return failure(error, deadline.phase, *seen)

    async def _body(
        self, response: ClientResponse, want: Want, max_bytes: int, deadline: Deadline
    ) -> bytes:
        declared = response.content_length
        if want is Want.LEAVE:
            response.close()
            return b""
        if want is Want.NOTHING:
            if declared is not None and declared <= _DRAIN_BYTES:
                await self._read(response, None, _DRAIN_BYTES, deadline)
            response.close()  # does nothing after the end
            return b""
        if want is Want.WHOLE and declared is not None and declared > max_bytes:
            raise BodyTooLarge(f"body of {declared} bytes is over {max_bytes}")
        decoder = Decoder(response.headers.get("Content-Encoding", ""), max_bytes)
        try:
            await self._read(response, decoder, max_bytes, deadline)
            body = decoder.finish()
        except BodyTooLarge:
            if want is Want.WHOLE:
                raise
            response.close()
            return decoder.beginning()
        if not body.complete:
            raise BodyUnreadable("the encoded body is damaged or ends early")
        return body.data

    async def _read(
        self,
        response: ClientResponse,
        decoder: Decoder | None,
        max_bytes: int,
        deadline: Deadline,
    ) -> None:
        """Read a body to its end into `decoder`, or nowhere."""
        config = self._config
        n_bytes = 0
        large = False
        deadline.begin_body()
        try:
            while True:
                deadline.next(config.read_timeout_s, "body")
                piece = await response.content.readany()
                if not piece:
                    return
                n_bytes += len(piece)
                if decoder is not None:
                    decoder.push(piece)
                if n_bytes > max_bytes:
                    raise BodyTooLarge(f"body is over {max_bytes} bytes as sent")
                deadline.check_rate(n_bytes, config.min_bytes_per_s, config.slow_start_s)
                if not large and max(n_bytes, decoder.n_bytes if decoder else 0) > LARGE_BYTES:
                    await deadline.outside(self._large.acquire())
                    large = True
        finally:
            if large:
                self._large.release()


async def close_session(session: aiohttp.ClientSession) -> None:
    """Close its connection, within a few seconds whatever the server does."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await session.close()


def _headers(response: ClientResponse) -> Headers:
    return tuple((_text(name).lower(), _text(value)) for name, value in response.raw_headers)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
