"""Which thresholds does the cascade use? The paper published few; the others are named here."""

from pydantic import BaseModel, ConfigDict, Field

from crawl.candidate import TextSource


class FilterConfig(BaseModel):
    """Thresholds of the `lait` curation recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    languages: tuple[str, ...] = ("en",)
    """Languages of pages that may pass, ISO 639-1."""
    min_language_score: float = Field(default=0.5, ge=0, le=1)
    obey_opt_out: bool = True
    """Drop images whose page or response opts out (noai, noimageai, no(image)index, TDM)."""
    require_main_image: bool = True
    """Keep only the image that its page is about."""
    text_sources: tuple[TextSource, ...] = (
        "alt",
        "title",
        "caption",
        "linked_data",
        "cell",
        "surrounding",
    )
    """Sources a description may be chosen from; the others only serve as evidence."""
    min_words: int = Field(default=3, ge=1)
    max_words: int = Field(default=64, ge=1)
    max_oov_share: float = Field(default=0.5, ge=0, le=1)
    """Largest share of words that the vocabulary does not know."""
    max_repetition: float = Field(default=0.4, ge=0, le=1)
    """Largest share of content words that repeat an earlier word of the same text."""
    min_foreign_score: float = Field(default=0.7, ge=0, le=1)
    """Probability from which a single text counts as being in another language."""
    min_image_bytes: int = Field(default=1000, ge=0)
    max_pixels: int = Field(default=64_000_000, gt=0, le=89_478_485)
    """Checked on the header, before any pixel is decoded. At most Pillow's own limit."""
    min_side_px: int = Field(default=300, ge=1)
    """LAIT: width AND height greater than this."""
    max_aspect_ratio: float = Field(default=3.0, ge=1)
    max_uniformity: float = Field(default=0.97, gt=0, le=1)
    """Largest share of one (quantised) colour."""
    min_relevance: float = Field(default=0.5, ge=0, le=1)
    """Smallest calibrated relevance of the chosen text."""
    max_images_per_text: int = Field(default=5, ge=1)
    """LAIT: a text on more distinct images than this drops ALL its pairs."""
    max_phash_distance: int | None = Field(default=4, ge=0, le=8)
    """Images whose perceptual hashes differ in at most this many of 64 bits are one picture, of
    which the best scored pair stays; null: only equal bytes are one picture."""
