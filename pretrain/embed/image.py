"""What must an embedder of images promise?"""

from dataclasses import dataclass
from typing import Protocol

from torch import nn

from pretrain.embed.text import TextSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedSizes:
    """The widths that an embedder is built for."""

    text: TextSpec
    hidden: int
    feature_dim: int
    eps: float
    dropout: float


class ImageSpec(Protocol):
    """A frozen value of a recipe: how the image becomes rows of the encoder."""

    @property
    def n_leading(self) -> int:
        """Rows of the image's stream before its regions; they are real, and never predicted."""
        ...

    def embedder(self, sizes: EmbedSizes) -> nn.Module:
        """A module called with (batch, view, the text's embedder): [B, n_leading + R, hidden].

        Its `feature` is the linear map of the regions' features.
        """
        ...
