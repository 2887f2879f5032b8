"""What does a training step look at?

Shapes: B pairs, L text tokens, R regions, D feature dimensions, K detector classes.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

TEXT_SEGMENT = 0
IMAGE_SEGMENT = 1
"""Rows of the segment table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Pairs as they are. Nothing ever writes into these tensors: maskers return a `View`."""

    tokens_BL: Tensor
    """int64 word pieces: [CLS] w.. [SEP] (and a [SEP] that closes the regions, if asked for)."""
    segments_BL: Tensor
    """int64: 0 = text, 1 = image."""
    positions_BL: Tensor
    """int64, ascending from 0."""
    words_BL: Tensor
    """int64: which word of the text a piece belongs to; -1 = special token or padding."""
    text_mask_BL: Tensor
    """bool: True = real."""
    regions_BRD: Tensor
    """float32 pooled detector features."""
    boxes_BR4: Tensor
    """float32 (x1, y1, x2, y2) in 0..1 of width and height."""
    probs_BRK: Tensor
    """float32 class probabilities of the detector."""
    region_mask_BR: Tensor
    """bool: True = real."""
    match_B: Tensor
    """int64: 1 = text and image belong together."""
    targets_BX: Tensor | None = None
    """float32, of fine-tuning: how right each of a task's answers, or each region, is for a row."""
    attributes_BRA: Tensor | None = None
    """float32 attribute probabilities of the detector; None: it knows no attributes."""
    pixels_BCHW: Tensor | None = None
    """float32 of the images themselves, normalised; None: the recipe does not look at them."""
    aligned_BRL: Tensor | None = None
    """bool: True = region and token are known to mean the same; None: nothing is known."""

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device."""
        return self.map(lambda tensor: tensor.to(device))

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The same with every tensor that it has changed."""
        every = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        made: dict[str, Any] = {
            n: None if tensor is None else change(tensor) for n, tensor in every
        }
        return Batch(**made)

    def __len__(self) -> int:
        return self.match_B.shape[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the network is shown of a batch: the batch itself, or corrupted copies."""

    tokens_BL: Tensor
    regions_BRD: Tensor
    masked_tokens_BL: Tensor
    """bool: True = selected for prediction, whatever it was replaced by."""
    masked_regions_BR: Tensor
    """bool: True = selected for prediction, whatever it was replaced by."""
    hidden_regions_BR: Tensor
    """bool: True = not to be seen: its feature in `regions_BRD` is zero."""
    answers_B: Tensor | None = None
    """int64: column of `Batch.targets_BX` that is asked for; -1 = none."""
    task: int | None = None
    """Which of the tasks that share the network this is, for those that tell it (12-in-1)."""

    @classmethod
    def of(cls, batch: Batch) -> "View":
        """The uncorrupted view."""
        return cls(
            tokens_BL=batch.tokens_BL,
            regions_BRD=batch.regions_BRD,
            masked_tokens_BL=torch.zeros_like(batch.text_mask_BL),
            masked_regions_BR=torch.zeros_like(batch.region_mask_BR),
            hidden_regions_BR=torch.zeros_like(batch.region_mask_BR),
        )
