"""How likely is it that a text describes a picture, given the features of the pair?

Logistic regression: with one true pair for every wrong one as the prior, its output is a
probability, and 0.5 is the point where both are equally likely. Stored as readable JSON.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filter.relevance.colour import Floats
from filter.relevance.features import FEATURES
from filter.relevance.report import Importance, auc


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Coefficients on raw features: p = 1 / (1 + exp(-(intercept + coefficients . features)))."""

    features: tuple[str, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def __call__(self, features_PF: Floats) -> Floats:
        """Probabilities [P] in 0..1."""
        # Row by row, not a matrix product, whose summation order depends on the number of rows.
        logits = (features_PF * np.array(self.coefficients)).sum(axis=-1) + self.intercept
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0))))


def importance(
    calibration: Calibration, true_PF: Floats, wrong_PF: Floats
) -> tuple[Importance, ...]:
    """By permutation (Breiman 2001): what is lost when a feature says nothing of its pair."""
    whole = auc(calibration(true_PF), calibration(wrong_PF))
    rng = np.random.default_rng(0)
    told = []
    for column, name in enumerate(calibration.features):
        both = np.concatenate([true_PF, wrong_PF])
        both[:, column] = rng.permutation(both[:, column])
        scores = calibration(both)
        lost = whole - auc(scores[: len(true_PF)], scores[len(true_PF) :])
        coefficient = calibration.coefficients[column]
        told.append(Importance(feature=name, coefficient=coefficient, auc_lost=lost))
    return tuple(sorted(told, key=lambda one: -one.auc_lost))


def fit_calibration(features_PF: Floats, is_true_P: NDArray[np.bool_]) -> Calibration:
    """Fits the probability that a pair is true; true and wrong pairs weigh the same in sum."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = features_PF.mean(axis=0), features_PF.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000)
    model.fit((features_PF - mean) / scale, is_true_P)
    coefficients = model.coef_[0] / scale
    return Calibration(
        features=FEATURES,
        coefficients=tuple(float(value) for value in coefficients),
        intercept=float(model.intercept_[0] - coefficients @ mean),
    )
