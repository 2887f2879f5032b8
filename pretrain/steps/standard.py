"""How is the ordinary step made: all objectives at once, forward, backward, clip, step?"""

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
from pretrain.parallel import synchronised
from pretrain.recipe import Stage
from pretrain.steps.score import Score, scores_of, tally
from pretrain.tokens import WordPiece
from pretrain.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A batch and what the network is shown of it."""

    batch: Batch
    view: View


def corrupt(
    objectives: Sequence[Objective], batch: Batch, draws: Draws, wordpiece: WordPiece
) -> Shown:
    """One view on which all objectives are asked at once; equal corruptions are made once."""
    view = View.of(batch)
    for corruption in dict.fromkeys(o.corruption for o in objectives if o.corruption is not None):
        view = corruption(view, batch, draws, wordpiece)
    return Shown(batch=batch, view=view)


def train_step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    objectives: Sequence[Objective],
    stage: Stage,
    parts: Sequence[Shown],
    workers: Workers,
) -> dict[str, Score]:
    """One step on this worker's micro-batches; all workers take part.

    An objective's loss is its sum over ALL workers and micro-batches, divided by its count over all
    of them: a mean of means would weigh a masked word by how many others its worker masked.
    """
    counts = count(objectives, parts, workers)
    optimizer.zero_grad(set_to_none=True)
    tallies: list[Tensor] = []
    losses: dict[str, Loss] = {}
    for number, part in enumerate(parts):
        with synchronised(network, last=number == len(parts) - 1):
            with precision(stage, part.batch.match_B.device):
                losses = network(part.batch, part.view)
            # DDP and FSDP average gradients over the workers: hence their number.
            terms = [
                losses[objective.name].total * (objective.weight * workers.size / max(1.0, n))
                for objective, n in zip(objectives, counts.tolist(), strict=True)
            ]
            reduce(torch.add, terms).backward()
        tallies.append(tally(losses, objectives))
    clip_gradients(network, stage.optim)
    optimizer.step()
    return scores_of(objectives, workers.total(sum_of(tallies)), counts, losses)


@torch.no_grad()
def score_step(
    network: nn.Module,
    objectives: Sequence[Objective],
    parts: Sequence[Shown],
    workers: Workers,
) -> dict[str, Score]:
    """The scores of one step's pairs, without learning."""
    counts = count(objectives, parts, workers)
    losses = [network(part.batch, part.view) for part in parts]
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
