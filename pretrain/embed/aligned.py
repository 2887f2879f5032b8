"""How does a region become a vector that stands among the words?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrain.batch import Batch, View
from pretrain.embed.image import EmbedSizes
from pretrain.embed.text import TextEmbedder


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedRegions:
    """A region as VisualBERT embeds it: by its feature, never by its box."""

    segment: int = 0
    """Row of the regions' own segment table: the authors' code takes 0, Hugging Face's 1."""

    @property
    def n_leading(self) -> int:
        """See `ImageSpec`."""
        return 0

    def embedder(self, sizes: EmbedSizes) -> nn.Module:
        """See `ImageSpec`."""
        return AlignedEmbedder(self, sizes)


class AlignedEmbedder(nn.Module):
    """The TEXT's norm of feature + segment + position 0, and of the words that mean the same.

    Segments and positions have tables of their own, which start as copies of the text's. Where
    words are known to mean a region, the mean of their positions in the text's table is added.
    """

    def __init__(self, spec: AlignedRegions, sizes: EmbedSizes) -> None:
        super().__init__()
        self.spec = spec
        self.feature = nn.Linear(sizes.feature_dim, sizes.hidden)
        self.segment = nn.Embedding(sizes.text.segments, sizes.hidden)
        self.position = nn.Embedding(sizes.text.positions, sizes.hidden)
        self.dropout = nn.Dropout(sizes.dropout)

    def start_from_text(self, text: TextEmbedder) -> None:
        """Copy the text's tables."""
        with torch.no_grad():
            self.segment.weight.copy_(text.segment.weight)
            self.position.weight.copy_(text.position.weight)

    def forward(self, batch: Batch, view: View, text: TextEmbedder) -> Tensor:
        """[B, R, hidden]."""
        place_H = self.segment.weight[self.spec.segment] + self.position.weight[0]
        summed_BRH = self.feature(view.regions_BRD) + place_H
        if batch.aligned_BRL is not None:
            aligned_BRL = batch.aligned_BRL.to(summed_BRH.dtype)
            n_words_BR1 = aligned_BRL.sum(-1, keepdim=True).clamp(min=1)
            summed_BRH = summed_BRH + aligned_BRL @ text.position(batch.positions_BL) / n_words_BR1
        return torch.as_tensor(self.dropout(text.norm(summed_BRH)))
