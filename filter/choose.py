"""Which of the texts around an image describes it?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from crawl.candidate import Candidate, Text, TextSource
from filter.sentences import sentences
from filter.sieve import Sieve
from filter.verdict import Drop, ScoredText, Verdict

NOT_ELIGIBLE: Final = "not_eligible"
"""Refusal of a text whose source `text_sources` does not name: evidence, not a description."""
MISSING: Final = Drop(reason="text_missing")


def pieces(text: Text) -> tuple[str, ...]:
    """What one text offers as descriptions: running text is cut into sentences (LAIT step 3)."""
    return sentences(text.text) if text.source == "surrounding" else (text.text,)


def judge_texts(
    candidate: Candidate, sieve: Sieve[str], sources: Sequence[TextSource]
) -> tuple[ScoredText, ...]:
    """Every text of a candidate in its order, each with the first refusal against it."""
    return tuple(
        judge_text(text.source, piece, sieve, sources)
        for text in candidate.texts
        for piece in (pieces(text) if text.source in sources else (text.text,))
    )


def judge_text(
    source: TextSource, piece: str, sieve: Sieve[str], sources: Sequence[TextSource]
) -> ScoredText:
    """One piece of text with the first refusal against it, not yet scored."""
    if source not in sources:
        return ScoredText(source=source, text=piece, score=None, drop=NOT_ELIGIBLE)
    refusal = sieve(piece)
    drop = refusal.drop.reason if refusal else None
    return ScoredText(source=source, text=piece, score=None, drop=drop)


def no_text(
    texts: Sequence[ScoredText], sieve: Sieve[str], sources: Sequence[TextSource]
) -> Drop | None:
    """None when some text survives; else the refusal of the first eligible one, by source."""
    if any(text.drop is None for text in texts):
        return None
    eligible = [text for text in texts if text.drop != NOT_ELIGIBLE]
    if not eligible:
        return MISSING
    first = min(eligible, key=lambda text: sources.index(text.source))
    refusal = sieve(first.text)
    assert refusal is not None, first
    return refusal.drop


def open_texts(verdict: Verdict) -> tuple[str, ...]:
    """The distinct texts that the relevance model has to score, in order."""
    return tuple(dict.fromkeys(text.text for text in verdict.texts if text.drop is None))


def choose(
    verdict: Verdict, scores: Mapping[str, float] | None, sources: Sequence[TextSource]
) -> Verdict:
    """The verdict with its texts scored and the best one chosen.

    Ties, and every choice when there are no scores, go to the earlier source in `sources`, then to
    the earlier text: a person's own words about the image before the words around it.
    """
    texts = tuple(
        replace(text, score=scores[text.text]) if scores and text.drop is None else text
        for text in verdict.texts
    )
    survivors = [text for text in texts if text.drop is None]
    best = min(survivors, key=lambda text: (-(text.score or 0.0), sources.index(text.source)))
    return replace(
        verdict, texts=texts, text=best.text, text_source=best.source, relevance=best.score
    )
