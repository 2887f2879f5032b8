"""What is known of one image that all its candidates share while it is judged?"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from filter.decontaminate import redacted
from filter.sieve import dropped
from filter.verdict import Drop, Verdict

Pixels: TypeAlias = NDArray[np.uint8]
"""[S, S, 3], what a model looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One image that passed the image filters, and everyone who wants it."""

    verdicts: tuple[Verdict, ...]
    pixels: Pixels | None
    """None when there is no relevance model."""
    shown: tuple[Pixels, ...] = ()
    """What each safety model looks at."""


def all_dropped(verdicts: tuple[Verdict, ...], stage: str, drop: Drop) -> Looked:
    """All candidates of an image that falls."""
    return Looked(
        verdicts=tuple(dropped(verdict, stage, drop) for verdict in verdicts), pixels=None
    )


def all_redacted(verdicts: tuple[Verdict, ...], sha256: str) -> Looked:
    """All candidates of a known-bad image, of which nothing is kept but its hash and time."""
    return Looked(verdicts=tuple(redacted(v, sha256) for v in verdicts), pixels=None)
