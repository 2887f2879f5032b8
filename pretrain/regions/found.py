"""Which of the many boxes that a network proposes are an image's regions?

Shapes: R boxes, K classes of the network.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import nms

from pretrain.regions.detector import Settings

WHOLE_IMAGE = "whole image"
_WHOLE_BOX = np.array([[0, 0, 1, 1]], dtype=np.float32)
_MAX_CANDIDATES = 2000
_MIN_SIDE = 1e-3
"""Of width or height: a narrower box holds nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which boxes are kept."""

    max_regions: int = 100
    """The whole image among them."""
    min_score: float = 0.1
    max_overlap: float = 0.5
    """Intersection over union with a more confident box, of whatever class."""

    def __post_init__(self) -> None:
        if self.max_regions < 1:
            raise ValueError(f"--max-regions {self.max_regions}: at least one is needed")
        for option, value in (("score", self.min_score), ("overlap", self.max_overlap)):
            if not 0 <= value <= 1:
                limit = "min" if option == "score" else "max"
                raise ValueError(f"--{limit}-{option} {value} is not in 0..1")

    @property
    def settings(self) -> Settings:
        """For the manifest."""
        return (
            ("max_regions", str(self.max_regions)),
            ("min_score", str(self.min_score)),
            ("max_overlap", str(self.max_overlap)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Boxes of one image."""

    boxes_R4: NDArray[np.float32]
    """Relative to width and height."""
    scores_R: NDArray[np.float32]
    probs_RK: NDArray[np.float32]
    """Of each class, given that there is something; rows sum to one."""


def best(found: Found, limits: Limits) -> Found:
    """Those that are confident and no copies of more confident ones, the most confident first."""
    boxes = np.clip(found.boxes_R4, 0, 1)
    real = np.isfinite(boxes).all(axis=1) & (
        np.minimum(*(boxes[:, 2:] - boxes[:, :2]).T) > _MIN_SIDE
    )
    kept = np.flatnonzero(real & (found.scores_R >= limits.min_score))
    kept = kept[np.argsort(-found.scores_R[kept], kind="stable")][:_MAX_CANDIDATES]
    chosen = nms(
        torch.from_numpy(boxes[kept]), torch.from_numpy(found.scores_R[kept]), limits.max_overlap
    )
    kept = kept[chosen.numpy()[: limits.max_regions - 1]]
    return Found(boxes_R4=boxes[kept], scores_R=found.scores_R[kept], probs_RK=found.probs_RK[kept])


def with_whole_image(found: Found) -> Found:
    """The whole image first, as a class of its own in column 0: no image is without a region."""
    n_boxes, n_classes = found.probs_RK.shape
    probs = np.zeros((n_boxes + 1, n_classes + 1), dtype=np.float32)
    probs[0, 0] = 1
    probs[1:, 1:] = found.probs_RK
    return Found(
        boxes_R4=np.concatenate((_WHOLE_BOX, found.boxes_R4)),
        scores_R=np.concatenate((np.ones(1, dtype=np.float32), found.scores_R)),
        probs_RK=probs,
    )
