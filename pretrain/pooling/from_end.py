"""How does a token counted from the end of the text stand for a pair?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrain.encoders.gated import EncoderSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class FromEnd:
    """The token before the last [SEP], as it is: where VisualBERT's question has its [MASK]."""

    place: int = 2
    """1 = the last real token of the text, its [SEP]; 2 = the one before."""

    def width(self, encoder: EncoderSpec) -> int:
        """That of the text's stream."""
        return encoder.hidden

    def pooler(self, encoder: EncoderSpec) -> nn.Module:
        """See `Pooling.pooler`."""
        return FromEndPooler(self.place, encoder.dropout)


class FromEndPooler(nn.Module):
    """A `FromEnd`'s."""

    def __init__(self, place: int, dropout: float) -> None:
        super().__init__()
        self.place = place
        self.dropout = nn.Dropout(dropout)

    def forward(self, text_BLH: Tensor, image_BRH: Tensor, text_mask_BL: Tensor) -> Tensor:
        """[B, H]."""
        at_B = text_mask_BL.sum(dim=1) - self.place
        rows = torch.arange(len(text_BLH), device=text_BLH.device)
        return torch.as_tensor(self.dropout(text_BLH[rows, at_B]))
