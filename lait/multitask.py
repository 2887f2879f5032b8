"""How is one network trained on several tasks' published files, and on no task's test images?"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from lait.tasks import questions
from pretrain import checkpoint
from pretrain.data import ShardSet
from pretrain.objectives.answering import Answering
from pretrain.plan import StageData
from pretrain.recipe import Init, Recipe, load, with_settings
from pretrain.recipes import twelve_in_one
from pretrain.task_plans.round_robin import RoundRobin
from pretrain.task_plans.task_plan import OWN
from pretrain.tasks.answer import load_task
from pretrain.tasks.clean import clean, images_of
from pretrain.tasks.records import write_records
from pretrain.tasks.task import Asking, Record

STAGE = "multitask"
_PARTS = ("train", "validation", "test")


class Files(BaseModel):
    """A task's published files of one split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    annotations: tuple[Path, ...]
    split: str | None = None
    """Of files that hold several."""


class HeldOut(BaseModel):
    """A task's published files of its test split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    annotations: tuple[Path, ...]
    split: str | None = None
    """Of files that hold several."""
    shards: Path | None = None
    """Where its images are, if not among those of training."""


class Source(BaseModel):
    """One data set of questions. Of `test` only the images are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    """Whose published form the files have: a module of `pretrain.tasks`."""
    shards: Path
    regions: Path
    train: Files
    validation: Files
    test: HeldOut | None = None


class Captions(BaseModel):
    """The set of captions, for retrieval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shards: Path
    regions: Path
    validation_shards: Path
    validation_regions: Path


class Together(BaseModel):
    """What `lait multitask` reads: `captions`, and data sets by the names that 12-in-1 has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    captions: Captions
    questions: dict[str, Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is needed to train."""

    recipe: Recipe
    data: StageData
    n_read: dict[str, int]
    """Training questions by data set whose images are there."""
    n_clean: dict[str, int]
    """Those of them that are about no test image."""


def read_together(path: Path) -> Together:
    """The file of data sets.

    Raises:
        ValueError: not such a file, or a data set that 12-in-1 does not know.
    """
    try:
        together = Together.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from error
    known = [row.data for row in twelve_in_one.TASKS if row.data != OWN]
    for name in together.questions:
        if name not in known:
            raise ValueError(f"{path}: no data set {name} in 12-in-1; there is {', '.join(known)}")
    return together


def course(
    together: Together,
    out: Path,
    *,
    start: Path | None = None,
    base: Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Course:
    """Write the questions under `out` and say how to train on them.

    Args:
        together: The data sets.
        out: Folder of the run.
        start: A model pretrained by `lait pretrain twelve_in_one`.
        base: Where there is no `start`: the recipe whose network learns from nothing.
        settings: Fields of the recipe, e.g. `{"stages.multitask.steps": 1000}`.

    Raises:
        ValueError: files that are not a task's, captions of a task's test image, a `start` without
            task tokens, or an `out` that holds another run.
    """
    read = {
        part: {name: _questions(source, part) for name, source in together.questions.items()}
        for part in _PARTS
    }
    tests = [record for records in read["test"].values() for record in records]
    kept = {part: clean(read[part], tests) for part in ("train", "validation")}
    _refuse_captions_of(images_of(tests), together.captions)
    recipe = with_settings(_recipe(together, kept["train"], start, base), settings or {})
    heads = {o.name: o for o in recipe.objectives}
    for part, by_name in kept.items():
        for name, records in by_name.items():
            head = heads[_row(name).head]
            assert isinstance(head, Asking), head
            learned = [record for record in records if head.knows(record)]
            if not learned:
                raise ValueError(f"{name}: no {part} question that can be learned is left")
            write_records(out / f"{name}-{part}.jsonl", learned)
    return Course(
        recipe=recipe,
        data=_data(together, out),
        n_read={name: len(records) for name, records in read["train"].items()},
        n_clean={name: len(records) for name, records in kept["train"].items()},
    )


def _questions(source: Source, part: str) -> Sequence[Record]:
    files: Files | HeldOut | None = getattr(source, part)
    if files is None:
        return ()
    if isinstance(files, HeldOut):
        # Only which images these are about is read.
        shards, regions = files.shards or source.shards, None
    else:
        shards, regions = source.shards, source.regions
    return questions(source.task, files.annotations, files.split, shards, regions).records


def _refuse_captions_of(test_images: frozenset[str], captions: Captions) -> None:
    for shards, regions in (
        (captions.shards, captions.regions),
        (captions.validation_shards, captions.validation_regions),
    ):
        held_out = sorted(key for key in test_images if ShardSet(shards, regions).has(key))
        if held_out:
            raise ValueError(
                f"captions: {len(held_out)} samples of {shards} are test images of a task, the "
                f"first is {held_out[0]}; make a set without them"
            )


def _recipe(
    together: Together,
    training: Mapping[str, Sequence[Record]],
    start: Path | None,
    base: Recipe | None,
) -> Recipe:
    """The network of `start` or `base`, with the heads and turns of the tasks that are there."""
    init = Init(bert=None)
    if start is not None:
        found = checkpoint.find(start)
        base, init = checkpoint.read(found).recipe, Init(checkpoint=str(found.resolve()))
    if base is None:
        raise ValueError("give --start, a pretrained model, or --recipe, to learn from nothing")
    full = load("twelve_in_one")
    if base.text.tasks < full.text.tasks:
        raise ValueError(f"{base.name} has no task tokens: pretrain `twelve_in_one` instead")
    (stage,) = (stage for stage in full.stages if stage.name == STAGE)
    assert isinstance(stage.tasks, RoundRobin), stage
    tasks = tuple(t for t in stage.tasks.tasks if t.data == OWN or t.data in training)
    used = {name for task in tasks for name in task.asked or ()}
    named = twelve_in_one.with_answers(full, _answers(together, training))
    return dataclasses.replace(
        base,
        name=f"{base.name}-{STAGE}",
        init=init,
        objectives=tuple(o for o in named.objectives if o.name in used),
        stages=(dataclasses.replace(stage, tasks=dataclasses.replace(stage.tasks, tasks=tasks)),),
    )


def _answers(
    together: Together, training: Mapping[str, Sequence[Record]]
) -> dict[str, tuple[str, ...]]:
    """The classes of each answering head, from all data sets that share it."""
    records: dict[tuple[str, str], list[Record]] = {}
    for name, source in together.questions.items():
        records.setdefault((_row(name).head, source.task), []).extend(training[name])
    found: dict[str, dict[str, None]] = {}
    for (head, task), asked in records.items():
        known = [record for record in asked if record.right or record.box]
        if not known:
            raise ValueError(
                f"none of {len(asked)} training questions for {head} says what is right"
            )
        objective = load_task(task).objective(known)
        if isinstance(objective, Answering):
            found.setdefault(head, {}).update(dict.fromkeys(objective.answers))
    return {head: tuple(answers) for head, answers in found.items()}


def _data(together: Together, out: Path) -> StageData:
    def part_of(part: str) -> tuple[StageData, ...]:
        return tuple(
            StageData(
                name=name,
                shards=source.shards,
                regions=source.regions,
                records=out / f"{name}-{part}.jsonl",
            )
            for name, source in together.questions.items()
        )

    captions = together.captions
    held_out = StageData(
        name=STAGE, shards=captions.validation_shards, regions=captions.validation_regions
    )
    return StageData(
        name=STAGE,
        shards=captions.shards,
        regions=captions.regions,
        more=part_of("train"),
        validation=(held_out, *part_of("validation")),
    )


def _row(name: str) -> twelve_in_one.Row:
    return next(row for row in twelve_in_one.TASKS if row.data == name)
