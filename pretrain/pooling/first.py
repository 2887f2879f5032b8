"""How does the first token, [CLS], stand for a pair?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrain.encoders.gated import EncoderSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstToken:
    """The first token as it is, or through BERT's pooler."""

    tanh: bool = False
    """BERT's pooler: a linear map of the encoder's width, and tanh."""

    def width(self, encoder: EncoderSpec) -> int:
        """That of the text's stream."""
        return encoder.hidden

    def pooler(self, encoder: EncoderSpec) -> nn.Module:
        """See `Pooling.pooler`."""
        return FirstTokenPooler(encoder.hidden if self.tanh else None)


class FirstTokenPooler(nn.Module):
    """A `FirstToken`'s."""

    def __init__(self, hidden: int | None) -> None:
        """Args: hidden: width of the linear map; None: there is none."""
        super().__init__()
        self.dense = None if hidden is None else nn.Linear(hidden, hidden)

    def forward(self, text_BLH: Tensor, image_BRH: Tensor, text_mask_BL: Tensor) -> Tensor:
        """[B, H]."""
        first_BH = text_BLH[:, 0]
        return first_BH if self.dense is None else torch.tanh(self.dense(first_BH))
