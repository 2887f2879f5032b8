"""How do region features that somebody else computed become a companion set?

The features are looked up by the image's name. Nothing of a file is trusted: sizes are checked
before anything is allocated, boxes before they are believed, and no pickle runs anything.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pretrain.regions.detector import Settings
from pretrain.regions.npz import check_shapes
from pretrain.regions.regions import Missing, Regions
from shards.manifest import InputInfo
from shards.sample import Sample

Ids = Literal["name", "number", "key"]
"""By what an image is looked up: the name of its file without ending; the number that ends it
(`COCO_val2014_000000000042` is 42); the sample's key."""
UNNAMED = ("region",)
"""Classes of features that come without any."""
_PIXELS_OVER = 2.0
"""How far a box may reach out of its picture: detectors round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file says about one image, unchecked."""

    boxes_R4: NDArray[Any]
    """In pixels of `size_px`; relative where that is None."""
    features_RD: NDArray[Any]
    size_px: tuple[float, float] | None
    """Width and height."""
    probs_RK: NDArray[Any] | None = None
    attributes_RA: NDArray[Any] | None = None


class Store(Protocol):
    """Features by name."""

    @property
    def settings(self) -> Settings:
        """Goes into the manifest."""
        ...

    @property
    def files(self) -> tuple[InputInfo, ...]:
        """What is read."""
        ...

    def first(self) -> Imported:
        """Any image: tells how wide features are. Raises ValueError when there is none."""
        ...

    def get(self, name: str) -> Imported | None:
        """The image of that name, or None. Raises ValueError for one that cannot be read."""
        ...


class ImportedDetector:
    """Does not detect: looks up."""

    def __init__(
        self,
        store: Store,
        *,
        ids: Ids = "name",
        names: tuple[str, ...] | None = None,
        attributes: tuple[str, ...] | None = None,
    ) -> None:
        """Look at one image, so that it is known what all are like.

        Args:
            store: The features.
            ids: By what an image is looked up.
            names: Of the classes; None where the features come without.
            attributes: Names of the attributes; None where there are none, or to leave them out.

        Raises:
            ValueError: no features, or not as many columns as names.
        """
        self._store, self._ids = store, ids
        try:
            like = store.first()
        except ValueError as error:
            raise ValueError(f"--features: of the first image, {error}") from error
        self.name = "imported"
        self.feature_dim = int(like.features_RD.shape[1])
        self.classes = names or UNNAMED
        self.attributes = attributes or ()
        for option, given, table in (
            ("--classes", names or (), like.probs_RK),
            ("--attributes", self.attributes, like.attributes_RA),
        ):
            n_columns = 0 if table is None else table.shape[1]
            if n_columns != len(given) and (given or option == "--classes"):
                raise ValueError(
                    f"{option}: the features have {n_columns} columns, there are {len(given)} "
                    "names: give a file of one name a line"
                )
        self.settings: Settings = (("ids", ids), *store.settings)
        self.files = store.files

    def detect(self, samples: Sequence[Sample]) -> list[Regions | Missing]:
        """See `Detector.detect`."""
        return [self._one(sample) for sample in samples]

    def _one(self, sample: Sample) -> Regions | Missing:
        name = name_of(sample, self._ids)
        try:
            found = None if name is None else self._store.get(name)
            if found is None:
                return Missing(reason="no_features", detail=f"there are none of {name}")
            return self._checked(found)
        except ValueError as error:
            return Missing(reason="bad_features", detail=f"{name}: {error}")

    def _checked(self, found: Imported) -> Regions:
        probs = found.probs_RK
        if probs is None:
            probs = np.ones((len(found.boxes_R4), 1))
        known = [found.attributes_RA] if self.attributes else []
        if any(table is None for table in known):
            raise ValueError("it has no attributes, others have")
        tables = [table for table in known if table is not None]
        check_shapes(found.boxes_R4, found.features_RD, probs, *tables)
        widths = [found.features_RD.shape[1], probs.shape[1], *(t.shape[1] for t in tables)]
        expected = [self.feature_dim, len(self.classes), *(len(self.attributes) for _ in tables)]
        if widths != expected:
            raise ValueError(f"its widths are {widths}, those of the first image {expected}")
        return Regions(
            boxes_R4=_relative(found),
            features_RD=_half(found.features_RD),
            probs_RK=_half(probs),
            attributes_RA=_half(tables[0]) if tables else None,
        )


def name_of(sample: Sample, ids: Ids) -> str | None:
    """By what a sample's features are looked up; None: its record does not say."""
    if ids == "key":
        return sample.key
    source = json.loads(sample.record).get("source")
    if not isinstance(source, str):
        return None
    stem = PurePosixPath(source).stem
    if ids == "name":
        return stem
    number = re.search(r"[0-9]{1,18}$", stem)
    return None if number is None else str(int(number[0]))


def _half(array: NDArray[Any]) -> NDArray[np.float16]:
    with np.errstate(over="ignore"):  # an infinity is found, and named, where it would be stored
        return array.astype(np.float16)


def _relative(found: Imported) -> NDArray[np.float32]:
    width, height = found.size_px or (1.0, 1.0)
    if not (0 < width < np.inf and 0 < height < np.inf):
        raise ValueError(f"its picture is {width} x {height} pixels")
    scale = np.array([width, height] * 2)
    boxes = found.boxes_R4.astype(np.float64) / scale
    slack = _PIXELS_OVER / scale if found.size_px else np.full(4, 1e-3)
    if (boxes < -slack).any() or (boxes > 1 + slack).any():
        raise ValueError(
            f"a box reaches out of its picture of {width:g} x {height:g} pixels: perhaps width and "
            "height are exchanged"
        )
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise ValueError("a box ends before it begins")
    clipped: NDArray[np.float32] = np.clip(boxes, 0, 1).astype(np.float32)
    return clipped
