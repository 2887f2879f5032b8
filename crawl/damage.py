"""What could not be read, and where exactly?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """A damaged stretch of an input file, for the dead-letter table."""

    file: str
    """Path or URL of the damaged file."""
    offset: int
    """Byte offset at which reading failed."""
    reason: str
    """A stable code, for example `truncated`, `bad_gzip`, `bad_http`, `body_too_large`."""
    detail: str
    """The reader's own words, one line."""
