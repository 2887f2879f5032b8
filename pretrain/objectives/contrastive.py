"""Contrastive learning: which of all texts of the step is this image's, and the other way round?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretrain.batch import Batch, View
from pretrain.objectives.objective import Encoded, Loss, Sizes
from pretrain.workers import current


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrastive:
    """Cross-entropy over all pairs of ALL workers, in both directions (CLIP), by open_clip's loss.

    Every worker compares its own rows with everybody's; gradients travel back to everybody.
    """

    name: str = "contrastive"
    weight: float = 1.0
    corruption: None = None

    def head(self, sizes: Sizes) -> nn.Module:
        """Nothing of its own: the scale of the logits belongs to the dual encoder."""
        return nn.Identity()

    def count(self, batch: Batch, view: View) -> Tensor:
        """Pairs."""
        return batch.match_B.new_tensor(len(batch))

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """The summed loss.

        Args:
            head: The open_clip model, whose logit scale is used.
            encoded: Unit vectors, one row a text and an image.
            batch: The pairs of this worker.
            view: As the batch.
        """
        from open_clip import ClipLoss

        here = current()
        scale = head.get_parameter("logit_scale").exp()
        image_BE, text_BE = encoded.image_BRH[:, 0], encoded.text_BLH[:, 0]
        compare = ClipLoss(
            local_loss=True, gather_with_grad=True, rank=here.rank, world_size=here.size
        )
        mean = compare(image_BE, text_BE, scale)
        with torch.no_grad():
            nearest_B = (image_BE @ text_BE.T).argmax(-1)
            correct = (nearest_B == torch.arange(len(batch), device=nearest_B.device)).sum()
        return Loss(total=mean * len(batch), correct=correct)
