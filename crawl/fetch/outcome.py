"""What was asked of a host, and what came of it?"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Kind = Literal["page", "image"]


class Status(StrEnum):
    """How a request ended; every request ends in exactly one of these."""

    OK = "ok"
    """A whole body of a 2xx answer is held."""
    NOT_MODIFIED = "not_modified"
    """304: what an earlier run kept is still what the host has."""
    HTTP_ERROR = "http_error"
    """Any other HTTP status; `http_status` says which."""
    ROBOTS = "robots"
    """The host's robots.txt says no, or could not be had (RFC 9309, section 2.3.1.4)."""
    OPT_OUT = "opt_out"
    """The response reserves its rights; its body was not read."""
    KNOWN_BAD = "known_bad"
    """An image whose bytes are on a list of known-bad ones; they were not stored."""
    REFUSED_ADDRESS = "refused_address"
    """The host resolves to nothing but addresses that are not public."""
    REFUSED_URL = "refused_url"
    """Not a URL we ask for: another scheme or port, or a user name in it."""
    REDIRECTS = "redirects"
    """More redirects than allowed, in a circle, or to nowhere."""
    TIMEOUT = "timeout"
    """Some phase took longer than its limit; `detail` says which."""
    TOO_LARGE = "too_large"
    """The body, as sent or once decoded, is over the limit."""
    DNS = "dns"
    """The name does not resolve."""
    CONNECT = "connect"
    """No connection, or no TLS session, could be made."""
    BROKEN = "broken"
    """The answer breaks the protocol, its encoding is damaged, or it ended early."""
    GIVEN_UP = "given_up"
    """Not asked (any more): the host keeps failing, or wants to be left alone for too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to ask a host for."""

    url: str
    """Absolute http or https URL, as `crawl.url.normalise` spells it."""
    kind: Kind
    """Decides the byte limit and the Accept header."""
    etag: str = ""
    """ETag of what an earlier run kept, or ''; sent as If-None-Match."""
    last_modified: str = ""
    """Last-Modified of what an earlier run kept, or ''; sent as If-Modified-Since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one request."""

    url: str
    """The URL that was asked for, as in the request."""
    kind: Kind
    status: Status
    final_url: str
    """The URL that gave the last answer, after redirects; '' where nothing was answered."""
    http_status: int
    """Of the last answer; 0 where there was none."""
    headers: tuple[tuple[str, str], ...]
    """Response headers of the last answer in order, names lower-cased."""
    body: bytes
    """The entity body with transfer and content encodings removed; b'' unless `OK`."""
    fetched_at: str
    """ISO 8601 UTC time, to the second, at which the last request was sent; '' if none was."""
    n_attempts: int
    """Requests sent for the URL itself, redirects not counted; 0 if the host was never asked."""
    opt_out: tuple[str, ...]
    """Signals of `crawl.optout.SIGNALS` in headers and in the host's tdmrep.json, in that order."""
    detail: str
    """One line that says more: the error, the redirect, the rule. Never needed to decide."""
    retryable: bool
    """Whether a later run may hope for another outcome."""
