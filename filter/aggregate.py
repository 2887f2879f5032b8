"""Which pairs fall because of OTHER pairs? LAIT's two rules over the whole collection.

Rule 1: among the pairs of one image (equal bytes) the best scored stays. Rule 2: a text on too many
distinct images drops ALL its pairs. Rule 1 goes first, so that a picture copied to many pages with
the same text counts once under rule 2.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from filter.fetch import file_name
from filter.sieve import dropped
from filter.text import fold
from filter.verdict import Drop, Verdict

Rank: TypeAlias = tuple[float, str, int, str, str]


def better(verdict: Verdict) -> Rank:
    """Sort key, best first: relevance, then the place of the page, so that the order is total.

    Archives count by their name, not their folder: the same archives give the same pairs anywhere.
    """
    candidate = verdict.candidate
    place = (file_name(candidate.page_file), candidate.page_offset, candidate.image_url)
    return (-(verdict.relevance or 0.0), *place, candidate.candidate_id)


def image_key(verdict: Verdict) -> str:
    """Equal for equal image bytes."""
    assert verdict.image is not None, verdict.candidate.candidate_id
    return verdict.image.sha256


def text_key(verdict: Verdict) -> str:
    """Equal for texts that differ only in case and white space."""
    assert verdict.text is not None, verdict.candidate.candidate_id
    return fold(verdict.text)


def keep_best_pair(same_image: Iterable[Verdict]) -> Iterator[Verdict]:
    """Rule 1 over the pairs of one image: the best stays, the others drop as `duplicate_image`.

    `same_image` is walked twice; a runner may hand over more than memory holds.
    """
    best = min(same_image, key=better)
    keeper = best.candidate.candidate_id
    for verdict in same_image:
        if verdict.candidate.candidate_id == keeper:
            yield verdict
        else:
            drop = Drop(reason="duplicate_image", value=verdict.relevance, threshold=best.relevance)
            yield dropped(verdict, "aggregate", drop)


def drop_common_text(same_text: Iterable[Verdict], max_images: int) -> Iterator[Verdict]:
    """Rule 2 over the pairs of one text, each of another image: all stay or all drop."""
    n_images = sum(1 for _ in same_text)
    for verdict in same_text:
        if n_images <= max_images:
            yield verdict
        else:
            drop = Drop(reason="text_on_many_images", value=n_images, threshold=max_images)
            yield dropped(verdict, "aggregate", drop)
