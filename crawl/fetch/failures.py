"""Why did no usable answer come back?"""

import re
import socket
import ssl
from dataclasses import dataclass
from typing import Final, TypeAlias

import aiohttp

from crawl.bodies import BodyTooLarge, BodyUnreadable
from crawl.fetch.addresses import AddressRefused
from crawl.fetch.deadline import TooSlow
from crawl.fetch.outcome import Status
from crawl.fetch.resolver import LookupTimeout

Headers: TypeAlias = tuple[tuple[str, str], ...]
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]+")
_EAI_NODATA: Final = getattr(socket, "EAI_NODATA", socket.EAI_NONAME)  # not on every system


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why no answer came back, or none that can be used."""

    status: Status
    detail: str
    """One line."""
    again: bool
    """Whether another attempt may help."""
    http_status: int = 0
    headers: Headers = ()
    """Both as far as they had arrived."""


class LostConnection(aiohttp.ClientError):
    """The server closed before it answered. The client would ask again, at once and unseen."""


def failure(error: Exception, phase: str, http_status: int, headers: Headers) -> Failure:
    """What an error says about a request.

    Args:
        error: Of the HTTP client, of the operating system, or one of our own.
        phase: In which it came.
        http_status: As far as it was known.
        headers: Likewise.
    """
    status, again, detail = _explain(error, phase)
    detail = _CONTROL.sub(" ", detail)[:300]
    return Failure(
        status=status, detail=detail, again=again, http_status=http_status, headers=headers
    )


def _explain(error: Exception, phase: str) -> tuple[Status, bool, str]:
    """Status, whether another attempt may help, and one line."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    match cause:
        case AddressRefused():
            return Status.REFUSED_ADDRESS, False, str(cause)
        case LookupTimeout():
            return Status.TIMEOUT, True, f"dns: {cause}"
        case socket.gaierror():
            again = cause.errno not in (socket.EAI_NONAME, _EAI_NODATA)
            return Status.DNS, again, str(cause.strerror or cause)
        case TooSlow():
            return Status.TIMEOUT, True, f"too slow: {cause}"
        case aiohttp.ConnectionTimeoutError():
            return Status.TIMEOUT, True, "connect: no connection in time"
        case TimeoutError() if cause is error:
            return Status.TIMEOUT, True, f"{phase}: no answer in time"
        case BodyTooLarge():
            return Status.TOO_LARGE, False, str(cause)
        case BodyUnreadable():
            return Status.BROKEN, False, str(cause)
        case aiohttp.InvalidURL():
            return Status.REFUSED_URL, False, f"the client refuses the URL: {error}"
    if isinstance(error, aiohttp.ClientConnectorError | ssl.SSLError):
        again = not isinstance(error, aiohttp.ClientConnectorCertificateError)
        return Status.CONNECT, again, f"{type(error).__name__}: {cause}"
    if isinstance(error, LostConnection):
        return Status.BROKEN, True, "the server closed the connection before it had answered"
    if isinstance(error, aiohttp.ClientResponseError):
        return Status.BROKEN, False, f"not HTTP: {error.message}"
    lost = isinstance(error, aiohttp.ClientPayloadError | OSError)
    return Status.BROKEN, lost, f"{type(error).__name__}: {error}"
