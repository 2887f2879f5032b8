"""Which image is a page about, if any?"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from crawl.candidate import DomFeatures
from crawl.signals import HINTS, SIGNS, head_only, signals

THRESHOLD: Final = 0.5
"""A page whose best image scores less has no main image."""
_MAX_LOGIT: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What a set of weights was learned from."""

    n_pages: int
    """Labelled pages."""
    n_sites: int
    n_without: int
    """Pages that have no main image."""
    penalty: float
    """L2 penalty on weights of standardised signals."""
    sources: str
    """Where the pages came from, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MainImageModel:
    """How much each signal counts, in logits: sum them, and above 0 an image is the main one.

    A conditional logit (McFadden, 1974) over the images of a page and the alternative that the
    page is about none of them, whose utility is 0.
    """

    weights: dict[str, float]
    """One for each of `crawl.signals.SIGNS`; a signal left out counts nothing."""
    training: Training

    def logit(self, dom: DomFeatures) -> float:
        """The utility of an image."""
        weights = self.weights
        values = signals(dom)
        total = sum([weights[name] * values[name] for name in weights])
        if dom.is_meta and dom.depth:
            values |= {n: v for n, v in signals(head_only(dom)).items() if n not in HINTS}
            total = max(total, sum([weights[name] * values[name] for name in weights]))
        return total


def read_model(path: Path) -> MainImageModel:
    """The model in a weights file, as `lait main-image train` writes it.

    Raises:
        ValueError: It is not there, or not such a file.
    """
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"--weights {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"--weights {path} is no file of main-image weights: {error}") from None


def write_model(path: Path, model: MainImageModel) -> None:
    """Writes a weights file: JSON, a line for each weight."""
    path.write_text(json.dumps(asdict(model), indent=1) + "\n", encoding="utf-8")


def _parse(text: str) -> MainImageModel:
    record: dict[str, Any] = json.loads(text)
    weights = {str(name): float(weight) for name, weight in record["weights"].items()}
    unknown = sorted(weights.keys() - SIGNS.keys())
    if unknown:
        raise ValueError(f"unknown signals {', '.join(unknown)}")
    return MainImageModel(weights=weights, training=Training(**record["training"]))


@cache
def shipped_model() -> MainImageModel:
    """The model that comes with the package."""
    return _parse((files("crawl") / "main_image.json").read_text(encoding="utf-8"))


def score(dom: DomFeatures, model: MainImageModel | None = None) -> float:
    """Score in 0..1 that an image is its page's main image, 0.5 where nothing speaks either way.

    Args:
        dom: What the page says about the image.
        model: Other weights than the shipped ones.
    """
    logit = (model or shipped_model()).logit(dom)
    # Twelve digits: two strong images of one page must not become equals.
    return round(1 / (1 + math.exp(-max(min(logit, _MAX_LOGIT), -_MAX_LOGIT))), 12)


def choose(scores: Sequence[float], threshold: float = THRESHOLD) -> int | None:
    """Index of the page's main image: the best score, the earlier of equals.

    Returns:
        None when no score reaches the threshold: then the page is about none of its images.
    """
    best = max(range(len(scores)), key=lambda i: (scores[i], -i), default=None)
    return best if best is not None and scores[best] >= threshold else None
