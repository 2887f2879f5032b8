"""Which region does a phrase mean?"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.ops import box_iou

from pretrain.batch import Batch, View
from pretrain.objectives.objective import Encoded, Loss, Sizes, targets_of
from pretrain.regions.regions import Regions
from pretrain.tasks.task import Record

RIGHT_IOU = 0.5
"""From this overlap on a region is right (RefCOCO)."""


def overlap(boxes_R4: Sequence[Sequence[float]] | Tensor, box: Sequence[float]) -> Tensor:
    """[R]: IoU of boxes (x1, y1, x2, y2) with one box; 0 where neither has an area."""
    boxes = torch.as_tensor(boxes_R4, dtype=torch.float32)
    iou_R = box_iou(boxes, torch.tensor([box], dtype=torch.float32))[:, 0]
    return torch.as_tensor(iou_R.nan_to_num(0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointing:
    """Binary cross-entropy of a score a region to its overlap with the object (as ViLBERT)."""

    name: str
    rows: int = 1
    weight: float = 1.0
    corruption: None = None

    def head(self, sizes: Sizes) -> nn.Module:
        """One linear map: a score a region."""
        return nn.Linear(sizes.image_hidden, 1)

    def count(self, batch: Batch, view: View) -> Tensor:
        """Phrases."""
        return batch.match_B.new_tensor(len(batch))

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """Summed over phrases and regions; an overlap below one half counts as none."""
        scores_BR, targets_BR = self.scores(head, encoded, batch), targets_of(batch)
        wanted_BR = torch.where(targets_BR >= RIGHT_IOU, targets_BR, 0.0)
        loss_BR = functional.binary_cross_entropy_with_logits(
            scores_BR, wanted_BR, reduction="none"
        )
        chosen_B = targets_BR.gather(1, scores_BR.argmax(-1, keepdim=True)).squeeze(1)
        return Loss(
            total=loss_BR[batch.region_mask_BR].sum(), correct=(chosen_B >= RIGHT_IOU).sum()
        )

    def scores(self, head: nn.Module, encoded: Encoded, batch: Batch) -> Tensor:
        """[B, R]; padding is the lowest."""
        scores_BR = head(encoded.image_BRH).squeeze(-1).float()
        return scores_BR.masked_fill(~batch.region_mask_BR, torch.finfo(scores_BR.dtype).min)  # type: ignore[no-any-return]

    def knows(self, record: Record) -> bool:
        """Whether the object's box is told."""
        return record.box is not None

    def targets(self, record: Record, regions: Sequence[Regions]) -> list[tuple[float, ...]]:
        """How much each region overlaps the object; all 0 where the object is not known."""
        (found,) = regions
        if record.box is None:
            return [(0.0,) * len(found)]
        return [tuple(overlap(torch.from_numpy(found.boxes_R4), record.box).tolist())]

    def decide(self, head: nn.Module, encoded: Encoded, batch: Batch) -> list[str]:
        """The best region's box of each phrase, as JSON."""
        best_B = self.scores(head, encoded, batch).argmax(-1)
        boxes_B4 = batch.boxes_BR4[torch.arange(len(best_B)), best_B]
        return [json.dumps(box) for box in boxes_B4.tolist()]
