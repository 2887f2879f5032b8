"""Which addresses does a name have, of those that may be connected to, before we lose patience?"""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

from crawl.fetch.addresses import AddressFilter, AddressRefused

Lookup: TypeAlias = Callable[[str], Sequence[str]]
"""From a host name to its addresses; may block; raises `socket.gaierror`."""
MOST_LOOKUPS_AT_ONCE: Final = 32


class LookupTimeout(OSError):  # noqa: N818 -- reads as the fact it states
    """No answer in time. Not a TimeoutError, which the HTTP client would take for its own."""


def system_lookup(host: str) -> tuple[str, ...]:
    """All addresses of a name, as the operating system finds them."""
    infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return tuple(dict.fromkeys(str(info[4][0]) for info in infos))


class PublicResolver(AbstractResolver):
    """The resolver of the HTTP client: answers hold no address that is not public.

    Lookups run in daemon threads of their own rather than in the loop's executor: the system's
    resolver cannot be interrupted, and a run must not wait at its end for one that hangs.
    """

    def __init__(self, lookup: Lookup, addresses: AddressFilter, timeout_s: float) -> None:
        self._lookup = lookup
        self._addresses = addresses
        self._timeout_s = timeout_s
        self._places = asyncio.Semaphore(MOST_LOOKUPS_AT_ONCE)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of a host in the order of the system's preference.

        Raises:
            AddressRefused: It has addresses, and none of them is public.
            LookupTimeout: There was no answer in time.
            socket.gaierror: There is no such name.
        """
        async with self._places:
            try:
                async with asyncio.timeout(self._timeout_s):
                    found = await _in_thread(self._lookup, host)
            except TimeoutError as error:
                raise LookupTimeout(f"no address of {host} in {self._timeout_s:g} s") from error
        public = public_only(found, self._addresses)
        if not public:
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "no addresses")
            raise AddressRefused(f"{host} has no public address, only {', '.join(found[:4])}")
        return [_result(host, address, port) for address in public]

    async def close(self) -> None:
        """Nothing is held open."""


def public_only(found: Sequence[str], addresses: AddressFilter) -> list[str]:
    """Those addresses that may be connected to, in the same order."""
    return [address for address in found if addresses.allows(address)]


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


async def _in_thread(lookup: Lookup, host: str) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[str]] = loop.create_future()

    def settle(found: Sequence[str] | None, error: OSError | None) -> None:
        if answer.done():
            return  # nobody waits any longer
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found or ())

    def run() -> None:
        found: Sequence[str] | None = None
        failure: OSError | None = None
        try:
            found = lookup(host)
        except UnicodeError as error:  # a label that cannot be in a name
            failure = socket.gaierror(socket.EAI_NONAME, str(error))
        except OSError as error:
            failure = error
        try:
            loop.call_soon_threadsafe(settle, found, failure)
        except RuntimeError:
            return  # the run has ended meanwhile

    threading.Thread(target=run, name=f"lookup {host}", daemon=True).start()
    return await answer
