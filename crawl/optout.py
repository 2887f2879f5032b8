"""Who said that this page or this image must not be used?"""

import re
from collections.abc import Iterable, Sequence

AGENT = "laitbot"
SIGNALS = ("noai", "noimageai", "noimageindex", "noindex", "tdm")
"""Every signal there is, in the order they are stored."""

_DIRECTIVES = {
    "noai": "noai",
    "noimageai": "noimageai",
    "noindex": "noindex",
    "noimageindex": "noimageindex",
    "none": "noindex",  # Google's shorthand for `noindex, nofollow`
}
_VALUED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
"""Directives that are themselves followed by a colon: not the name of a user agent."""
_AGENT_NAME = re.compile(r"[A-Za-z*][A-Za-z0-9_./*-]*\Z")
_META_SEPARATORS = re.compile(r"[\s,;]+")

Headers = Sequence[tuple[str, str]]


def response_signals(headers: Headers) -> tuple[str, ...]:
    """Signals of a response's own headers, which hold for pages and images alike.

    Args:
        headers: Names and values in order; names in lower case.

    Returns:
        Those of `SIGNALS` that were found, in that order.
    """
    found: set[str] = set()
    for name, value in headers:
        if name == "x-robots-tag":
            found |= _robots_header(value)
        elif name == "tdm-reservation" and value.strip() == "1":
            found.add("tdm")
    return _ordered(found)


def page_signals(headers: Headers, metas: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Signals of a page: its headers and its meta elements; the most restrictive wins.

    Args:
        headers: Names and values in order; names in lower case.
        metas: Name (in lower case) and content of every meta element.
    """
    found = set(response_signals(headers))
    for name, content in metas:
        if name in ("robots", AGENT):
            words = _META_SEPARATORS.split(content.lower())
            found.update(_DIRECTIVES[word] for word in words if word in _DIRECTIVES)
        elif name == "tdm-reservation" and content.strip() == "1":
            # Anything but 0 or 1 counts as not set (TDMRep, section 5).
            found.add("tdm")
    return _ordered(found)


def _robots_header(value: str) -> set[str]:
    """Directives of one X-Robots-Tag header that are addressed to everybody or to us.

    `agent: a, b, other: c` names an agent for the directives that follow, up to the next agent.
    Dates hold commas and colons (`unavailable_after: Friday, 25-Jun-30 15:00:00 UTC, noai`), so
    a part with a colon begins an agent's group only if what stands before it can be a name.
    """
    found: set[str] = set()
    for_us = True
    for part in value.split(","):
        head, colon, rest = part.partition(":")
        name = head.strip().lower()
        if colon and name not in _VALUED and _AGENT_NAME.match(name):
            for_us = name in ("*", AGENT)
            directive = rest
        elif colon:
            continue  # a directive with a value, or the tail of a date
        else:
            directive = part
        if for_us:
            found.update(
                _DIRECTIVES[word] for word in directive.lower().split() if word in _DIRECTIVES
            )
    return found


def _ordered(found: set[str]) -> tuple[str, ...]:
    return tuple(signal for signal in SIGNALS if signal in found)
