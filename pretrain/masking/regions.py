"""Which regions are hidden, and what is shown in their place?"""

import dataclasses
from dataclasses import dataclass

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.tokens import WordPiece


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionMasker:
    """Select 15% of the regions; the feature of 90% of them is zeroed, 10% are kept."""

    select: float = 0.15
    zero: float = 0.9
    """The rest is shown as it is, and still predicted."""

    def __call__(self, view: View, batch: Batch, draws: Draws, wordpiece: WordPiece) -> View:
        """The feature is hidden, the box stays: the network is asked what is there."""
        R = batch.region_mask_BR.shape[1]
        device = batch.regions_BRD.device
        chosen_BR, action_BR = (
            draws.uniform(f"regions.{purpose}", R).to(device) for purpose in ("select", "action")
        )
        selected_BR = batch.region_mask_BR & (chosen_BR < self.select)
        zeroed_BR = selected_BR & (action_BR < self.zero)
        return dataclasses.replace(
            view,
            regions_BRD=view.regions_BRD.masked_fill(zeroed_BR[:, :, None], 0.0),
            masked_regions_BR=view.masked_regions_BR | selected_BR,
        )
