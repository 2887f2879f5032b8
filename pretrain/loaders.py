"""How do the data sets of a stage become loaders?"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pretrain.data import ShardSet, TrainingSet, data_sizes
from pretrain.draws import key_of
from pretrain.loader import Loader
from pretrain.plan import Plan, StageData
from pretrain.recipe import Stage
from pretrain.stage import Beside
from pretrain.steps.standard import asked
from pretrain.task_plans.task_plan import OWN, Task
from pretrain.tasks.question_set import QuestionSet
from pretrain.tasks.records import read_records
from pretrain.text_set import NAME as TEXT
from pretrain.text_set import TextSet
from pretrain.tokens import load_wordpiece
from pretrain.workers import Workers


def loader_of(plan: Plan, data: StageData, part: Stage, seed: int, workers: Workers) -> Loader:
    """One worker's share of a data set: captions, or questions where it has records."""
    images = ShardSet(
        data.shards,
        None if plan.recipe.towers else data.regions,
        images=plan.recipe.inputs.pixels is not None,
        tombstones=plan.tombstones,
    )
    return Loader(
        data=images if data.records is None else _questions(plan, images, data, part),
        recipe=plan.recipe,
        stage=part,
        seed=seed,
        rank=workers.rank,
        world_size=workers.size,
    )


def _questions(plan: Plan, images: ShardSet, data: StageData, part: Stage) -> TrainingSet:
    """Records become pairs by the objective that the task plan asks about them."""
    assert data.records is not None, data
    task = _task(data, part)
    objective = asked(plan.recipe.objectives, task.turn)[0]
    return QuestionSet(images, read_records(data.records), objective)


def beside_of(plan: Plan, data: StageData, part: Stage, seed: int, workers: Workers) -> Beside:
    """Loaders of the other sets: each draws its own numbers, and a validation set is read once."""

    def loaders(sets: Sequence[StageData], once: bool) -> dict[str, Loader]:
        made = {}
        for other in sets:
            n_pairs = _task(other, part).batch_pairs or part.batch_pairs
            own = dataclasses.replace(part, batch_pairs=n_pairs)
            if once:
                own = dataclasses.replace(own, steps=None, epochs=1.0)
            other_seed = key_of(seed, once, other.name) >> 1  # within 63 bits
            made[_called(other, part)] = loader_of(plan, other, own, other_seed, workers)
        return made

    more = loaders(data.more, False)
    if data.text is not None:
        more[TEXT] = _running_text(plan, data.text, part, key_of(seed, 0, TEXT) >> 1, workers)
    return Beside(more=more, validation=loaders(data.validation, True))


def _running_text(plan: Plan, file: Path, part: Stage, seed: int, workers: Workers) -> Loader:
    """As many pieces of text a step as there are pairs."""
    wordpiece = load_wordpiece(plan.recipe.vocabulary)
    sizes = data_sizes(plan.recipe, plan.regions_of(plan.stages[0]))
    return Loader(
        data=TextSet(file, wordpiece, sizes, plan.recipe.inputs.max_length - 2),
        recipe=plan.recipe,
        stage=part,
        seed=seed,
        rank=workers.rank,
        world_size=workers.size,
    )


def _called(data: StageData, part: Stage) -> str:
    """What the task plan calls a data set: the stage's own has the stage's name."""
    return OWN if data.name == part.name else data.name


def _task(data: StageData, part: Stage) -> Task:
    """Who asks about a data set."""
    for task in part.tasks.tasks:
        if task.data == _called(data, part):
            return task
    raise ValueError(f"no task of stage {part.name} asks about the data set {data.name}")
