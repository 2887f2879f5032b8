"""How is one optimiser step made from batches: forward, backward, clip, step?"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor, nn

from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.objectives.objective import Loss, Objective
from pretrain.optim import clip_gradients
from pretrain.optimizers import Optimizers
from pretrain.parallel import synchronised
from pretrain.recipe import Stage
from pretrain.steps.score import Score, scores_of, tally
from pretrain.steps.strategy import Leaves, Shown
from pretrain.task_plans.task_plan import Turn
from pretrain.tokens import WordPiece
from pretrain.workers import Workers


def corrupt(
    objectives: Sequence[Objective], batch: Batch, draws: Draws, wordpiece: WordPiece
) -> Shown:
    """One view on which all objectives are asked at once; equal corruptions are made once."""
    view = View.of(batch)
    for corruption in dict.fromkeys(o.corruption for o in objectives if o.corruption is not None):
        view = corruption(view, batch, draws, wordpiece)
    return Shown(batch=batch, view=view)


def asked(objectives: Sequence[Objective], turn: Turn) -> tuple[Objective, ...]:
    """Those that a turn asks.

    Raises:
        ValueError: it names one that the recipe has not.
    """
    if turn.asked is None:
        return tuple(objectives)
    by_name = {objective.name: objective for objective in objectives}
    for name in turn.asked:
        if name not in by_name:
            raise ValueError(f"the task plan asks {name}; there is {', '.join(by_name)}")
    return tuple(by_name[name] for name in turn.asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """See `pretrain.steps.strategy.Pass`."""

    network: nn.Module
    objectives: tuple[Objective, ...]
    stage: Stage
    names: tuple[str, ...] | None
    scales: tuple[float, ...]

    def losses(self, shown: Shown, leaves: Leaves | None = None) -> dict[str, Loss]:
        """See `Pass`."""
        with precision(self.stage, shown.batch.match_B.device):
            made: dict[str, Loss] = self.network(shown.batch, shown.view, self.names, leaves)
        return made

    def minimised(self, losses: dict[str, Loss]) -> Tensor:
        """See `Pass`."""
        terms = (
            losses[objective.name].total * scale
            for objective, scale in zip(self.objectives, self.scales, strict=True)
        )
        return reduce(torch.add, terms)


def train_step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer | Optimizers,
    objectives: Sequence[Objective],
    stage: Stage,
    turns: Sequence[tuple[Turn, Sequence[Shown]]],
    workers: Workers,
) -> dict[str, Score]:
    """One step on this worker's micro-batches of all turns; all workers take part.

    An objective's loss is its sum over ALL workers and micro-batches of a turn, divided by its
    count over all of them: a mean of means would weigh a masked word by how many others its worker
    masked. What no turn asks gets no gradient and is left alone by the optimiser.
    """
    optimizer.zero_grad(set_to_none=True)
    scores: dict[str, Score] = {}
    for number, (turn, parts) in enumerate(turns):
        scores |= _gather(
            network,
            asked(objectives, turn),
            stage,
            turn,
            parts,
            workers,
            last=number == len(turns) - 1,
        )
    clip_gradients(network, stage.optim, stage.more_optims)
    optimizer.step()
    return scores


def _gather(
    network: nn.Module,
    objectives: tuple[Objective, ...],
    stage: Stage,
    turn: Turn,
    parts: Sequence[Shown],
    workers: Workers,
    *,
    last: bool,
) -> dict[str, Score]:
    """Add a turn's gradients to those that are there; its scores."""
    counts = count(objectives, parts, workers)
    through = _Pass(
        network=network,
        objectives=objectives,
        stage=stage,
        names=turn.asked,
        # DDP and FSDP average gradients over the workers: hence their number.
        scales=tuple(
            objective.weight * turn.scale * workers.size / max(1.0, n)
            for objective, n in zip(objectives, counts.tolist(), strict=True)
        ),
    )
    tallies: list[Tensor] = []
    losses: dict[str, Loss] = {}
    for number, part in enumerate(parts):
        with synchronised(network, last=last and number == len(parts) - 1):
            losses = stage.strategy(through, part)
        tallies.append(tally(losses, objectives))
    found = scores_of(objectives, workers.total(sum_of(tallies)), counts, losses)
    return {turn.key(name): score for name, score in found.items()}


@torch.no_grad()
def score_step(
    network: nn.Module,
    objectives: Sequence[Objective],
    parts: Sequence[Shown],
    workers: Workers,
    names: tuple[str, ...] | None = None,
) -> dict[str, Score]:
    """The scores of one step's pairs, without learning.

    `objectives` are those of `names`, or all of the network's where that is None.
    """
    counts = count(objectives, parts, workers)
    losses = [network(part.batch, part.view, names) for part in parts]
    tallied = sum_of([tally(each, objectives) for each in losses])
    return scores_of(objectives, workers.total(tallied), counts, losses[-1])


def count(objectives: Sequence[Objective], parts: Sequence[Shown], workers: Workers) -> Tensor:
    """float64 [objectives]: over how many answers, on all workers together."""
    rows = [[o.count(part.batch, part.view).double() for o in objectives] for part in parts]
    return workers.total(sum_of([torch.stack(row) for row in rows]))


def precision(stage: Stage, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Autocast, where the stage asks for it."""
    if stage.precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def sum_of(tensors: Sequence[Tensor]) -> Tensor:
    """Their sum; at least one."""
    return reduce(torch.add, tensors)
