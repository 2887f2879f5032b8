"""Can a strategy look at the embeddings and push at them, without a change in the loop?"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pytest
import torch
from torch import Tensor

from pretrain.batch import Batch
from pretrain.network import DataSizes, Network
from pretrain.objectives.objective import Loss
from pretrain.recipe import Recipe
from pretrain.steps.standard import corrupt, train_step
from pretrain.steps.strategy import Leaves, Pass, Shown, Standard, Strategy
from pretrain.task_plans.task_plan import Turn
from pretrain.tokens import WordPiece
from pretrain.workers import Workers
from tests.pretrain.helpers import draws


@dataclass(frozen=True, slots=True, kw_only=True)
class Fgm:
    """The fast gradient method: the loss at the embeddings, and again where they were pushed."""

    size: float
    where: Literal["text", "image", "both"] = "both"

    def __call__(self, through: Pass, shown: Shown) -> dict[str, Loss]:
        clean = Leaves()
        losses = through.losses(shown, clean)
        through.minimised(losses).backward()  # type: ignore[no-untyped-call]
        pushed = Leaves(
            push_text_BLH=None if self.where == "image" else self.push(clean.text_BLH),
            push_image_BRH=None if self.where == "text" else self.push(clean.image_BRH),
        )
        worse = through.losses(shown, pushed)
        through.minimised(worse).backward()  # type: ignore[no-untyped-call]
        return worse

    def push(self, leaf: Tensor | None) -> Tensor:
        assert leaf is not None
        assert leaf.grad is not None
        return self.size * leaf.grad / leaf.grad.norm(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutFirstRegion:
    """The shape of a counterfactual: the same pair with something taken out of sight."""

    def __call__(self, through: Pass, shown: Shown) -> dict[str, Loss]:
        unseen_BR = shown.batch.region_mask_BR.clone()
        unseen_BR[:, 0] = False
        batch = dataclasses.replace(shown.batch, region_mask_BR=unseen_BR)
        losses = through.losses(dataclasses.replace(shown, batch=batch))
        through.minimised(losses).backward()  # type: ignore[no-untyped-call]
        return losses


def step(
    strategy: Strategy, recipe: Recipe, sizes: DataSizes, batch: Batch, wordpiece: WordPiece
) -> tuple[float, Tensor]:
    """Loss and a gradient of one step that moves nothing."""
    torch.manual_seed(0)
    network = Network(recipe, sizes)
    part = dataclasses.replace(recipe.stages[0], strategy=strategy)
    shown = corrupt(recipe.objectives, batch, draws(len(batch)), wordpiece)
    still = torch.optim.SGD(network.parameters(), lr=0.0)
    scores = train_step(network, still, recipe.objectives, part, [(Turn(), [shown])], Workers())
    gradient = network.heads["itm"].weight.grad
    return sum(score.mean for score in scores.values()), gradient


def test_an_adversarial_step_raises_the_loss_and_adds_its_gradient(
    tiny: Recipe, sizes: DataSizes, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = make_batch(8)
    plain, gradient = step(Standard(), tiny, sizes, batch, wordpiece)
    still, doubled = step(Fgm(size=0.0), tiny, sizes, batch, wordpiece)
    pushed, both = step(Fgm(size=1.0), tiny, sizes, batch, wordpiece)
    assert still == plain
    assert torch.allclose(doubled, 2 * gradient, atol=1e-6)
    assert pushed > 1.01 * plain
    assert not torch.allclose(both, doubled, atol=1e-3)


@pytest.mark.parametrize("where", ["text", "image"])
def test_words_or_regions_alone_can_be_pushed(
    where: Literal["text", "image"],
    tiny: Recipe,
    sizes: DataSizes,
    make_batch: Callable[..., Batch],
    wordpiece: WordPiece,
) -> None:
    batch = make_batch(8)
    plain, _ = step(Standard(), tiny, sizes, batch, wordpiece)
    pushed, _ = step(Fgm(size=1.0, where=where), tiny, sizes, batch, wordpiece)
    both, _ = step(Fgm(size=1.0), tiny, sizes, batch, wordpiece)
    assert plain * 1.001 < pushed < both


def test_a_strategy_may_show_another_batch(
    tiny: Recipe, sizes: DataSizes, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    batch = make_batch(8)
    plain, _ = step(Standard(), tiny, sizes, batch, wordpiece)
    other, _ = step(WithoutFirstRegion(), tiny, sizes, batch, wordpiece)
    assert other != plain
