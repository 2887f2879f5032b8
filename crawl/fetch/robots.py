"""What does a host's robots.txt allow us?

Follows RFC 9309; what it leaves open is decided as Google's parser does.
"""

import re
from dataclasses import dataclass
from typing import Final

from protego import Protego

from crawl.optout import AGENT

MAX_ROBOTS_BYTES: Final = 500 * 2**10
"""So much of a robots.txt is read; the rest is as if it were not there (RFC 9309, 2.5)."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_AGENT_LINE: Final = re.compile(
    r"[ \t]*user[- ]?agent(?:[ \t]*:|[ \t])[ \t]*([^#]*)", re.IGNORECASE
)
_PRODUCT_TOKEN: Final = re.compile(r"[A-Za-z_-]*")
_SOMEBODY_ELSE: Final = "~"
_UNREADABLE_LINES: Final = re.compile(r"[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""Ends of lines for Python alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one origin."""

    parsed: Protego | None = None
    """None where there are no rules: everything is allowed."""
    agent: str = AGENT
    crawl_delay_s: float = 0.0

    def allows(self, url: str) -> bool:
        """Whether a URL (absolute, percent-encoded) may be asked for."""
        return self.parsed is None or self.parsed.can_fetch(url, self.agent)


ALLOW_ALL: Final = Rules()


def read_rules(body: bytes, agent: str = AGENT) -> Rules:
    """The rules in the body of a robots.txt; an HTML page holds none.

    Args:
        body: As received, content codings removed; beyond `MAX_ROBOTS_BYTES` it is not read.
        agent: Product token for which the rules are read.
    """
    if len(body) > MAX_ROBOTS_BYTES:
        # A line that was cut in two could turn into a rule nobody wrote.
        body = body[:MAX_ROBOTS_BYTES].rpartition(b"\n")[0]
    for byte in _BYTE_ORDER_MARK:  # whole or cut short, as Google's parser takes it
        body = body[1:] if body[:1] == bytes((byte,)) else body
    text = body.decode(errors="replace").lstrip()
    if not text or text.startswith("<"):
        return ALLOW_ALL
    lines = re.split(r"\r\n|\r|\n", _UNREADABLE_LINES.sub(" ", text))
    parsed = Protego.parse("\n".join(_addressed(line, agent) for line in lines))
    return Rules(parsed=parsed, agent=agent, crawl_delay_s=parsed.crawl_delay(agent) or 0.0)


def _addressed(line: str, agent: str) -> str:
    """A line of robots.txt; one that names a user agent names us, everybody or somebody else.

    Who is meant is decided here, because the parser takes any beginning of our name for us, and
    takes `name/1.0` for somebody else. A name ends where its product token ends.
    """
    found = _AGENT_LINE.match(line)
    if found is None:
        return line
    value = found[1].strip()
    if value == "*" or value.startswith(("* ", "*\t")):
        return "User-agent: *"
    match = _PRODUCT_TOKEN.match(value)
    token = match[0] if match else ""
    return f"User-agent: {agent if token.lower() == agent.lower() else _SOMEBODY_ELSE}"
