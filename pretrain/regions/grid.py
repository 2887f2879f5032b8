"""Which regions has an image for which there is no detector?"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from pretrain.regions.backbone import EfficientNetLite0
from pretrain.regions.detector import Settings
from pretrain.regions.pictures import with_pictures
from pretrain.regions.regions import Missing, Regions
from shards.manifest import InputInfo
from shards.sample import Sample


class GridDetector:
    """The whole image and the cells of a grid; classes are those of ImageNet."""

    attributes: tuple[str, ...] = ()
    files: tuple[InputInfo, ...] = ()

    def __init__(self, *, cells: int = 3, input_px: int = 224) -> None:
        """Args: cells: along each side."""
        self._backbone = EfficientNetLite0(input_px)
        self.feature_dim = self._backbone.feature_dim
        self.classes = imagenet_classes()
        self.name = f"grid-{cells}x{cells}/{self._backbone.name}-{input_px}px"
        self.settings: Settings = (("cells", str(cells)), ("features_px", str(input_px)))
        edges = np.linspace(0, 1, cells + 1)
        grid = [
            (edges[column], edges[row], edges[column + 1], edges[row + 1])
            for row in range(cells)
            for column in range(cells)
        ]
        self._boxes_R4 = np.array([(0, 0, 1, 1), *grid], dtype=np.float32)

    def detect(self, samples: Sequence[Sample]) -> list[Regions | Missing]:
        """See `Detector.detect`."""
        return with_pictures(samples, self._backbone.input_px, self._see)

    def _see(self, _: list[Sample], pictures: list[Image.Image]) -> list[Regions]:
        boxes = [self._boxes_R4] * len(pictures)
        pooled = self._backbone.pool(self._backbone.maps(pictures), boxes)
        probs = self._backbone.classify(pooled).numpy().astype(np.float16)
        features = pooled.numpy().astype(np.float16)
        return [
            Regions(boxes_R4=self._boxes_R4, features_RD=image_features, probs_RK=image_probs)
            for image_features, image_probs in zip(
                np.split(features, len(pictures)), np.split(probs, len(pictures)), strict=True
            )
        ]


def imagenet_classes() -> tuple[str, ...]:
    """The WordNet ids of ImageNet's 1000 classes, in the order of the network's outputs."""
    from timm.data.imagenet_info import ImageNetInfo

    info = ImageNetInfo("imagenet-1k")
    return tuple(info.label_names())  # type: ignore[no-untyped-call]
