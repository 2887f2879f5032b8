"""How does a region of an image become a vector?"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from pretrain.batch import IMAGE_SEGMENT, Batch, View
from pretrain.embed.image import EmbedSizes
from pretrain.embed.text import TextEmbedder

_WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSpec:
    """A region is made of its pooled feature and its box."""

    position: int | None = 0
    """The one place in the text's position table that all regions share, beside the image's row of
    the segment table: regions have no order. (ImageBERT; which index is not published.) None: no
    place and no segment, feature and location alone (Unicoder-VL)."""
    segment: bool = False
    """Where `position` is None: the image's row of the text's segment table all the same
    (UNITER)."""
    location: Literal[4, 5, 7] = 5
    """Numbers of a box: 4 = (x1, y1, x2, y2); 5 = and the area; 7 = and width, height, area; all
    relative to the image."""
    combine: Literal["sum", "mean_of_norms", "sum_of_norms"] = "sum"
    """`sum`: LN(feature + location + place); `mean_of_norms`: (LN(feature) + LN(location)) / 2
    (LXMERT); `sum_of_norms`: LN(LN(feature) + LN(location) + place) (UNITER)."""
    mask_vector: bool = False
    """A learned vector is added to the feature of a hidden region (UNITER)."""
    whole_image: bool = False
    """One more row comes first: the mean of the features as shown, in a box of the whole image
    (ViLBERT)."""
    whole_image_of: Literal["all", "seen"] = "all"
    """A hidden region counts as a zero, or not at all (12-in-1)."""

    @property
    def n_leading(self) -> int:
        """See `ImageSpec.n_leading`."""
        return int(self.whole_image)

    def embedder(self, sizes: EmbedSizes) -> nn.Module:
        """See `ImageSpec.embedder`."""
        return RegionEmbedder(self, sizes)


def location(boxes_BR4: Tensor, numbers: Literal[4, 5, 7] = 5) -> Tensor:
    """[B, R, numbers]: see `RegionSpec.location` (5: ImageBERT, location c)."""
    x1, y1, x2, y2 = boxes_BR4.unbind(-1)
    width, height = x2 - x1, y2 - y1
    match numbers:
        case 4:
            return boxes_BR4
        case 5:
            return torch.stack((x1, y1, x2, y2, width * height), dim=-1)
        case 7:
            return torch.stack((x1, y1, x2, y2, width, height, width * height), dim=-1)


class RegionEmbedder(nn.Module):
    """A `RegionSpec`'s."""

    def __init__(self, spec: RegionSpec, sizes: EmbedSizes) -> None:
        super().__init__()
        hidden, eps = sizes.hidden, sizes.eps
        self.spec = spec
        self.feature = nn.Linear(sizes.feature_dim, hidden)
        self.location = nn.Linear(spec.location, hidden)
        self.mask = nn.Parameter(torch.zeros(sizes.feature_dim)) if spec.mask_vector else None
        self.feature_norm = self.location_norm = self.norm = None
        if spec.combine != "sum":
            self.feature_norm = nn.LayerNorm(hidden, eps=eps)
            self.location_norm = nn.LayerNorm(hidden, eps=eps)
        if spec.combine != "mean_of_norms":
            self.norm = nn.LayerNorm(hidden, eps=eps)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, batch: Batch, view: View, text: TextEmbedder) -> Tensor:
        """[B, n_leading + R, hidden]."""
        regions_BRD, boxes_BR4 = view.regions_BRD, batch.boxes_BR4
        if self.mask is not None:
            regions_BRD = regions_BRD + view.hidden_regions_BR[:, :, None] * self.mask
        if self.spec.whole_image:
            counted_BR = batch.region_mask_BR
            if self.spec.whole_image_of == "seen":
                counted_BR = counted_BR & ~view.hidden_regions_BR
            mean_BD = mean_of_real(regions_BRD, counted_BR)
            regions_BRD = torch.cat((mean_BD[:, None], regions_BRD), dim=1)
            whole_114 = boxes_BR4.new_tensor([[_WHOLE_IMAGE]])
            boxes_BR4 = torch.cat((whole_114.expand(len(batch), 1, 4), boxes_BR4), dim=1)
        feature_BRH = self.feature(regions_BRD)
        location_BRH = self.location(location(boxes_BR4, self.spec.location))
        if self.feature_norm is not None and self.location_norm is not None:
            feature_BRH = self.feature_norm(feature_BRH)
            location_BRH = self.location_norm(location_BRH)
        summed_BRH = feature_BRH + location_BRH
        if (place_H := self._place(text)) is not None:
            summed_BRH = summed_BRH + place_H
        if self.norm is None:
            return torch.as_tensor(self.dropout(summed_BRH / 2))
        return torch.as_tensor(self.dropout(self.norm(summed_BRH)))

    def _place(self, text: TextEmbedder) -> Tensor | None:
        """[hidden] of the text's own tables, the same for all regions."""
        if self.spec.position is not None:
            return text.place(segment=IMAGE_SEGMENT, position=self.spec.position)
        return text.segment.weight[IMAGE_SEGMENT] if self.spec.segment else None


def mean_of_real(regions_BRD: Tensor, mask_BR: Tensor) -> Tensor:
    """[B, D]: the mean of the real regions' features; a zeroed one counts as a zero."""
    real_BR1 = mask_BR[:, :, None].to(regions_BRD.dtype)
    return (regions_BRD * real_BR1).sum(1) / real_BR1.sum(1).clamp(min=1)
