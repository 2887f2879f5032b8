"""What must a detector promise?"""

from collections.abc import Sequence
from typing import Protocol

from pretrain.regions.regions import Regions


class Detector(Protocol):
    """Anything that finds regions. Thread-safe; the same image gives the same regions."""

    @property
    def name(self) -> str:
        """Goes into the manifest: two detectors that differ have different names."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """What the columns of the probabilities mean."""
        ...

    @property
    def feature_dim(self) -> int:
        """Width of the pooled features."""
        ...

    def detect(self, images: Sequence[bytes]) -> list[Regions]:
        """The regions of each encoded image, the most confident first; at least one each.

        Raises:
            ValueError: an image that cannot be decoded, or that this detector knows nothing about.
        """
        ...
