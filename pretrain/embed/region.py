"""How does a region of an image become a vector?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrain.batch import IMAGE_SEGMENT, Batch, View
from pretrain.embed.image import EmbedSizes
from pretrain.embed.text import TextEmbedder

LOCATION_DIM = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSpec:
    """Where the regions stand."""

    position: int | None = 0
    """The one place in the text's position table that all regions share, beside the image's row of
    the segment table: regions have no order. (ImageBERT; which index is not published.) None: no
    place and no segment, feature and location alone (Unicoder-VL)."""

    def embedder(self, sizes: EmbedSizes) -> nn.Module:
        """See `ImageSpec`."""
        return RegionEmbedder(self, sizes)


def location(boxes_BR4: Tensor) -> Tensor:
    """[B, R, 5]: (x1, y1, x2, y2, area), all relative to the image (ImageBERT, location c)."""
    x1, y1, x2, y2 = boxes_BR4.unbind(-1)
    return torch.stack((x1, y1, x2, y2, (x2 - x1) * (y2 - y1)), dim=-1)


class RegionEmbedder(nn.Module):
    """LN(W_v feature + W_c location + place), the place being a row of the text's own tables."""

    def __init__(self, spec: RegionSpec, sizes: EmbedSizes) -> None:
        super().__init__()
        self.spec = spec
        self.feature = nn.Linear(sizes.feature_dim, sizes.hidden)
        self.location = nn.Linear(LOCATION_DIM, sizes.hidden)
        self.norm = nn.LayerNorm(sizes.hidden, eps=sizes.eps)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, batch: Batch, view: View, text: TextEmbedder) -> Tensor:
        """[B, R, hidden]."""
        summed_BRH = self.feature(view.regions_BRD) + self.location(location(batch.boxes_BR4))
        if self.spec.position is not None:
            place_H = text.place(segment=IMAGE_SEGMENT, position=self.spec.position)
            summed_BRH = summed_BRH + place_H
        return torch.as_tensor(self.dropout(self.norm(summed_BRH)))
