"""What happens in one stage, on one worker?

The loop knows no objective by name.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from pretrain.data import Loader, Step
from pretrain.draws import key_of
from pretrain.optim import set_lr
from pretrain.recipe import Stage
from pretrain.steps.score import Score, weighted
from pretrain.steps.standard import Shown, corrupt, score_step, train_step
from pretrain.workers import Workers
from shards.order import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One optimiser step that was made."""

    step: int
    """How many steps are done now."""
    scores: dict[str, Score]
    loss: float
    """What was minimised."""
    lr: float
    position: Position
    """Where the loader goes on."""
    n_tokens: int
    """Real word pieces, regions and special tokens of this worker's share."""


def run(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: Loader,
    workers: Workers,
    device: torch.device,
    *,
    first_step: int,
    position: Position,
) -> Iterator[StepReport]:
    """Train, one step a report; the caller logs and saves between two of them.

    Args:
        network: A `Network` as `pretrain.parallel.spread` returns it.
        optimizer: Of its parameters.
        loader: This worker's share of the stage.
        workers: All of them call this at once.
        device: Where the network is.
        first_step: Steps that are already done.
        position: Where the loader stood then.
    """
    stage, objectives = loader.stage, loader.recipe.objectives
    network.train()
    for step in loader.steps(first_step, position):
        # Dropout, too, depends on nothing but seed, rank and step.
        torch.manual_seed(key_of(loader.seed + workers.rank, step.number, "dropout"))
        lr = set_lr(optimizer, stage.optim, step.number, loader.total_steps)
        parts = shown(step, loader, device)
        scores = train_step(network, optimizer, objectives, stage, parts, workers)
        yield StepReport(
            step=step.number + 1,
            scores=scores,
            loss=weighted(objectives, scores),
            lr=lr,
            position=step.position,
            n_tokens=sum(part.n_tokens for part in step.parts),
        )


def score(
    network: nn.Module, loader: Loader, workers: Workers, device: torch.device, *, n_steps: int
) -> list[dict[str, Score]]:
    """The scores on the first batches of a stage as training would see them, without dropout."""
    network.eval()
    scores = []
    for step in loader.steps(0, loader.start()):
        if step.number == n_steps:
            break
        parts = shown(step, loader, device)
        scores.append(score_step(network, loader.recipe.objectives, parts, workers))
    return scores


def check(stage: Stage, n_workers: int) -> None:
    """Raises ValueError when a stage's numbers do not go together."""
    parts = n_workers * stage.micro_batches
    if stage.batch_pairs < parts or stage.batch_pairs % parts:
        raise ValueError(
            f"stages.{stage.name}.batch_pairs={stage.batch_pairs} cannot be split evenly among "
            f"{n_workers} workers x {stage.micro_batches} micro_batches"
        )
    if stage.checkpoint_every % stage.log_every:
        raise ValueError(
            f"stages.{stage.name}.checkpoint_every={stage.checkpoint_every} is not a multiple of "
            f"log_every={stage.log_every}: a resumed run could not write the same lines"
        )


def shown(step: Step, loader: Loader, device: torch.device) -> list[Shown]:
    """What the network is shown in a step."""
    objectives = loader.recipe.objectives
    return [
        corrupt(objectives, part.batch.to(device), part.draws, loader.wordpiece)
        for part in step.parts
    ]
