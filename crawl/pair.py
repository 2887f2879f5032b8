"""What is a candidate whose image bytes we hold?"""

from dataclasses import dataclass

from crawl.candidate import Candidate
from crawl.image_ref import ImageRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A candidate together with its image bytes: hashed, not yet decoded."""

    candidate: Candidate
    ref: ImageRef
    """Where the bytes were read."""
    image: bytes
    sha256: str
    """sha256 of `image`, hex."""
