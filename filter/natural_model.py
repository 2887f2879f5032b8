"""How much does a picture look like a photograph? A logistic model over `filter.looks`.

Its weights are a short JSON file that a person can read; the one that comes with lait was trained
by `lait natural train`, see docs/filtering.md.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from filter.looks import FEATURES

KIND: Final = "lait natural 1"
PACKAGED: Final = Path(__file__).with_name("natural.json")
DIGITS: Final = 4
"""Scores are rounded before anything compares them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NaturalModel:
    """score = 1 / (1 + exp(-(bias + sum of weight * (feature - mean) / scale)))."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...]
    """[F] each, in the order of `FEATURES`."""
    bias: float
    about: str
    """What it was trained on."""

    def score(self, features: NDArray[np.float64]) -> float:
        """0..1 for [F] features; higher is more like a photograph."""
        standard = (features - np.array(self.mean)) / np.array(self.scale)
        # Summed one by one: the same on any machine.
        logit = self.bias + math.fsum((np.array(self.weight) * standard).tolist())
        return round(1 / (1 + math.exp(-max(-60.0, min(60.0, logit)))), DIGITS)


def write_model(path: Path, model: NaturalModel) -> None:
    """Writes the model, one feature a line."""
    columns = zip(FEATURES, model.mean, model.scale, model.weight, strict=True)
    features = {
        name: {"mean": mean, "scale": scale, "weight": weight}
        for name, mean, scale, weight in columns
    }
    content = {"kind": KIND, "about": model.about, "bias": model.bias}
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in features.items())
    head = json.dumps(content)[:-1]
    path.write_text(f'{head}, "features": {{\n{lines}\n}}}}\n', encoding="utf-8")


def read_model(path: Path) -> NaturalModel:
    """Reads what `write_model` wrote. Raises ValueError for anything else."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        if content["kind"] != KIND or tuple(content["features"]) != FEATURES:
            raise ValueError(f"it is {content['kind']!r}, not {KIND!r} with today's features")
        rows = list(content["features"].values())
        model = NaturalModel(
            mean=tuple(float(row["mean"]) for row in rows),
            scale=tuple(float(row["scale"]) for row in rows),
            weight=tuple(float(row["weight"]) for row in rows),
            bias=float(content["bias"]),
            about=str(content["about"]),
        )
        numbers = (*model.mean, *model.scale, *model.weight, model.bias)
        if not all(map(math.isfinite, numbers)) or min(model.scale) <= 0:
            raise ValueError("a number is not finite, or a scale not positive")
    except (OSError, ValueError, KeyError, TypeError) as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(
            f"{path} is no model of `lait natural train` ({line}); name another with "
            "filter.natural_model"
        ) from error
    return model


@lru_cache(maxsize=4)
def load_model(path: str) -> NaturalModel:
    """The model of a file, or the packaged one for ''; read once in a process."""
    return read_model(Path(path) if path else PACKAGED)


def digest_of_model(path: str) -> str:
    """sha256 of what the model computes. Raises ValueError when it cannot be read."""
    numbers = asdict(load_model(path)) | {"about": ""}
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()
