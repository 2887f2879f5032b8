"""What happens in one stage, on one worker?

The loop knows no objective by name.
"""

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import torch
from torch import nn

from pretrain.average import Average
from pretrain.draws import key_of
from pretrain.feed import Feed, Place
from pretrain.loader import Loader, Step
from pretrain.optim import set_lr
from pretrain.optimizers import Optimizers
from pretrain.recipe import Stage
from pretrain.steps.score import Score, weighted
from pretrain.steps.standard import asked, corrupt, score_step, train_step
from pretrain.steps.strategy import Shown
from pretrain.task_plans.task_plan import OWN, PlanState, Turn
from pretrain.workers import Workers
from shards.order import Position

_EVERYTHING = Turn()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One optimiser step that was made."""

    step: int
    """How many steps are done now."""
    scores: dict[str, Score]
    """Of what was asked in this step."""
    loss: float
    """What was minimised."""
    lr: float
    position: Position
    """Where the loader of the stage's own data goes on."""
    n_tokens: int
    """Real word pieces, regions and special tokens of this worker's share."""
    places: tuple[Place, ...] = ()
    """Where all loaders go on."""
    state: PlanState = field(default_factory=PlanState)
    """Of the task plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a stage may have beside its own data."""

    more: Mapping[str, Loader] = field(default_factory=dict)
    """Other data sets that its task plan names."""
    validation: Mapping[str, Loader] = field(default_factory=dict)
    """By the same names: what stop-and-go listens to."""
    average: Average | None = None
    """Follows the weights."""


def run(
    network: nn.Module,
    optimizer: torch.optim.Optimizer | Optimizers,
    loader: Loader,
    workers: Workers,
    device: torch.device,
    *,
    first_step: int,
    position: Position,
    places: Sequence[Place] = (),
    state: PlanState | None = None,
    beside: Beside | None = None,
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
        places: Where all loaders stood then; only where a plan reads several.
        state: Of the task plan then; None: at its start.
        beside: Other data, validation data, an average.
    """
    beside, state = beside or Beside(), state or PlanState()
    stage, objectives = loader.stage, loader.recipe.objectives
    own = Place(data=OWN, steps=first_step, position=position)
    feed = Feed({OWN: loader, **beside.more}, places or (own,))
    network.train()
    for number in range(first_step, loader.total_steps):
        if due := stage.tasks.due(state):
            scored = [validate(network, turn, beside, workers, device) for turn in due]
            state = stage.tasks.heard(state, workers.as_first(scored, device))
            network.train()
        turns, state = stage.tasks.turns(state, seed=loader.seed, step=number)
        # Dropout, too, depends on nothing but seed, rank and step.
        torch.manual_seed(key_of(loader.seed + workers.rank, number, "dropout"))
        lr = set_lr(optimizer, stage.optim, number, loader.total_steps, stage.more_optims)
        taken = [(turn, feed.take(turn)) for turn in turns]
        seen = [(turn, shown(step, loader, device, turn)) for turn, step in taken]
        scores = train_step(network, optimizer, objectives, stage, seen, workers)
        if beside.average is not None:
            beside.average.update(network)
        own = next((place for place in feed.places if place.data == OWN), own)
        yield StepReport(
            step=number + 1,
            scores=scores,
            loss=weighted(objectives, scores, turns),
            lr=lr,
            position=own.position,
            n_tokens=sum(part.n_tokens for _, step in taken for part in step.parts),
            places=feed.places,
            state=state,
        )


def score(
    network: nn.Module, loader: Loader, workers: Workers, device: torch.device, *, n_steps: int
) -> list[dict[str, Score]]:
    """The scores on the first batches of a stage as training would see them, without dropout."""
    return _scores(network, loader, _EVERYTHING, workers, device, n_steps)


def validate(
    network: nn.Module, turn: Turn, beside: Beside, workers: Workers, device: torch.device
) -> float:
    """How well the first objective of a turn does on all of its validation data; higher is better.

    The share of right answers, or the negative mean loss where none is right or wrong.

    Raises:
        ValueError: there is no validation data of that name.
    """
    if turn.data not in beside.validation:
        raise ValueError(f"stop-and-go needs validation data for {turn.data}")
    loader = beside.validation[turn.data]
    name = asked(loader.recipe.objectives, turn)[0].name
    scores = _scores(network, loader, turn, workers, device, loader.total_steps)
    total = reduce(operator.add, (each[name] for each in scores))
    return -total.mean if total.correct is None else total.correct / max(1.0, total.count)


def _scores(
    network: nn.Module,
    loader: Loader,
    turn: Turn,
    workers: Workers,
    device: torch.device,
    n_steps: int,
) -> list[dict[str, Score]]:
    network.eval()
    scores, objectives = [], asked(loader.recipe.objectives, turn)
    feed = Feed({turn.data: loader}, ())
    for _ in range(min(n_steps, loader.total_steps)):
        parts = shown(feed.take(turn), loader, device, turn)
        scores.append(score_step(network, objectives, parts, workers, turn.asked))
    return scores


def check(stage: Stage, n_workers: int) -> None:
    """Raises ValueError when a stage's numbers do not go together."""
    for n_pairs in (stage.batch_pairs, *(task.batch_pairs for task in stage.tasks.tasks)):
        if n_pairs is not None and (n_pairs < n_workers or n_pairs % n_workers):
            raise ValueError(
                f"stages.{stage.name}.batch_pairs={n_pairs} cannot be split evenly among "
                f"{n_workers} workers"
            )
    if stage.micro_batches < 1:
        raise ValueError(f"stages.{stage.name}.micro_batches={stage.micro_batches}: at least one")
    if stage.checkpoint_every % stage.log_every:
        raise ValueError(
            f"stages.{stage.name}.checkpoint_every={stage.checkpoint_every} is not a multiple of "
            f"log_every={stage.log_every}: a resumed run could not write the same lines"
        )


def shown(
    step: Step, loader: Loader, device: torch.device, turn: Turn = _EVERYTHING
) -> list[Shown]:
    """What the network is shown in a step."""
    objectives = asked(loader.recipe.objectives, turn)
    made = [
        corrupt(objectives, part.batch.to(device), part.draws, loader.wordpiece)
        for part in step.parts
    ]
    return [replace(each, view=replace(each.view, task=turn.token)) for each in made]
