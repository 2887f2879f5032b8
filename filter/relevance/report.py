"""How good is a relevance model? Numbers from scores of true and wrong pairs. No torch.

Precision is stated for one wrong pair per true one, however many were drawn: it is
recall / (recall + share of wrong pairs that pass).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from filter.relevance.colour import Floats

RECALLS: Final = (0.5, 0.8, 0.9, 0.95)
CURVE: Final = tuple(step / 20 for step in range(1, 21))
"""Recalls of the plotted curve."""
_BINS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionAtRecall:
    """What is gained and lost when true pairs are kept down to some threshold."""

    recall: float
    precision: float
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Pairs whose score lies in [low, high): a calibrated score equals the share of true ones."""

    low: float
    high: float
    pairs: int
    mean_score: float
    true_share: float
    """At one wrong pair per true one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """What one feature of the calibrated score does."""

    feature: str
    coefficient: float
    """Of the raw feature, in the logistic regression."""
    auc_lost: float
    """How much the AUC against random wrong texts falls when its values change places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Quality on pairs that the model was not trained on."""

    images: int
    pairs: int
    split: str
    """How they were kept apart from training: `host`, `image`, or `none` (told by the caller)."""
    folds: int
    """Models that were judged, each on its own part; 1 for a finished model."""
    auc_random: float
    """Chance that a true pair outscores a pair with a random wrong text."""
    auc_hard: float | None
    """The same against the nearest wrong text; None when there was none."""
    auc_same_host: float | None
    """The same against a wrong text of the same host; None when hosts are not known."""
    threshold: float
    """Where F1 is best, or the model's own when a finished model is judged."""
    precision: float
    """At the threshold, against random wrong texts."""
    recall: float
    f1: float
    brier: float
    """Mean squared error of the score as a probability; 0.25 is knowing nothing."""
    precision_at_recall: tuple[PrecisionAtRecall, ...]
    calibration: tuple[CalibrationBin, ...]
    curve: tuple[PrecisionAtRecall, ...] = ()
    """The same at every twentieth of the true pairs."""
    importance: tuple[Importance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """Scores 0..1 of true pairs and of each kind of wrong ones."""

    true: Floats
    random: Floats
    hard: Floats
    same_host: Floats


def report(
    scores: Scores,
    *,
    images: int,
    split: str,
    folds: int,
    threshold: float | None,
    importance: tuple[Importance, ...] = (),
) -> Report:
    """All numbers; `threshold` None: the one with the best F1."""
    chosen = best_f1(scores.true, scores.random) if threshold is None else threshold
    recall, fall_out = pass_shares(scores, chosen)
    precision = precision_of(recall, fall_out)
    return Report(
        images=images,
        pairs=len(scores.true),
        split=split,
        folds=folds,
        auc_random=auc(scores.true, scores.random),
        auc_hard=auc(scores.true, scores.hard) if len(scores.hard) else None,
        auc_same_host=auc(scores.true, scores.same_host) if len(scores.same_host) else None,
        threshold=chosen,
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / max(precision + recall, 1e-12),
        brier=float((np.mean((1 - scores.true) ** 2) + np.mean(scores.random**2)) / 2),
        precision_at_recall=tuple(_at_recall(scores, wanted) for wanted in RECALLS),
        calibration=calibration_table(scores.true, scores.random),
        curve=tuple(_at_recall(scores, wanted) for wanted in CURVE),
        importance=importance,
    )


def auc(true: Floats, wrong: Floats) -> float:
    """Area under the ROC curve: P(true > wrong) + P(equal) / 2."""
    ordered = np.sort(wrong)
    below = np.searchsorted(ordered, true, side="left")
    not_above = np.searchsorted(ordered, true, side="right")
    return float((below + not_above).mean() / (2 * len(wrong)))


def best_f1(true: Floats, wrong: Floats) -> float:
    """The score, among those of true pairs, that gives the best F1 as a threshold (kept: >=)."""
    candidates = np.unique(true)
    recall = 1 - np.searchsorted(np.sort(true), candidates, side="left") / len(true)
    fall_out = 1 - np.searchsorted(np.sort(wrong), candidates, side="left") / len(wrong)
    # With one wrong pair per true one, F1 = 2 recall / (recall + fall-out + 1).
    return float(candidates[np.argmax(2 * recall / (recall + fall_out + 1))])


def pass_shares(scores: Scores, threshold: float) -> tuple[float, float]:
    """Shares of the true and of the random wrong pairs that score at least `threshold`."""
    return float((scores.true >= threshold).mean()), float((scores.random >= threshold).mean())


def precision_of(recall: float, fall_out: float) -> float:
    """At one wrong pair per true one; 1.0 when nothing passes."""
    return recall / (recall + fall_out) if recall + fall_out > 0 else 1.0


def calibration_table(true: Floats, wrong: Floats) -> tuple[CalibrationBin, ...]:
    """Ten bins of equal width, empty ones left out."""
    scores = np.concatenate([true, wrong])
    weights = np.concatenate(
        [np.full(len(true), 1 / len(true)), np.full(len(wrong), 1 / len(wrong))]
    )
    is_true: NDArray[np.bool_] = np.arange(len(scores)) < len(true)
    bins = np.minimum((scores * _BINS).astype(np.int64), _BINS - 1)
    table = []
    for number in np.unique(bins).tolist():
        inside = bins == number
        weight = weights[inside]
        table.append(
            CalibrationBin(
                low=number / _BINS,
                high=(number + 1) / _BINS,
                pairs=int(inside.sum()),
                mean_score=float(np.average(scores[inside], weights=weight)),
                true_share=float(np.average(is_true[inside], weights=weight)),
            )
        )
    return tuple(table)


def _at_recall(scores: Scores, wanted: float) -> PrecisionAtRecall:
    ordered = np.sort(scores.true)[::-1]
    threshold = float(ordered[min(len(ordered), int(np.ceil(wanted * len(ordered)))) - 1])
    recall, fall_out = pass_shares(scores, threshold)
    return PrecisionAtRecall(
        recall=recall, precision=precision_of(recall, fall_out), threshold=threshold
    )
