"""How does NudeNet's detector say that a picture is unsafe?

The package (github.com/notAI-tech/NudeNet) brings its model of 320 pixels. Its licence file says
AGPL-3.0: it is never installed with lait, only used where a user has installed it.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

EXPOSED: Final = frozenset(
    {
        "ANUS_EXPOSED",
        "BUTTOCKS_EXPOSED",
        "FEMALE_BREAST_EXPOSED",
        "FEMALE_GENITALIA_EXPOSED",
        "MALE_GENITALIA_EXPOSED",
    }
)
"""Its other classes are faces, feet and covered parts."""
_SIDE_PX: Final = 640
"""The longer side of what the detector is shown, which shrinks it further to its own size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NudeNet:
    """A `filter.safety.SafetyModel`: the surest exposed part counts."""

    detector: Any
    """A nudenet.NudeDetector."""

    @classmethod
    def load(cls) -> "NudeNet":
        """Raises ValueError when the package is not installed."""
        try:
            package = importlib.import_module("nudenet")
        except ImportError as error:
            raise ValueError(
                f"filter.safety_models names nudenet, which cannot be imported: {error}"
            ) from error
        return cls(detector=package.NudeDetector(providers=["CPUExecutionProvider"]))

    def preprocess(self, image: Image.Image, /) -> NDArray[np.uint8]:
        """uint8 [H, W, 3], the sides as they are to each other."""
        small = image.convert("RGB")
        small.thumbnail((_SIDE_PX, _SIDE_PX))
        return np.asarray(small)

    def unsafe(self, pixels_N: Sequence[NDArray[np.uint8]], /) -> list[float]:
        """0 where nothing exposed is found."""
        return [self._surest(pixels) for pixels in pixels_N]

    def _surest(self, pixels: NDArray[np.uint8]) -> float:
        # It takes pictures as OpenCV has them: blue first.
        found = self.detector.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
        return max((float(one["score"]) for one in found if one["class"] in EXPOSED), default=0.0)
