"""How is the natural classifier trained, and how well does it do on sources it has not seen?"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from filter.decode import Decoded, DecodeLimits, decode
from filter.looks import FEATURES
from filter.natural_model import NaturalModel

_LIMITS: Final = DecodeLimits(min_bytes=0, max_bytes=256 * 2**20, max_pixels=89_478_485)
_C: Final = 1.0
_MIN_EACH: Final = 10
THRESHOLDS: Final = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Labelled pictures as the model sees them. N pictures, F features."""

    features_NF: NDArray[np.float64]
    natural_N: NDArray[np.bool_]
    source_N: NDArray[np.str_]
    n_unreadable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """One threshold: what falls below it."""

    threshold: float
    photographs_dropped: float
    """Share of the natural pictures."""
    others_caught: float
    """Share of the pictures that are not natural: recall."""
    precision: float | None
    """Share of what falls that is not natural; None where nothing falls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Quality on pictures of sources that the model had not seen."""

    auc: float
    n_natural: int
    n_other: int
    n_sources: int
    thresholds: tuple[Quality, ...]


def read_labelled(file: Path, progress: Callable[[int], None] = lambda _done: None) -> Labelled:
    """Lines `{"image": path, "natural": true, "source": "site or book"}`, paths beside the file.

    Pictures that cannot be decoded are counted and left out. Raises ValueError naming the line.
    """
    features, natural, source, n_unreadable = [], [], [], 0
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            image, label, origin = _fields(line, f"{file}, line {number}")
            found = _features(file.parent / image)
            if found is None:
                n_unreadable += 1
                continue
            features.append(found)
            natural.append(label)
            source.append(origin)
            progress(number)
    return Labelled(
        features_NF=np.array(features).reshape(-1, len(FEATURES)),
        natural_N=np.array(natural, dtype=np.bool_),
        source_N=np.array(source, dtype=np.str_),
        n_unreadable=n_unreadable,
    )


def _fields(line: str, where: str) -> tuple[str, bool, str]:
    try:
        row: dict[str, Any] = json.loads(line)
        image, label, source = row["image"], row["natural"], row.get("source", "")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{where} is not {{"image": path, "natural": true or false, "source": name}}'
        ) from error
    if not isinstance(image, str) or not isinstance(label, bool) or not isinstance(source, str):
        raise ValueError(f"{where}: image and source must be text, natural true or false")
    return image, label, source


def _features(path: Path) -> NDArray[np.float64] | None:
    try:
        found = decode(path.read_bytes(), _LIMITS)
    except OSError:
        return None
    return found.looks.features if isinstance(found, Decoded) else None


def train(labelled: Labelled, about: str) -> NaturalModel:
    """Fits the model. Raises ValueError when there are too few pictures of either kind."""
    from sklearn.linear_model import LogisticRegression

    n_natural = int(labelled.natural_N.sum())
    if min(n_natural, len(labelled.natural_N) - n_natural) < _MIN_EACH:
        raise ValueError(
            f"{n_natural} natural and {len(labelled.natural_N) - n_natural} other pictures: at "
            f"least {_MIN_EACH} of each are needed"
        )
    mean = labelled.features_NF.mean(axis=0).round(6)
    scale = np.maximum(labelled.features_NF.std(axis=0), 1e-6).round(6)
    fitted = LogisticRegression(C=_C, max_iter=5000)
    fitted.fit((labelled.features_NF - mean) / scale, labelled.natural_N)
    return NaturalModel(
        mean=tuple(mean.tolist()),
        scale=tuple(scale.tolist()),
        weight=tuple(fitted.coef_[0].round(6).tolist()),
        bias=round(float(fitted.intercept_[0]), 6),
        about=about,
    )


def scores(model: NaturalModel, labelled: Labelled) -> NDArray[np.float64]:
    """[N] scores."""
    return np.array([model.score(features) for features in labelled.features_NF])


def cross_validate(labelled: Labelled, n_folds: int = 12) -> Report:
    """Scores every picture by a model that has not seen its source, then judges all scores.

    Sources are whole; a source is a fold where there are few, else they share folds by name.
    """
    names = sorted(set(labelled.source_N.tolist()))
    if len(names) < 2:
        raise ValueError("all pictures have one source: give at least two to hold one out")
    fold_of = {name: number % min(n_folds, len(names)) for number, name in enumerate(names)}
    folds = np.array([fold_of[name] for name in labelled.source_N.tolist()])
    found = np.zeros(len(folds))
    for fold in range(max(fold_of.values()) + 1):
        held = folds == fold
        model = train(_part(labelled, ~held), "")
        found[held] = scores(model, _part(labelled, held))
    return judge(found, labelled, n_sources=len(names))


def _part(labelled: Labelled, chosen: NDArray[np.bool_]) -> Labelled:
    return Labelled(
        features_NF=labelled.features_NF[chosen],
        natural_N=labelled.natural_N[chosen],
        source_N=labelled.source_N[chosen],
        n_unreadable=0,
    )


def judge(
    found: NDArray[np.float64],
    labelled: Labelled,
    *,
    n_sources: int,
    thresholds: Sequence[float] = THRESHOLDS,
) -> Report:
    """What scores are worth against the labels. Raises ValueError when one kind is missing."""
    from sklearn.metrics import roc_auc_score

    natural = labelled.natural_N
    if natural.all() or not natural.any():
        raise ValueError("there are no natural, or no other pictures: both are needed to judge")
    rows = []
    for threshold in thresholds:
        below = found < threshold
        caught = below & ~natural
        rows.append(
            Quality(
                threshold=threshold,
                photographs_dropped=float((below & natural).sum() / natural.sum()),
                others_caught=float(caught.sum() / (~natural).sum()),
                precision=float(caught.sum() / below.sum()) if below.any() else None,
            )
        )
    return Report(
        auc=float(roc_auc_score(natural, found)),
        n_natural=int(natural.sum()),
        n_other=int((~natural).sum()),
        n_sources=n_sources,
        thresholds=tuple(rows),
    )
