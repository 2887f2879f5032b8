"""How is a model fine-tuned on a task's questions, from the files as they are published?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pretrain.finetune import for_task
from pretrain.plan import StageData
from pretrain.recipe import Recipe, with_settings
from pretrain.tasks.answer import load_task
from pretrain.tasks.mask_token import asked_by_mask
from pretrain.tasks.records import Found, find_images, write_records

Head = Literal["pair", "mask"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What is needed to fine-tune."""

    recipe: Recipe
    data: StageData
    found: Found
    n_learned: int
    """Of the records found, those that say something that can be learned."""


def questions(
    name: str,
    files: Sequence[Path],
    split: str | None,
    shards: Path,
    regions: Path | None = None,
) -> Found:
    """The records of the files whose images are in the shard set and, if given, have regions.

    Raises:
        ValueError: not the task's files, or none of their images is there.
    """
    found = find_images(load_task(name).read(files, split), shards, regions)
    if not found.records:
        raise ValueError(
            f"--shards {shards} has none of the images of --annotations, or no regions of them; "
            f"the first is {found.first_without or 'not named'}"
        )
    return found


def lesson(
    name: str,
    found: Found,
    *,
    shards: Path,
    regions: Path,
    out: Path,
    start: Path | None = None,
    base: Recipe | None = None,
    head: Head = "pair",
    settings: Mapping[str, Any] | None = None,
) -> Lesson:
    """Write `OUT/records.jsonl` and say how to train on it.

    Args:
        name: The task.
        found: From `questions`.
        shards: The images.
        regions: Of these shards.
        out: Folder of the run.
        start: A pretrained model.
        base: Where there is no `start`: the recipe whose network learns from nothing.
        head: What it looks at: the pair's vector, or a [MASK] at the end of the question.
        settings: Fields of the recipe, e.g. `{"stages.vqa.epochs": 10.0}`.

    Raises:
        ValueError: no record says what is right, `out` holds another run, or a `head` that the task
            has not.
    """
    task = load_task(name)
    known = [record for record in found.records if record.right or record.box]
    if not known:
        raise ValueError(f"--annotations: none of {len(found.records)} records says what is right")
    objective = task.objective(known)
    learned = [record for record in known if objective.knows(record)]
    recipe = for_task(start, base, objective, task.STAGE)
    if head == "mask":
        recipe = asked_by_mask(recipe)
    recipe = with_settings(recipe, settings or {})
    write_records(out / "records.jsonl", learned)
    data = StageData(
        name=task.STAGE.name, shards=shards, regions=regions, records=out / "records.jsonl"
    )
    return Lesson(recipe=recipe, data=data, found=found, n_learned=len(learned))
