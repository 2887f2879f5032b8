"""What does a detector say about one image?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """The regions of one image, the most confident first. R regions, D dimensions, K classes."""

    boxes_R4: NDArray[np.float32]
    """(x1, y1, x2, y2) in 0..1 of the image's width and height."""
    features_RD: NDArray[np.float16]
    """Pooled features."""
    probs_RK: NDArray[np.float16]
    """Class probabilities; the arg-max is the detector's label."""

    def top(self, count: int) -> "Regions":
        """The `count` most confident."""
        return Regions(
            boxes_R4=self.boxes_R4[:count],
            features_RD=self.features_RD[:count],
            probs_RK=self.probs_RK[:count],
        )

    def __len__(self) -> int:
        return len(self.boxes_R4)
