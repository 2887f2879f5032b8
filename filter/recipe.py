"""Which filters make up the cascade of the paper, in which order?

A new filter is one file in this room and one element here: its drops then appear in the counters,
the funnel, the ledger and the review by their reason.
"""

from dataclasses import dataclass

from crawl.candidate import Candidate, TextSource
from crawl.config import CrawlConfig
from filter.config import FilterConfig
from filter.decode import DecodeLimits
from filter.decontaminate import KnownBad, known_bad, not_known
from filter.language import PageLanguage, TextLanguage
from filter.natural import Blurred, NotNatural, TooDark, TooLight, Uniform
from filter.page import MainImage, OptOut
from filter.personal import Personal
from filter.safety import Asked, Unsafe, asked_of
from filter.sieve import Sieve
from filter.size import AspectRatio, MinSide
from filter.text import (
    Boilerplate,
    FileName,
    Length,
    OutOfVocabulary,
    Profanity,
    Repetition,
    Spam,
)
from filter.tombstones import ImageNotTakenDown, NotTakenDown
from filter.verdict import Filter, ImageFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """Everything the filter job asks of one candidate, cheap questions first."""

    page: Sieve[Candidate]
    """Asked of the candidate alone."""
    text: Sieve[str]
    """Asked of each eligible text; a candidate falls when none of its texts passes."""
    text_sources: tuple[TextSource, ...]
    obey_opt_out: bool
    """Whether an image response's own opt-out counts."""
    known_bad: KnownBad | None
    """Asked of the bytes of an image before they are decoded, then of its look."""
    limits: DecodeLimits
    natural_model: str | None
    """File of the natural classifier, '' for the packaged one; None: it is not asked."""
    image: Sieve[ImageFacts]
    """Asked of a decoded image."""
    safety_models: Asked
    """Asked in batches of what is left."""
    safety: Unsafe
    min_relevance: float
    max_images_per_text: int
    max_phash_distance: int | None


def lait(config: FilterConfig, crawl: CrawlConfig) -> Cascade:
    """LAIT's steps (ImageBERT, arXiv 2001.07966, section 4), with the thresholds of `config`."""
    page: list[Filter[Candidate]] = []
    image: list[Filter[ImageFacts]] = []
    if config.tombstones:
        sources, digest = config.tombstones, config.tombstones_digest
        page.append(NotTakenDown(sources=sources, digest=digest))
        image.append(ImageNotTakenDown(sources=sources, digest=digest))
    page.append(PageLanguage(languages=config.languages, min_score=config.min_language_score))
    if config.obey_opt_out:
        page.append(OptOut())
    if config.require_main_image:
        page.append(MainImage())
    return Cascade(
        page=Sieve(filters=tuple(page)),
        text=Sieve(filters=_text_filters(config)),
        text_sources=config.text_sources,
        obey_opt_out=config.obey_opt_out,
        known_bad=known_bad(config),
        limits=DecodeLimits(
            min_bytes=config.min_image_bytes,
            max_bytes=crawl.max_image_bytes,
            max_pixels=config.max_pixels,
        ),
        natural_model=config.natural_model if config.min_natural > 0 else None,
        image=Sieve(
            filters=(
                *image,
                MinSide(min_px=config.min_side_px),
                AspectRatio(max_ratio=config.max_aspect_ratio),
                Uniform(max_share=config.max_uniformity),
                TooDark(min_brightest=config.min_brightest),
                TooLight(max_darkest=config.max_darkest),
                Blurred(min_sharpness=config.min_sharpness),
                NotNatural(min_natural=config.min_natural),
                *not_known(config),
            )
        ),
        safety_models=asked_of(config),
        safety=Unsafe(max_unsafe=config.max_unsafe),
        min_relevance=config.min_relevance,
        max_images_per_text=config.max_images_per_text,
        max_phash_distance=config.max_phash_distance,
    )


def _text_filters(config: FilterConfig) -> tuple[Filter[str], ...]:
    return (
        FileName(),
        Boilerplate(),
        Length(min_words=config.min_words, max_words=config.max_words),
        *((Personal(),) if config.drop_personal else ()),
        Spam(),
        Profanity(),
        Repetition(max_share=config.max_repetition),
        TextLanguage(languages=config.languages, min_foreign_score=config.min_foreign_score),
        OutOfVocabulary(max_share=config.max_oov_share),
    )
