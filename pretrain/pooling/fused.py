"""How do the first rows of two streams together stand for a pair?"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pretrain.encoders.gated import EncoderSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """A linear map and ReLU of each stream's first row, then their product or sum (ViLBERT).

    The image's stream needs a row for the whole image (`RegionSpec.whole_image`).
    """

    hidden: int = 1024
    """Width of both maps."""
    fusion: Literal["product", "sum"] = "product"

    def width(self, encoder: EncoderSpec) -> int:
        """That of the maps."""
        return self.hidden

    def pooler(self, encoder: EncoderSpec) -> nn.Module:
        """See `Pooling.pooler`."""
        return FusedPooler(self, encoder)


class FusedPooler(nn.Module):
    """A `Fused`'s."""

    def __init__(self, spec: Fused, encoder: EncoderSpec) -> None:
        super().__init__()
        self.fusion = spec.fusion
        self.text = nn.Linear(encoder.text_stream.hidden, spec.hidden)
        self.image = nn.Linear(encoder.image_stream.hidden, spec.hidden)
        self.dropout = nn.Dropout(encoder.dropout)

    def forward(self, text_BLH: Tensor, image_BRH: Tensor, text_mask_BL: Tensor) -> Tensor:
        """[B, hidden]."""
        text_BP = self.text(text_BLH[:, 0]).relu()
        image_BP = self.image(image_BRH[:, 0]).relu()
        both_BP = text_BP * image_BP if self.fusion == "product" else text_BP + image_BP
        return torch.as_tensor(self.dropout(both_BP))
