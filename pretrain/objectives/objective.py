"""What must an objective promise?"""

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from pretrain.batch import Batch, View
from pretrain.masking.corruption import Corruption

Gate = Literal["positives", "all"]
"""Whose masked parts count: those of matching pairs only (ImageBERT's conditional mask), or all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The widths that a head is built for."""

    hidden: int
    """Of the text's stream."""
    image_hidden: int
    """Of the image's stream."""
    pooled: int
    """Of the vector that stands for a pair."""
    vocabulary: int
    feature_dim: int
    classes: int
    eps: float
    attributes: int = 0
    """That the detector tells apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What the network made of a view."""

    text_BLH: Tensor
    image_BRH: Tensor
    """Of the regions; what stands for the whole image is not among them."""
    words_VH: Tensor
    """The word table, for heads that are tied to it."""
    features_HD: Tensor | None = None
    """The map of regions' features, for heads that are tied to it."""
    pooled_BP: Tensor | None = None
    """By the recipe's pooling; None: the first token as it is."""

    @property
    def first(self) -> Tensor:
        """[B, H] of the first token, [CLS]."""
        return self.text_BLH[:, 0]

    @property
    def pooled(self) -> Tensor:
        """[B, P]: what stands for the pair."""
        return self.first if self.pooled_BP is None else self.pooled_BP


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A loss over one batch, not yet averaged: ranks and micro-batches add up before division."""

    total: Tensor
    """Scalar, connected to the head's and the network's graph also when nothing was selected."""
    correct: Tensor | None
    """How many of `count` answers were right; None where answers are not right or wrong."""


class Objective(Protocol):
    """A frozen value of a recipe."""

    @property
    def name(self) -> str:
        """Key of its head, its metrics and its loss."""
        ...

    @property
    def weight(self) -> float:
        """Of its mean loss in the sum of losses."""
        ...

    @property
    def corruption(self) -> Corruption | None:
        """What it needs hidden; None if nothing."""
        ...

    def head(self, sizes: Sizes) -> nn.Module:
        """Its own parameters."""
        ...

    def count(self, batch: Batch, view: View) -> Tensor:
        """Over how many answers the loss is a sum; known before the network runs."""
        ...

    def loss(self, head: nn.Module, encoded: Encoded, batch: Batch, view: View) -> Loss:
        """The summed loss."""
        ...


def gated(selected_BX: Tensor, batch: Batch, gate: Gate) -> Tensor:
    """Of the selected tokens or regions, those that count."""
    if gate == "all":
        return selected_BX
    return selected_BX & (batch.match_B == 1)[:, None]


def targets_of(batch: Batch) -> Tensor:
    """[B, X] of a batch that was made for fine-tuning on a task.

    Raises:
        ValueError: a batch of pretraining.
    """
    if batch.targets_BX is None:
        raise ValueError("this objective needs a task's targets: fine-tune with `lait finetune`")
    return batch.targets_BX


def n_right(logits_MC: Tensor, targets_M: Tensor) -> Tensor:
    """How many rows have their target as arg-max."""
    return torch.as_tensor((logits_MC.argmax(-1) == targets_M).sum())
