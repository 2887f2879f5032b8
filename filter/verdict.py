"""Was a candidate kept, and if not: which filter dropped it, on what value and threshold?"""

from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from crawl.candidate import Candidate, TextSource
from crawl.image_ref import ImageRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Why a filter refused: the reason, the value it saw and the bound it compared with."""

    reason: str
    """Stable code, unique over all filters, for example `min_side`."""
    value: float | str | None = None
    threshold: float | str | None = None


Item = TypeVar("Item", contravariant=True)


@runtime_checkable
class Filter(Protocol[Item]):
    """A pure function that keeps a value (None) or says why not (`Drop`)."""

    @property
    def stage(self) -> str:
        """Name of the step in the funnel; one filter may drop for several reasons."""

    def __call__(self, item: Item, /) -> Drop | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredText:
    """One text of a candidate with what the text filters and the relevance model said of it."""

    source: TextSource
    text: str
    score: float | None
    """Calibrated relevance in 0..1; None when the text was refused before scoring."""
    drop: str | None
    """Reason of the text filter that refused it; None when it may be chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What decoding told about the image. Pixels are not kept."""

    sha256: str
    """Of the file without its metadata (`filter.metadata`), which is what gets stored."""
    format: str
    """As sniffed and decoded: `jpeg`, `png`, `webp`."""
    width_px: int
    height_px: int
    """After EXIF orientation has been applied."""
    n_bytes: int
    """Of the file as it was fetched."""
    phash: str
    """64-bit DCT perceptual hash of what lies inside flat borders, 16 hex digits."""
    uniformity: float
    """Share of the most frequent colour after quantisation to 4 bits a channel, 0..1."""
    phash_crops: tuple[str, ...] = ()
    """The same hash of the picture without 5 % of its edges: all four, left, top, right, bottom."""
    sharpness: int | None = None
    """The Laplacian that the sharpest hundredth of the pixels reach, in grey levels."""
    darkest: int | None = None
    """Grey level, 0..255, that a hundredth of the pixels do not exceed."""
    brightest: int | None = None
    """Grey level that all but a hundredth do not exceed."""
    natural: float | None = None
    """How much it looks like a photograph, 0..1; None when that was not asked."""
    unsafe: float | None = None
    """What the safety model that is surest says, 0..1; None when none was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The fate of one candidate. kept + dropped = seen, always."""

    candidate: Candidate
    kept: bool
    stage: str | None = None
    """Step that dropped it; None when kept."""
    reason: str | None = None
    value: float | str | None = None
    threshold: float | str | None = None
    ref: ImageRef | None = None
    """Where the image bytes lie; None when no source held them."""
    image: ImageFacts | None = None
    """None when the image was never decoded or could not be."""
    texts: tuple[ScoredText, ...] = ()
    """Every text with its score or refusal, in the candidate's order."""
    text: str | None = None
    """The chosen text; None until one was chosen."""
    text_source: TextSource | None = None
    relevance: float | None = None
    """Score of the chosen text."""
    shard: str | None = None
    """Stem of the shard that holds the sample, for example `00003`; None when dropped."""
