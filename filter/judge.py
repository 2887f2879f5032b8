"""What happens to one candidate from its first question to its score? The cascade without Beam.

    judge_page -> judge_ref -> look -> judge_safety -> judge_relevance

Each takes and returns a verdict (or what becomes one); the first that drops it ends it.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Protocol, runtime_checkable

from PIL import Image

from crawl.bodies import BodyTooLarge
from crawl.candidate import Candidate
from crawl.image_ref import ImageRef
from filter.choose import choose, judge_texts, no_text, open_texts
from filter.decode import check_bytes, decode
from filter.fetch import check_ref
from filter.looked import Looked, all_dropped, all_redacted
from filter.natural_model import load_model
from filter.recipe import Cascade
from filter.safety import load as load_safety
from filter.safety import worst
from filter.sieve import by_halves, dropped, failure
from filter.verdict import Drop, Verdict

SCORE_DIGITS = 4
"""Scores are rounded before anything compares them, so that the ledger tells what was compared."""


@runtime_checkable
class Scorer(Protocol):
    """A relevance model, as the cascade sees it."""

    def preprocess(self, image: Image.Image, /) -> Any:
        """An RGB image as the array that `score` takes."""

    def score(self, images: Sequence[Any], texts: Sequence[Sequence[str]], /) -> list[list[float]]:
        """Calibrated relevance in 0..1 of every text of every image, in the same shape."""


def judge_page(candidate: Candidate, cascade: Cascade) -> Verdict:
    """The questions that need no image: the page, the main image, the texts."""
    verdict = Verdict(candidate=candidate, kept=True)
    refusal = cascade.page(candidate)
    if refusal is not None:
        return dropped(verdict, refusal.stage, refusal.drop)
    verdict = replace(verdict, texts=judge_texts(candidate, cascade.text, cascade.text_sources))
    drop = no_text(verdict.texts, cascade.text, cascade.text_sources)
    return verdict if drop is None else dropped(verdict, "text", drop)


def judge_ref(verdict: Verdict, ref: ImageRef | None, cascade: Cascade) -> Verdict:
    """Attaches the image response and asks what needs none of its bytes.

    A candidate that has fallen already gets its reference too: the ledger tells where every image
    lies, so that a replay under other settings can find it.
    """
    verdict = replace(verdict, ref=ref)
    if not verdict.kept:
        return verdict
    drop = check_ref(ref, obey_opt_out=cascade.obey_opt_out)
    if drop is not None:
        return dropped(verdict, "fetch", drop)
    assert ref is not None
    drop = check_bytes(ref.n_bytes, cascade.limits)
    return verdict if drop is None else dropped(verdict, "decode", drop)


def judge_block(
    verdicts: Iterable[Verdict],
    read: Callable[[ImageRef], bytes],
    cascade: Cascade,
    scorer: Scorer | None,
    batch_images: int,
) -> Iterator[Verdict]:
    """Judges all candidates whose images lie close together in one archive.

    Images are read in file order, each once however many pages want it, and scored in batches whose
    members follow from the block alone: the last digit of a score depends on the batch it was
    computed in, and must not depend on how a runner spread the work.
    """
    batch: list[Looked] = []
    for _, same_image in groupby(sorted(verdicts, key=_place), key=lambda v: _place(v)[:2]):
        looked = look(tuple(same_image), read, cascade, scorer)
        yield from (verdict for verdict in looked.verdicts if not verdict.kept)
        survivors = tuple(verdict for verdict in looked.verdicts if verdict.kept)
        if survivors:
            batch.append(replace(looked, verdicts=survivors))
        if len(batch) == batch_images:
            yield from judge_batch(batch, cascade, scorer)
            batch = []
    yield from judge_batch(batch, cascade, scorer)


def _place(verdict: Verdict) -> tuple[str, int, str]:
    assert verdict.ref is not None, verdict.candidate.candidate_id
    return (verdict.ref.file, verdict.ref.offset, verdict.candidate.candidate_id)


def look(
    verdicts: tuple[Verdict, ...],
    read: Callable[[ImageRef], bytes],
    cascade: Cascade,
    scorer: Scorer | None,
) -> Looked:
    """Reads and decodes one image and asks the image filters, for all candidates that want it."""
    ref = verdicts[0].ref
    assert ref is not None
    try:
        body = read(ref)
    except BodyTooLarge:
        limit = cascade.limits.max_bytes
        return all_dropped(
            verdicts, "decode", Drop(reason="image_bytes", value=limit + 1, threshold=limit)
        )
    except ValueError as error:
        # The record was there when the archive was listed: a damaged member, not a missing file.
        return all_dropped(verdicts, "fetch", failure(error, where="reading the image"))
    gate = cascade.known_bad
    sha256 = hashlib.sha256(body).hexdigest() if gate else ""
    if gate is not None and gate.has_bytes(sha256, body):
        return all_redacted(verdicts, sha256)
    decoded = decode(body, cascade.limits)
    if isinstance(decoded, Drop):
        return all_dropped(verdicts, "decode", decoded)
    if gate is not None and gate.has_look(decoded.facts):
        return all_redacted(verdicts, sha256)
    facts = decoded.facts
    if cascade.natural_model is not None:
        natural = load_model(cascade.natural_model).score(decoded.looks.features)
        facts = replace(facts, natural=natural)
    verdicts = tuple(replace(verdict, image=facts) for verdict in verdicts)
    refusal = cascade.image(facts)
    if refusal is not None:
        return all_dropped(verdicts, refusal.stage, refusal.drop)
    image, stage = decoded.image, "safety"
    try:
        shown = tuple(model.preprocess(image) for model in load_safety(cascade.safety_models))
        stage = "relevance"
        pixels = None if scorer is None else scorer.preprocess(image)
    except Exception as error:
        return all_dropped(verdicts, stage, failure(error, where="preprocess"))
    return Looked(verdicts=verdicts, pixels=pixels, shown=shown)


def judge_batch(
    batch: Sequence[Looked], cascade: Cascade, scorer: Scorer | None
) -> Iterator[Verdict]:
    """What models are asked of many images at once: are they safe, do their texts describe them."""
    if cascade.safety_models.models:
        judged = list(judge_safety(batch, cascade))
        yield from (v for looked in judged for v in looked.verdicts if not v.kept)
        batch = [looked for looked in judged if looked.verdicts[0].kept]
    yield from judge_relevance(batch, cascade, scorer)


def judge_safety(batch: Sequence[Looked], cascade: Cascade) -> Iterator[Looked]:
    """Every image of a batch with the safety models' score, dropped where it is too high."""
    models = load_safety(cascade.safety_models)
    scores = by_halves(
        batch,
        lambda part: worst(models, [looked.shown for looked in part]),
        where="safety model",
    )
    for looked, unsafe in zip(batch, scores, strict=True):
        facts = looked.verdicts[0].image
        assert facts is not None
        if isinstance(unsafe, Drop):
            yield all_dropped(looked.verdicts, "safety", unsafe)
            continue
        facts = replace(facts, unsafe=unsafe)
        verdicts = tuple(replace(verdict, image=facts) for verdict in looked.verdicts)
        drop = cascade.safety(facts)
        if drop is None:
            yield replace(looked, verdicts=verdicts)
        else:
            yield all_dropped(verdicts, "safety", drop)


def judge_relevance(
    batch: Sequence[Looked], cascade: Cascade, scorer: Scorer | None
) -> Iterator[Verdict]:
    """Chooses the text of every candidate in a batch, by its scores where there is a model."""
    if scorer is None:
        for looked in batch:
            for verdict in looked.verdicts:
                yield choose(verdict, None, cascade.text_sources)
        return
    texts = [_texts_of(looked) for looked in batch]
    for looked, wanted, scores in zip(batch, texts, _scores(batch, texts, scorer), strict=True):
        for verdict in looked.verdicts:
            if isinstance(scores, Drop):
                yield dropped(verdict, "relevance", scores)
            else:
                by_text = dict(zip(wanted, scores, strict=True))
                yield check_relevance(choose(verdict, by_text, cascade.text_sources), cascade)


def _texts_of(looked: Looked) -> list[str]:
    """The distinct texts of all candidates that want one image."""
    return list(dict.fromkeys(text for v in looked.verdicts for text in open_texts(v)))


def _scores(
    batch: Sequence[Looked], texts: Sequence[Sequence[str]], scorer: Scorer
) -> list[list[float] | Drop]:
    """Scores per image, and a drop for the images on which the model raises."""

    def score(rows: Sequence[int]) -> list[list[float]]:
        found = scorer.score([batch[row].pixels for row in rows], [texts[row] for row in rows])
        return [[round(float(score), SCORE_DIGITS) for score in scores] for scores in found]

    return by_halves(range(len(batch)), score, where="relevance model")


def check_relevance(verdict: Verdict, cascade: Cascade) -> Verdict:
    """The verdict, dropped when its chosen text does not score enough."""
    assert verdict.relevance is not None
    # Written so that a NaN is dropped.
    if verdict.relevance >= cascade.min_relevance:
        return verdict
    drop = Drop(reason="relevance", value=verdict.relevance, threshold=cascade.min_relevance)
    return dropped(verdict, "relevance", drop)
