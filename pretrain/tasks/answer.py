"""What does a fine-tuned network answer to the questions of a task?"""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import torch

from pretrain import tasks
from pretrain.batch import View
from pretrain.checkpoint import find, load_network
from pretrain.collate import collate
from pretrain.data import ShardSet, check_regions, data_sizes
from pretrain.network import Network
from pretrain.plain import nearest
from pretrain.tasks.heads import Head, head_of
from pretrain.tasks.question_set import QuestionSet
from pretrain.tasks.task import Record, Task
from pretrain.tokens import load_wordpiece

_QUESTIONS_PER_PASS = 64


def names() -> list[str]:
    """The tasks: the modules of this package that have a stage for fine-tuning."""
    found = (module.name for module in pkgutil.iter_modules(tasks.__path__))
    return sorted(name for name in found if "STAGE" in vars(_module(name)))


def load_task(name: str) -> Task:
    """The task of `pretrain.tasks.<name>`.

    Raises:
        ValueError: there is none; names the nearest.
    """
    if name not in names():
        raise ValueError(f"no task {name}: {nearest(name, names())}")
    return cast(Task, _module(name))


def answer(
    checkpoint: Path,
    shards: Path,
    regions: Path,
    records: Sequence[Record],
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    task: str | None = None,
) -> dict[str, str]:
    """The answer to every record, by its id, in the records' order.

    Args:
        checkpoint: Of `lait finetune TASK` or `lait multitask`: a checkpoint, or a stage's or run's
            folder.
        shards: The images.
        regions: Of these shards, by the detector that training used.
        records: Their rows name samples, see `pretrain.tasks.records.find_images`.
        progress: Called with (questions answered, questions in all).
        task: Which one, for a network of several, see `pretrain.tasks.heads`.

    Raises:
        ValueError: no complete checkpoint, one of no task or not of this one, or data that does not
            fit it.
    """
    path = find(checkpoint)
    network, snapshot = load_network(path)
    sizes = data_sizes(snapshot.recipe, check_regions(shards, regions))
    if sizes != snapshot.sizes:
        raise ValueError(
            f"{regions} has regions of {sizes.feature_dim} dimensions and {sizes.classes} classes, "
            f"{path} was trained on {snapshot.sizes.feature_dim} and {snapshot.sizes.classes}: "
            "make them with the same detector"
        )
    head = head_of(snapshot.recipe, task)
    asked = QuestionSet(ShardSet(shards, regions), records, head.objective)
    answers: dict[str, str] = {}
    for at in range(0, len(asked), _QUESTIONS_PER_PASS):
        numbers = range(at, min(at + _QUESTIONS_PER_PASS, len(asked)))
        found = _decided(network, head, asked, numbers)
        answers |= {asked.records[i].id: said for i, said in zip(numbers, found, strict=True)}
        progress(len(answers), len(asked))
    return answers


@torch.inference_mode()
def _decided(network: Network, head: Head, asked: QuestionSet, numbers: Sequence[int]) -> list[str]:
    recipe, objective = network.recipe, head.objective
    wordpiece = load_wordpiece(recipe.vocabulary)
    pairs = [pair for i in numbers for pair in asked.pairs(i, recipe.inputs, wordpiece)]
    batch = collate(pairs, recipe.inputs, wordpiece)
    encoded = network.look(batch, dataclasses.replace(View.of(batch), task=head.token))
    return objective.decide(network.heads[objective.name], encoded, batch)


def _module(name: str) -> object:
    return importlib.import_module(f"{tasks.__name__}.{name}")
