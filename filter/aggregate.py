"""Which pairs fall because of OTHER pairs? LAIT's two rules over the whole collection.

Rule 1: among the pairs of one image (equal bytes) the best scored stays. Rule 2: a text on too many
distinct images drops ALL its pairs. Rule 1 goes first, so that a picture copied to many pages with
the same text counts once under rule 2. Near copies (`filter.dedup`) fall between the two.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
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


def hash_key(verdict: Verdict) -> str:
    """Equal for pictures whose perceptual hashes are the same."""
    assert verdict.image is not None, verdict.candidate.candidate_id
    return verdict.image.phash


def keep_best_pair(same_image: Iterable[Verdict]) -> Iterator[Verdict]:
    """Rule 1 over the pairs of one image: the best stays, the others drop as `duplicate_image`.

    `same_image` is walked twice; a runner may hand over more than memory holds.
    """
    best = min(same_image, key=better)
    drop = partial(Drop, reason="duplicate_image", threshold=best.relevance)
    return _all_but(best, same_image, lambda verdict: drop(value=verdict.relevance))


def keep_best_print(same_hash: Iterable[Verdict]) -> Iterator[Verdict]:
    """Of the images of one perceptual hash the best stays, the others drop as `near_duplicate`."""
    best = min(same_hash, key=better)
    drop = Drop(reason="near_duplicate", value=best.candidate.candidate_id)
    return _all_but(best, same_hash, lambda _verdict: drop)


def _all_but(
    best: Verdict, group: Iterable[Verdict], drop: Callable[[Verdict], Drop]
) -> Iterator[Verdict]:
    for verdict in group:
        is_best = verdict.candidate.candidate_id == best.candidate.candidate_id
        yield verdict if is_best else dropped(verdict, "aggregate", drop(verdict))


def without_copy(verdict: Verdict, copies: Sequence[tuple[Rank, str, int]]) -> Verdict:
    """The verdict, dropped when there are better images close to its own; the best is named."""
    if not copies:
        return verdict
    return dropped(verdict, "aggregate", Drop(reason="near_duplicate", value=min(copies)[1]))


def drop_common_text(same_text: Iterable[Verdict], max_images: int) -> Iterator[Verdict]:
    """Rule 2 over the pairs of one text, each of another image: all stay or all drop."""
    n_images = sum(1 for _ in same_text)
    for verdict in same_text:
        if n_images <= max_images:
            yield verdict
        else:
            drop = Drop(reason="text_on_many_images", value=n_images, threshold=max_images)
            yield dropped(verdict, "aggregate", drop)
