"""Which detector does a person mean?"""

import importlib
from dataclasses import dataclass
from pathlib import Path

from pretrain.regions.detector import Detector
from pretrain.regions.imported import Ids

KINDS = ("grid", "world", "yolox", "torchvision:MODEL", "import")
_NEEDS = {"yolox": ("onnxruntime", "detect"), "torchvision": ("torchvision", "models")}
"""The package that a kind of detector is made of, and the extra that installs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """All that a detector is made from; goes to workers, where detectors themselves cannot."""

    detector: str = "grid"
    """One of `KINDS`."""
    weights: Path | None = None
    classes: Path | None = None
    """File of one name a line."""
    annotations: Path | None = None
    """Of the demo world."""
    features: Path | None = None
    """To import: a folder of `.npz`, or a `.tsv`."""
    ids: Ids = "name"
    """By what imported features are looked up, see `pretrain.regions.imported.Ids`."""
    attributes: Path | None = None
    """Of imported features: file of one name a line."""
    max_regions: int = 100
    min_score: float = 0.1
    max_overlap: float = 0.5


def build(choice: Choice) -> Detector:
    """The detector.

    Raises:
        ValueError: there is none of that name, an option or a package is missing, or a file is not
            what it should be.
    """
    kind, _, model = choice.detector.partition(":")
    if kind not in {known.partition(":")[0] for known in KINDS} or (kind == "torchvision") != bool(
        model
    ):
        raise ValueError(f"--detector {choice.detector} is none of {', '.join(KINDS)}")
    if kind == "import":
        return _imported(choice)
    _need(choice.detector, *_NEEDS.get(kind, ("torchvision", "models")))
    if kind == "grid":
        from pretrain.regions.grid import GridDetector

        return GridDetector()
    if kind == "world":
        from pretrain.regions.world import WorldDetector

        annotations = _given(choice.detector, "--annotations", choice.annotations)
        return WorldDetector(annotations)
    return _network(choice, kind, model)


def _imported(choice: Choice) -> Detector:
    from pretrain.regions.classes import read_names
    from pretrain.regions.imported import ImportedDetector
    from pretrain.regions.stores import open_store

    features = _given(choice.detector, "--features", choice.features)
    names = None if choice.classes is None else read_names("--classes", choice.classes)
    known = choice.attributes
    attributes = None if known is None else read_names("--attributes", known)
    store = open_store(features, len(names or ()), len(attributes or ()))
    return ImportedDetector(store, ids=choice.ids, names=names, attributes=attributes)


def _network(choice: Choice, kind: str, model: str) -> Detector:
    from pretrain.regions.classes import read_names
    from pretrain.regions.found import Limits

    weights = _given(choice.detector, "--weights", choice.weights)
    names = None if choice.classes is None else read_names("--classes", choice.classes)
    limits = Limits(
        max_regions=choice.max_regions,
        min_score=choice.min_score,
        max_overlap=choice.max_overlap,
    )
    if kind == "yolox":
        from pretrain.regions.yolox import YoloxDetector

        return YoloxDetector(weights, limits=limits, names=names)
    from pretrain.regions.torchvision_models import TorchvisionDetector

    return TorchvisionDetector(model, weights, limits=limits, names=names)


def _given(detector: str, option: str, path: Path | None) -> Path:
    if path is None:
        raise ValueError(f"--detector {detector} needs {option} FILE")
    return path


def _need(detector: str, package: str, extra: str) -> None:
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ValueError(
            f"--detector {detector} needs {package}, which is not installed: "
            f"pip install -c constraints.txt -e '.[{extra}]'"
        ) from error
