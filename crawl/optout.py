"""Who said that this page or this image must not be used?"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
TDMREP_PATH = "/.well-known/tdmrep.json"
MAX_TDMREP_BYTES = 256 * 2**10
_MAX_TDMREP_RULES = 10_000

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservations:
    """Paths of an origin whose rights its `tdmrep.json` reserves."""

    patterns: tuple[str, ...] = ()
    """Locations as in robots.txt: prefixes, with `*` for anything and `$` for the end."""

    def holds(self, path: str) -> bool:
        """Whether a path (with query) is reserved.

        Where several rules speak of a path, one that reserves wins: that is what an owner who
        contradicts himself must be taken to mean.
        """
        return any(_matches(pattern, path) for pattern in self.patterns)


def read_tdmrep(body: bytes) -> Reservations:
    """Read a `/.well-known/tdmrep.json`; what is malformed counts as not set.

    Follows the TDM Reservation Protocol (W3C community group, final report of 10 May 2024).
    """
    try:
        rules = json.loads(body.decode("utf-8-sig")) if len(body) <= MAX_TDMREP_BYTES else []
    except (ValueError, RecursionError):
        rules = []
    patterns: dict[str, None] = {}
    for rule in rules[:_MAX_TDMREP_RULES] if isinstance(rules, list) else []:
        if not isinstance(rule, dict):
            continue
        location, reserved = rule.get("location"), rule.get("tdm-reservation")
        if isinstance(location, str) and location and str(reserved) == "1":
            patterns[location if location.startswith(("/", "*")) else "/" + location] = None
    return Reservations(patterns=tuple(patterns))


def _matches(pattern: str, path: str) -> bool:
    """Whether a robots.txt pattern (RFC 9309, section 2.2.3) matches, in linear time."""
    anchored = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    position = len(first)
    last = others.pop() if others and anchored else None
    for part in others:
        found = path.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    if last is not None:
        return path.endswith(last) and len(path) - len(last) >= position
    return not anchored or position == len(path)


def merged(*signals: Iterable[str]) -> tuple[str, ...]:
    """All signals of several places, in the order of `SIGNALS`."""
    return _ordered({signal for place in signals for signal in place})


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
