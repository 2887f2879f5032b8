"""How does a region of an image become a vector?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

LOCATION_DIM = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSpec:
    """Where the regions stand."""

    position: int | None = 0
    """The one place in the text's position table that all regions share, beside the image's row of
    the segment table: regions have no order. (ImageBERT; which index is not published.) None: no
    place and no segment, feature and location alone (Unicoder-VL)."""


def location(boxes_BR4: Tensor) -> Tensor:
    """[B, R, 5]: (x1, y1, x2, y2, area), all relative to the image (ImageBERT, location c)."""
    x1, y1, x2, y2 = boxes_BR4.unbind(-1)
    return torch.stack((x1, y1, x2, y2, (x2 - x1) * (y2 - y1)), dim=-1)


class RegionEmbedder(nn.Module):
    """LN(W_v feature + W_c location + place), the place being a row of the text's own tables."""

    def __init__(self, *, feature_dim: int, hidden: int, eps: float, dropout: float) -> None:
        super().__init__()
        self.feature = nn.Linear(feature_dim, hidden)
        self.location = nn.Linear(LOCATION_DIM, hidden)
        self.norm = nn.LayerNorm(hidden, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, regions_BRD: Tensor, boxes_BR4: Tensor, place_H: Tensor | None) -> Tensor:
        """[B, R, hidden]."""
        summed_BRH = self.feature(regions_BRD) + self.location(location(boxes_BR4))
        if place_H is not None:
            summed_BRH = summed_BRH + place_H
        return torch.as_tensor(self.dropout(self.norm(summed_BRH)))
