"""What is a run before it starts, and can it work?"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretrain import stage, track
from pretrain.data import check_regions, data_sizes
from pretrain.objectives.contrastive import Contrastive
from pretrain.plain import canonical, from_plain, to_plain
from pretrain.recipe import Recipe
from pretrain.tasks.records import records_digest
from pretrain.text_set import NAME as TEXT
from shards.manifest import Manifest, read_manifest
from shards.read import ShardReader


@dataclass(frozen=True, slots=True, kw_only=True)
class StageData:
    """The data of one stage."""

    name: str
    shards: Path
    regions: Path | None
    """None: of a recipe that looks at pixels alone."""
    records: Path | None = None
    """Questions of a task about these images (`pretrain.tasks.records`); None: pretraining."""
    text: Path | None = None
    """A file of text alone: what the stage's task plan calls `text`."""
    more: tuple["StageData", ...] = ()
    """Other data sets, by the names that the stage's task plan has for them."""
    validation: tuple["StageData", ...] = ()
    """What stop-and-go listens to, by the same names; of the stage's own set, by the stage's."""

    @property
    def all(self) -> tuple["StageData", ...]:
        """Itself and all that is read beside it."""
        return (self, *self.more, *self.validation)

    def resolved(self) -> "StageData":
        """With absolute paths."""
        return dataclasses.replace(
            self,
            shards=self.shards.resolve(),
            regions=self.regions and self.regions.resolve(),
            records=self.records and self.records.resolve(),
            text=self.text and self.text.resolve(),
            more=tuple(data.resolved() for data in self.more),
            validation=tuple(data.resolved() for data in self.validation),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run, before anything is started."""

    recipe: Recipe
    """Its stages are those of `stages`, in order."""
    stages: tuple[StageData, ...]
    out: Path
    seed: int
    tombstones: tuple[Path, ...] = ()
    """Files that name samples which no stage reads."""
    track: tuple[str, ...] = ()
    """Who is told the metrics, see `pretrain.track`."""

    def regions_of(self, data: StageData) -> Manifest | None:
        """The regions that the recipe looks at; None: it looks at pixels alone.

        Raises:
            ValueError: they are missing, not finished, or not of these shards.
        """
        if self.recipe.towers is not None:
            return None
        if data.regions is None:
            raise ValueError(
                f"stage {data.name} has no regions: make them with `lait regions {data.shards} "
                f"--out DIR` and give --regions {data.name}=DIR"
            )
        return check_regions(data.shards, data.regions)


def prepare(plan: Plan, n_workers: int) -> None:
    """Look at everything that can be wrong, and claim `out` for this run.

    Raises:
        ValueError: data that is not finished or does not belong together, stages whose widths
            differ, a batch that cannot be dealt out, tombstones that cannot be read, or an `out`
            that holds another run.
    """
    track.check(plan.track)
    every = [data for part in plan.stages for data in part.all]
    made = [plan.regions_of(data) for data in every]
    sizes = [data_sizes(plan.recipe, regions) for regions in made]
    for data, own in zip(every, sizes, strict=True):
        if own != sizes[0]:
            raise ValueError(
                f"stage {data.name} has regions of {own.feature_dim} dimensions and {own.classes} "
                f"classes, stage {plan.stages[0].name} of {sizes[0].feature_dim} and "
                f"{sizes[0].classes}: make both with the same detector"
            )
    _check_kind(plan.recipe)
    for part, data in zip(plan.recipe.stages, plan.stages, strict=True):
        if any(task.data == TEXT for task in part.tasks.tasks) != (data.text is not None):
            raise ValueError(
                f"stage {part.name} "
                + (
                    f"mixes in no text: leave out --text {part.name}={data.text}"
                    if data.text
                    else f"mixes in text: give --text {part.name}=FILE"
                )
            )
    for part in plan.recipe.stages:
        stage.check(part, n_workers)
    claim: dict[str, Any] = {
        "seed": plan.seed,
        "recipe": to_plain(plan.recipe),
        "regions": [regions.digest for regions in made if regions],
        # Only where there are any: a run of an earlier version goes on.
        **({"records": records} if (records := _records(every)) else {}),
    }
    if plan.recipe.towers is not None:
        claim["shards"] = [read_manifest(data.shards).digest for data in every]
    if any(data.text for data in plan.stages):
        claim["texts"] = [data.text and _digest(data.text) for data in plan.stages]
    if plan.tombstones:
        claim["samples"] = [_left(data.shards, plan.tombstones) for data in every]
    run_file = plan.out / "run.json"
    if run_file.is_file():
        if canonical(_claimed(json.loads(run_file.read_text()))) != canonical(_claimed(claim)):
            raise ValueError(
                f"{plan.out} holds a run of other settings or data: choose another --out, "
                "or remove it to start anew"
            )
        return
    plan.out.mkdir(parents=True, exist_ok=True)
    run_file.write_text(json.dumps(claim, indent=1) + "\n")


def _check_kind(recipe: Recipe) -> None:
    """A dual encoder compares every pair of a step with every other: no worker cuts its share."""
    for objective in recipe.objectives:
        if isinstance(objective, Contrastive) != (recipe.towers is not None):
            kind = "a network of words and regions" if recipe.towers is None else "a dual encoder"
            raise ValueError(f"{recipe.name} is {kind}: objective {objective.name} is not for it")
    for part in recipe.stages if recipe.towers else ():
        if part.micro_batches > 1 or part.parallel != "ddp":
            raise ValueError(
                f"stages.{part.name}: a dual encoder needs micro_batches=1 and parallel=ddp, not "
                f"{part.micro_batches} and {part.parallel}"
            )


def _claimed(claim: dict[str, Any]) -> dict[str, Any]:
    """What may not change between two calls; like the number of workers, how they share may."""
    recipe = from_plain(claim["recipe"], Recipe)
    stages = tuple(dataclasses.replace(part, parallel="ddp") for part in recipe.stages)
    return {**claim, "recipe": to_plain(dataclasses.replace(recipe, stages=stages))}


def _left(shards: Path, tombstones: tuple[Path, ...]) -> str:
    """The digest of the samples that tombstones leave."""
    with ShardReader(shards, tombstones=tombstones) as reader:
        return reader.digest


def _digest(text: Path) -> str:
    try:
        with text.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"text corpus {text} cannot be read: {error}") from error


def _records(every: Sequence[StageData]) -> list[str]:
    return [records_digest(data.records) for data in every if data.records is not None]


def plan_to_plain(plan: Plan) -> dict[str, Any]:
    """The plan as plain values: workers may run on other machines."""
    return {
        "recipe": to_plain(plan.recipe),
        "stages": [_data_to_plain(data) for data in plan.stages],
        "out": str(plan.out),
        "seed": plan.seed,
        "tombstones": [str(path) for path in plan.tombstones],
        "track": list(plan.track),
    }


def plan_from_plain(plain: dict[str, Any]) -> Plan:
    """The plan again."""
    return Plan(
        recipe=from_plain(plain["recipe"], Recipe),
        stages=tuple(_data_from_plain(data) for data in plain["stages"]),
        out=Path(plain["out"]),
        seed=plain["seed"],
        tombstones=tuple(map(Path, plain["tombstones"])),
        track=tuple(plain["track"]),
    )


def _data_to_plain(data: StageData) -> dict[str, Any]:
    return {
        "name": data.name,
        "shards": str(data.shards),
        "regions": data.regions and str(data.regions),
        "records": data.records and str(data.records),
        "text": data.text and str(data.text),
        "more": [_data_to_plain(other) for other in data.more],
        "validation": [_data_to_plain(other) for other in data.validation],
    }


def _data_from_plain(plain: dict[str, Any]) -> StageData:
    return StageData(
        name=plain["name"],
        shards=Path(plain["shards"]),
        regions=Path(plain["regions"]) if plain["regions"] else None,
        records=Path(plain["records"]) if plain["records"] else None,
        text=Path(plain["text"]) if plain["text"] else None,
        more=tuple(_data_from_plain(other) for other in plain["more"]),
        validation=tuple(_data_from_plain(other) for other in plain["validation"]),
    )
