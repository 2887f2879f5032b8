"""What would other thresholds have kept? Decided from what a ledger recorded, and nothing else.

The filters are those of the run: they compare the same values with other thresholds. Nothing is
fetched, decoded or scored; where a value was never computed, because something cheaper had dropped
the candidate, the answer is that it cannot be judged.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from crawl.candidate import Text
from filter.aggregate import (
    drop_common_text,
    hash_key,
    image_key,
    keep_best_pair,
    keep_best_print,
    text_key,
    without_copy,
)
from filter.choose import NOT_ELIGIBLE, choose, judge_text, no_text, open_texts, pieces
from filter.decode import check_pixels, most_pixels
from filter.decontaminate import KNOWN_BAD
from filter.dedup import Copy, Print, keys, n_equal_blocks, near_copies, prints_of
from filter.judge import check_relevance, judge_ref
from filter.recipe import Cascade
from filter.sieve import ERROR, dropped
from filter.verdict import Drop, ImageFacts, ScoredText, Verdict

NOT_DECODED: Final = "not_decoded"
NOT_SCORED: Final = "not_scored"
UNJUDGED: Final = frozenset({NOT_DECODED, NOT_SCORED})
"""Reasons of candidates that cannot be judged: their image was never decoded, or no model was ever
asked about it or about one of the texts that now pass."""

_BEFORE_TEXTS: Final = ("page", "main_image")
_OF_THE_BYTES: Final = ("image_format", "image_corrupt", ERROR)
"""Refusals that no threshold undoes."""


def judge_again(before: Verdict, cascade: Cascade, *, same_texts: bool, scored: bool) -> Verdict:
    """One candidate, as `before` tells it, under `cascade`, up to the rules over all pairs.

    `same_texts`: the text filters are those of the run, so that their answers stand. `scored`: the
    run had a relevance model. A candidate that cannot be judged is dropped for a reason in
    `UNJUDGED`. An image that could not be decoded stays `image_corrupt`, even where `max_pixels`
    would now refuse it sooner: its size was not recorded. Of a known-bad image nothing was recorded
    that could be judged: it stays dropped.
    """
    if before.reason == KNOWN_BAD:
        return before
    verdict = Verdict(candidate=before.candidate, kept=True, image=before.image)
    refusal = cascade.page(before.candidate)
    if refusal is not None:
        return dropped(verdict, refusal.stage, refusal.drop)
    verdict = replace(verdict, texts=_texts_again(before, cascade, same_texts=same_texts))
    drop = no_text(verdict.texts, cascade.text, cascade.text_sources)
    if drop is not None:
        return dropped(verdict, "text", drop)
    verdict = judge_ref(verdict, before.ref, cascade)
    if verdict.kept:
        verdict = _image_again(verdict, before, cascade)
    return _relevance_again(verdict, before, cascade, scored=scored) if verdict.kept else verdict


def _texts_again(before: Verdict, cascade: Cascade, *, same_texts: bool) -> tuple[ScoredText, ...]:
    sources, judged = cascade.text_sources, []
    for text in before.texts:
        is_piece = before.stage not in _BEFORE_TEXTS and text.drop != NOT_ELIGIBLE
        if is_piece and same_texts and text.source in sources:
            judged.append(replace(text, score=None))
            continue
        whole = is_piece or text.source not in sources
        parts = (text.text,) if whole else pieces(Text(source=text.source, text=text.text))
        judged += [judge_text(text.source, part, cascade.text, sources) for part in parts]
    return tuple(judged)


def _image_again(verdict: Verdict, before: Verdict, cascade: Cascade) -> Verdict:
    facts = before.image
    if facts is None:
        return _undecoded(verdict, before, cascade)
    drop = check_pixels(facts.width_px * facts.height_px, facts.format, cascade.limits)
    if drop is not None:
        return dropped(verdict, "decode", drop)
    refusal = cascade.image(facts)
    if refusal is not None:
        return dropped(verdict, refusal.stage, refusal.drop)
    if cascade.natural_model is not None and facts.natural is None:
        return dropped(verdict, "natural", Drop(reason=NOT_SCORED))
    return _safety_again(verdict, before, facts, cascade)


def _safety_again(
    verdict: Verdict, before: Verdict, facts: ImageFacts, cascade: Cascade
) -> Verdict:
    if not cascade.safety_models.models:
        return verdict
    if (before.stage, before.reason) == ("safety", ERROR):
        return dropped(verdict, "safety", Drop(reason=ERROR, value=before.value))
    if facts.unsafe is None:
        return dropped(verdict, "safety", Drop(reason=NOT_SCORED))
    drop = cascade.safety(facts)
    return verdict if drop is None else dropped(verdict, "safety", drop)


def _undecoded(verdict: Verdict, before: Verdict, cascade: Cascade) -> Verdict:
    """An image without facts: its bytes were refused then, and perhaps would be now."""
    unknown = Drop(reason=NOT_DECODED)
    if before.stage == "decode" or (before.stage, before.reason) == ("fetch", ERROR):
        again = Drop(reason=str(before.reason), value=before.value, threshold=before.threshold)
        if before.reason in _OF_THE_BYTES:
            return dropped(verdict, str(before.stage), again)
        if before.reason == "image_pixels":
            if isinstance(before.value, int | float):
                again = _pixels_again(before, again, cascade) or unknown
            return dropped(verdict, "decode", again)
    return dropped(verdict, "decode", unknown)


def _pixels_again(before: Verdict, again: Drop, cascade: Cascade) -> Drop | None:
    """The refusal of a header that declared too much; its format was not recorded."""
    if before.threshold == most_pixels("webp", cascade.limits):
        return again
    assert isinstance(before.value, int | float)
    return check_pixels(int(before.value), "", cascade.limits)


def _relevance_again(
    verdict: Verdict, before: Verdict, cascade: Cascade, *, scored: bool
) -> Verdict:
    if not scored:
        return choose(verdict, None, cascade.text_sources)
    if (before.stage, before.reason) == ("relevance", ERROR):
        return dropped(verdict, "relevance", Drop(reason=ERROR, value=before.value))
    scores = {text.text: text.score for text in before.texts if text.score is not None}
    if any(text not in scores for text in open_texts(verdict)):
        return dropped(verdict, "relevance", Drop(reason=NOT_SCORED))
    return check_relevance(choose(verdict, scores, cascade.text_sources), cascade)


def slim(verdict: Verdict) -> Verdict:
    """A verdict with no more than the rules over all pairs need, about 1 KB."""
    candidate = replace(
        verdict.candidate, texts=(), alternative_urls=(), page_url="", page_digest="", opt_out=()
    )
    return replace(verdict, candidate=candidate, texts=())


def aggregate_again(pairs: Sequence[Verdict], cascade: Cascade) -> Iterator[Verdict]:
    """LAIT's two rules and near copies over all pairs; those that stay and those that fall."""
    left = list(pairs)
    left = yield from _settle(
        verdict for group in _groups(left, image_key) for verdict in keep_best_pair(group)
    )
    if cascade.max_phash_distance is not None:
        left = yield from _settle(
            verdict for group in _groups(left, hash_key) for verdict in keep_best_print(group)
        )
        left = yield from _settle(_without_copies(left, cascade.max_phash_distance))
    left = yield from _settle(
        verdict
        for group in _groups(left, text_key)
        for verdict in drop_common_text(group, cascade.max_images_per_text)
    )
    yield from left


def _settle(judged: Iterable[Verdict]) -> Generator[Verdict, None, list[Verdict]]:
    """Gives those that fell, and returns those that stay."""
    left = []
    for verdict in judged:
        if verdict.kept:
            left.append(verdict)
        else:
            yield verdict
    return left


def _groups(pairs: Iterable[Verdict], key: Callable[[Verdict], str]) -> Iterable[list[Verdict]]:
    groups: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in pairs:
        groups[key(verdict)].append(verdict)
    return groups.values()


def _without_copies(pairs: Sequence[Verdict], max_distance: int) -> Iterator[Verdict]:
    n_equal = n_equal_blocks(len(pairs))
    groups: defaultdict[bytes, list[Print]] = defaultdict(list)
    for verdict in pairs:
        for one in prints_of(verdict):
            for key in keys(one.bits, max_distance, n_equal):
                groups[key].append(one)
    copies: defaultdict[str, list[Copy]] = defaultdict(list)
    for group in groups.values():
        for candidate_id, copy in near_copies(group, max_distance):
            copies[candidate_id].append(copy)
    for verdict in pairs:
        yield without_copy(verdict, copies.get(verdict.candidate.candidate_id, ()))
