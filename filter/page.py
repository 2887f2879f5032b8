"""Does the page allow its images to be used, and is this the image it is about?"""

from dataclasses import dataclass
from typing import ClassVar

from crawl.candidate import Candidate
from filter.verdict import Drop


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """Drops candidates whose page opts out (noai, noimageai, no(image)index, TDM reservation)."""

    stage: ClassVar[str] = "page"

    def __call__(self, candidate: Candidate, /) -> Drop | None:
        return opt_out(candidate.opt_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class MainImage:
    """Drops every image but the one that its page is about (LAIT step 1)."""

    stage: ClassVar[str] = "main_image"

    def __call__(self, candidate: Candidate, /) -> Drop | None:
        return None if candidate.is_main else Drop(reason="not_main", value=candidate.main_score)


def opt_out(signals: tuple[str, ...]) -> Drop | None:
    """A drop that names the signals, when there are any."""
    return Drop(reason="opt_out", value=" ".join(sorted(signals))) if signals else None
