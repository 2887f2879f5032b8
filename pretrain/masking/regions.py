"""Which regions are hidden, and what is shown in their place?"""

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.tokens import WordPiece


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMasker:
    """Select 15% of the regions; the feature of 90% of them is zeroed, 10% are kept."""

    select: float = 0.15
    zero: float = 0.9
    """The rest is shown as it is, and still predicted."""
    other: float = 0.0
    """Share of the selected that show the feature of a region of another pair instead (LXMERT:
    0.1): a random one of those that go through the network together."""
    at_least_one: bool = False
    """Where nothing was selected, the first region is (UNITER)."""
    overlap: float | None = None
    """Regions whose IoU with a zeroed one is above this are zeroed too, for they would show what
    was hidden (12-in-1: 0.4). Only the first are asked for. A kept region hides no other."""

    def __call__(self, view: View, batch: Batch, draws: Draws, wordpiece: WordPiece) -> View:
        """The feature is hidden, the box stays: the network is asked what is there."""
        real_BR = batch.region_mask_BR
        chosen_BR, action_BR = (
            draws.uniform(f"regions.{purpose}", real_BR.shape[1]).to(real_BR.device)
            for purpose in ("select", "action")
        )
        selected_BR = real_BR & (chosen_BR < self.select)
        if self.at_least_one:
            first_BR = real_BR & (real_BR.cumsum(1) == 1)
            selected_BR = selected_BR | first_BR & ~selected_BR.any(1, keepdim=True)
        zeroed_BR = selected_BR & (action_BR < self.zero)
        if self.overlap is not None:
            near_BRR = iou(batch.boxes_BR4) > self.overlap
            aside_BR = real_BR & ~zeroed_BR & (near_BRR & zeroed_BR[:, None, :]).any(-1)
            zeroed_BR, selected_BR = zeroed_BR | aside_BR, selected_BR & ~aside_BR
        shown_BRD = view.regions_BRD.masked_fill(zeroed_BR[:, :, None], 0.0)
        if self.other:
            swapped_BR = selected_BR & ~zeroed_BR & (action_BR < self.zero + self.other)
            shown_BRD = _of_others(shown_BRD, batch, swapped_BR, draws)
        return dataclasses.replace(
            view,
            regions_BRD=shown_BRD,
            masked_regions_BR=view.masked_regions_BR | selected_BR,
            hidden_regions_BR=view.hidden_regions_BR | zeroed_BR,
        )


def _of_others(shown_BRD: Tensor, batch: Batch, swapped_BR: Tensor, draws: Draws) -> Tensor:
    """Those in `swapped` show a real region of another pair; a lone pair keeps its own."""
    B, R = swapped_BR.shape
    if B == 1:
        return shown_BRD
    device = swapped_BR.device
    pair_BR, region_BR = (draws.uniform(f"regions.{p}", R).to(device) for p in ("pair", "region"))
    away_BR = 1 + (pair_BR * (B - 1)).long()
    pair_BR = (torch.arange(B, device=device)[:, None] + away_BR) % B
    region_BR = (region_BR * batch.region_mask_BR.sum(1)[pair_BR]).long()
    return torch.where(swapped_BR[:, :, None], batch.regions_BRD[pair_BR, region_BR], shown_BRD)


def iou(boxes_BR4: Tensor) -> Tensor:
    """[B, R, R] intersection over union of every two boxes (x1, y1, x2, y2) of an image.

    0 where both are empty.
    """
    low_BR2, high_BR2 = boxes_BR4[..., :2], boxes_BR4[..., 2:]
    area_BR = (high_BR2 - low_BR2).clamp(min=0).prod(-1)
    low_BRR2 = low_BR2[:, :, None].maximum(low_BR2[:, None])
    high_BRR2 = high_BR2[:, :, None].minimum(high_BR2[:, None])
    both_BRR = (high_BRR2 - low_BRR2).clamp(min=0).prod(-1)
    either_BRR = area_BR[:, :, None] + area_BR[:, None] - both_BRR
    return both_BRR / either_BRR.clamp(min=1e-12)
