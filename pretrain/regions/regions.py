"""What does a detector say about one image?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """The regions of one image, the most confident first.

    R regions, D dimensions, K classes, A attributes.
    """

    boxes_R4: NDArray[np.float32]
    """(x1, y1, x2, y2) in 0..1 of the image's width and height."""
    features_RD: NDArray[np.float16]
    """Pooled features."""
    probs_RK: NDArray[np.float16]
    """Class probabilities; the arg-max is the detector's label."""
    attributes_RA: NDArray[np.float16] | None = None
    """Probabilities of attributes (`red`, `wooden`), where the detector knows any."""

    def top(self, count: int) -> "Regions":
        """The `count` most confident."""
        known = self.attributes_RA
        return Regions(
            boxes_R4=self.boxes_R4[:count],
            features_RD=self.features_RD[:count],
            probs_RK=self.probs_RK[:count],
            attributes_RA=None if known is None else known[:count],
        )

    def blank(self) -> "Regions":
        """One region, the whole image, of which nothing is known; of the same widths."""
        known = self.attributes_RA
        return Regions(
            boxes_R4=np.array([[0, 0, 1, 1]], dtype=np.float32),
            features_RD=np.zeros((1, self.features_RD.shape[1]), dtype=np.float16),
            probs_RK=np.zeros((1, self.probs_RK.shape[1]), dtype=np.float16),
            attributes_RA=None if known is None else np.zeros((1, known.shape[1]), np.float16),
        )

    def __len__(self) -> int:
        return len(self.boxes_R4)

    @classmethod
    def none(cls, *, feature_dim: int = 0, classes: int = 0) -> "Regions":
        """Of an image that no detector has looked at, or of no image at all."""
        return cls(
            boxes_R4=np.zeros((0, 4), dtype=np.float32),
            features_RD=np.zeros((0, feature_dim), dtype=np.float16),
            probs_RK=np.zeros((0, classes), dtype=np.float16),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why an image has no regions."""

    reason: str
    """`damaged`, `no_features` or `bad_features`: what the funnel counts."""
    detail: str
    """What is wrong with this one."""
