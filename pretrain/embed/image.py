"""What must an embedder of images promise?"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from pretrain.batch import Batch, View
from pretrain.embed.text import TextEmbedder, TextSpec


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


@runtime_checkable
class StartsFromText(Protocol):
    """An embedder of which something starts as a copy of the text's."""

    def start_from_text(self, text: TextEmbedder) -> None:
        """Called when the text's tables have their first weights."""
        ...


@runtime_checkable
class SpeaksToWords(Protocol):
    """An embedder whose image is told to the words, too, and whose rows depend on the text."""

    def words(self, batch: Batch, view: View) -> Tensor:
        """[B, 1, hidden], added to every word."""
        ...

    def leading(self, batch: Batch) -> Tensor:
        """bool [B, n_leading]: which of the leading rows are real."""
        ...
