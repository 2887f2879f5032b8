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
    drop_personal: bool = True
    """Drop texts with an e-mail address, a telephone, card or account number."""
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
    min_brightest: int = Field(default=32, ge=0, le=255)
    """Too dark: not even the lightest hundredth of the pixels reaches this grey level; 0: off."""
    max_darkest: int = Field(default=215, ge=0, le=255)
    """Too light: not even the darkest hundredth stays at or below this grey level; 255: off."""
    min_sharpness: int = Field(default=4, ge=0)
    """Blurred: not even the sharpest hundredth of the pixels has such a Laplacian; 0: off."""
    min_natural: float = Field(default=0.1, ge=0, le=1)
    """Smallest score of the natural classifier: charts, tables, logos score less; 0: not asked."""
    natural_model: str = ""
    """A file of `lait natural train`; '' is the packaged model."""
    natural_digest: str = ""
    """Of that model; set by the run itself."""
    safety_models: tuple[str, ...] = ()
    """`nudenet`, `onnx:FILE.onnx`, `open_clip:NAME/TAG`: the surest counts; none: not asked."""
    max_unsafe: float = Field(default=0.5, ge=0, le=1)
    """Largest probability of a picture not to keep that any of them may tell."""
    unsafe_prompts: tuple[str, ...] = ("a photo of a naked person", "pornography", "gore")
    safe_prompts: tuple[str, ...] = ("a photo", "a photo of people in clothes", "a drawing")
    """What open_clip is asked for: a picture is as unsafe as the first ones fit it better."""
    safety_digest: str = ""
    """Of what these models compute; set by the run itself."""
    min_relevance: float = Field(default=0.5, ge=0, le=1)
    """Smallest calibrated relevance of the chosen text."""
    max_images_per_text: int = Field(default=5, ge=1)
    """LAIT: a text on more distinct images than this drops ALL its pairs."""
    max_phash_distance: int | None = Field(default=4, ge=0, le=8)
    """Images whose perceptual hashes differ in at most this many of 64 bits are one picture, of
    which the best scored pair stays; null: only equal bytes are one picture."""
    eval_sets: tuple[str, ...] = ()
    """Evaluation sets whose images must not be trained on: lists of hashes (one sha256 or
    perceptual hash a line, or `lait hashes`), curated shards, or runs."""
    not_in: tuple[str, ...] = ()
    """Earlier runs (or lists) whose kept images are not wanted again."""
    known_bad: tuple[str, ...] = ()
    """Lists of images that must not be kept at all: only hash and time of a hit are recorded."""
    max_known_distance: int | None = Field(default=4, ge=0, le=8)
    """Perceptual distance at which an image counts as one of these three; null: equal bytes."""
    max_known_bad: int = Field(default=10, ge=0)
    """A run that meets more images of `known_bad` than this is not finished."""
    eval_sets_digest: str = ""
    not_in_digest: str = ""
    known_bad_digest: str = ""
    """Of what the lists hold; set by the run itself, so that its hash covers their content."""
    tombstones: tuple[str, ...] = ()
    """Purged sets, or their tombstones.jsonl: what they name falls, and nothing of it is kept."""
    tombstones_digest: str = ""
    """Of what they say; set by the run itself."""
