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

    def embedder(self, sizes: EmbedSizes) -> nn.Module:
        """A module called with (batch, view, the text's embedder) that gives [B, R, hidden].

        Its `feature` is the linear map of the regions' features.
        """
        ...
