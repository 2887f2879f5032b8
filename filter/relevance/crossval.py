"""How does what we train do on hosts it has not seen, and how is its score calibrated there?

Each fold is embedded by a model that was fitted on the others. Its calibration is judged the same
way: fitted on the other folds' scores. The calibration that is kept sees them all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from filter.relevance.calibrate import Calibration, fit_calibration, importance
from filter.relevance.colour import Floats
from filter.relevance.config import RelevanceConfig
from filter.relevance.features import Said, Seen, bank_of, pair_features
from filter.relevance.negatives import Paired, hard_wrong, random_wrong, same_host_wrong
from filter.relevance.report import Report, Scores, report

Embed = Callable[[NDArray[np.bool_]], tuple[Floats, Floats]]
"""Unit vectors (images [N, E], texts [M, E]) of ALL pairs, by a model fitted on those marked."""
_KINDS: Final = ("true", "random", "hard", "same_host")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """True pairs, who belongs to whom, and the fold of each."""

    colours_NK: Floats
    texts: tuple[str, ...]
    paired: Paired
    fold_of_M: NDArray[np.int64]
    split: str


def cross_validate(
    material: Material, embed: Embed, config: RelevanceConfig
) -> tuple[Calibration, Report]:
    """The calibration to use, and how all of it does on unseen parts."""
    folds = range(int(material.fold_of_M.max()) + 1)
    features = [_features_of_fold(fold, material, embed, config) for fold in folds]
    scores: dict[str, list[Floats]] = {kind: [] for kind in _KINDS}
    for fold in folds:
        others = _fit([part for number, part in enumerate(features) if number != fold])
        for kind in _KINDS:
            scores[kind].append(others(features[fold][kind]))
    judged = Scores(**{kind: np.concatenate(parts) for kind, parts in scores.items()})
    calibration = _fit(features)
    told = importance(calibration, *(_all(features, kind) for kind in ("true", "random")))
    return calibration, report(
        judged,
        images=len(np.unique(material.paired.image_of_M)),
        split=material.split,
        folds=len(folds),
        threshold=None,
        importance=told,
    )


def embedded(material: Material, embed: Embed, taught_M: NDArray[np.bool_]) -> tuple[Seen, Said]:
    """All images and texts, by a model fitted on the pairs marked."""
    images_NE, texts_ME = embed(taught_M)
    return (
        Seen(vectors_NE=images_NE, colours_NK=material.colours_NK),
        Said(vectors_ME=texts_ME, texts=material.texts),
    )


def _features_of_fold(
    fold: int, material: Material, embed: Embed, config: RelevanceConfig
) -> dict[str, Floats]:
    """Features [P, F] of the fold's true pairs and of each kind of wrong ones."""
    taught_M = material.fold_of_M != fold
    whole = material.paired
    images, texts = embedded(material, embed, taught_M)
    bank = bank_of(
        images.take(np.unique(whole.image_of_M[taught_M])), texts.take(np.flatnonzero(taught_M))
    )
    rows = np.flatnonzero(~taught_M)
    said = texts.take(rows)
    inside = replace(
        whole,
        image_of_M=whole.image_of_M[rows],
        text_id_M=whole.text_id_M[rows],
        host_of_M=whole.host_of_M[rows],
    )
    rng = np.random.default_rng([config.seed, fold])
    picked = {
        "true": (inside.image_of_M, np.arange(len(rows))),
        "random": random_wrong(inside, config.negatives_per_pair, rng),
        "hard": hard_wrong(inside, said.vectors_ME, rng),
        "same_host": same_host_wrong(inside, rng),
    }
    return {
        kind: pair_features(images.take(image_rows), said.take(text_rows), bank)
        for kind, (image_rows, text_rows) in picked.items()
    }


def _fit(parts: Sequence[dict[str, Floats]]) -> Calibration:
    true, wrong = _all(parts, "true"), _all(parts, "random")
    is_true = np.arange(len(true) + len(wrong)) < len(true)
    return fit_calibration(np.concatenate([true, wrong]), is_true)


def _all(parts: Sequence[dict[str, Floats]], kind: str) -> Floats:
    return np.concatenate([part[kind] for part in parts])
