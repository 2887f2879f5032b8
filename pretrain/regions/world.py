"""Which regions does the demo world itself say are in its pictures?"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pretrain.regions.backbone import EfficientNetLite0
from pretrain.regions.detector import Settings, described
from pretrain.regions.found import WHOLE_IMAGE
from pretrain.regions.pictures import with_pictures
from pretrain.regions.regions import Missing, Regions
from shards.sample import Sample

_WHOLE_BOX = (0.0, 0.0, 1.0, 1.0)


class WorldDetector:
    """A perfect detector: gold boxes and labels, looked up by the image's sha256.

    The whole image comes first, as a class of its own, because the gold boxes leave out the scene's
    background. Images that are not of the world have that region alone. A thing's attribute is the
    first that is listed, its colour; the whole image has none.
    """

    def __init__(self, annotations: Path, *, input_px: int = 224) -> None:
        """Read WORLD/annotations.jsonl.

        Raises:
            ValueError: it is not there.
        """
        if not annotations.is_file():
            raise ValueError(f"--annotations {annotations} is not a file; a demo world has one")
        self._gold: dict[str, _Gold] = {}
        with annotations.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                self._gold[row["sha256"]] = _Gold(
                    boxes=row["boxes"],
                    labels=row["labels"],
                    attributes=[listed[0] for listed in row["attributes"]],
                )
        gold = self._gold.values()
        self.classes = (WHOLE_IMAGE, *sorted({label for one in gold for label in one.labels}))
        self.attributes = tuple(sorted({word for one in gold for word in one.attributes}))
        self._backbone = EfficientNetLite0(input_px)
        self.feature_dim = self._backbone.feature_dim
        self.name = f"world-gold/{self._backbone.name}-{input_px}px"
        self.settings: Settings = (("features_px", str(input_px)), ("attributes", "first"))
        self.files = (described("--annotations", annotations),)

    def detect(self, samples: Sequence[Sample]) -> list[Regions | Missing]:
        """See `Detector.detect`."""
        return with_pictures(samples, self._backbone.input_px, self._see)

    def _see(self, samples: list[Sample], pictures: list[Image.Image]) -> list[Regions]:
        found = [
            self._gold.get(hashlib.sha256(sample.image).hexdigest(), _NOTHING) for sample in samples
        ]
        boxes = [np.array([_WHOLE_BOX, *gold.boxes], dtype=np.float32) for gold in found]
        pooled = self._backbone.pool(self._backbone.maps(pictures), boxes).numpy()
        parts = np.split(pooled, np.cumsum([len(rows) for rows in boxes])[:-1])
        return [
            Regions(
                boxes_R4=image_boxes,
                features_RD=features.astype(np.float16),
                probs_RK=_one_hot((WHOLE_IMAGE, *gold.labels), self.classes),
                attributes_RA=_one_hot((WHOLE_IMAGE, *gold.attributes), self.attributes),
            )
            for image_boxes, features, gold in zip(boxes, parts, found, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gold:
    """What is known of one picture, thing by thing."""

    boxes: Sequence[Sequence[float]]
    labels: Sequence[str]
    attributes: Sequence[str]


_NOTHING = _Gold(boxes=(), labels=(), attributes=())


def _one_hot(words: Sequence[str], known: Sequence[str]) -> NDArray[np.float16]:
    """One row a word; all zeros where it is not known."""
    return np.array([[word == one for one in known] for word in words], dtype=np.float16)
