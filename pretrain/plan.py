"""What is a run before it starts, and can it work?"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretrain import stage, track
from pretrain.data import check_regions, data_sizes
from pretrain.plain import canonical, from_plain, to_plain
from pretrain.recipe import Recipe
from pretrain.tasks.records import records_digest
from shards.read import ShardReader


@dataclass(frozen=True, slots=True, kw_only=True)
class StageData:
    """The data of one stage."""

    name: str
    shards: Path
    regions: Path
    records: Path | None = None
    """Questions of a task about these images (`pretrain.tasks.records`); None: pretraining."""


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


def prepare(plan: Plan, n_workers: int) -> None:
    """Look at everything that can be wrong, and claim `out` for this run.

    Raises:
        ValueError: data that is not finished or does not belong together, stages whose widths
            differ, a batch that cannot be dealt out, tombstones that cannot be read, or an `out`
            that holds another run.
    """
    made = [check_regions(data.shards, data.regions) for data in plan.stages]
    sizes = [data_sizes(plan.recipe, regions) for regions in made]
    for data, own in zip(plan.stages, sizes, strict=True):
        if own != sizes[0]:
            raise ValueError(
                f"stage {data.name} has regions of {own.feature_dim} dimensions and {own.classes} "
                f"classes, stage {plan.stages[0].name} of {sizes[0].feature_dim} and "
                f"{sizes[0].classes}: make both with the same detector"
            )
    for part in plan.recipe.stages:
        stage.check(part, n_workers)
    track.check(plan.track)
    claim: dict[str, Any] = {
        "seed": plan.seed,
        "recipe": to_plain(plan.recipe),
        "regions": [regions.digest for regions in made],
        # Only where there are any: a run of an earlier version goes on.
        **({"records": records} if (records := _records(plan)) else {}),
    }
    if plan.tombstones:
        claim["samples"] = [_left(data.shards, plan.tombstones) for data in plan.stages]
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


def _claimed(claim: dict[str, Any]) -> dict[str, Any]:
    """What may not change between two calls; like the number of workers, how they share may."""
    recipe = from_plain(claim["recipe"], Recipe)
    stages = tuple(dataclasses.replace(part, parallel="ddp") for part in recipe.stages)
    return {**claim, "recipe": to_plain(dataclasses.replace(recipe, stages=stages))}


def _left(shards: Path, tombstones: tuple[Path, ...]) -> str:
    """The digest of the samples that tombstones leave."""
    with ShardReader(shards, tombstones=tombstones) as reader:
        return reader.digest


def _records(plan: Plan) -> list[str]:
    return [records_digest(data.records) for data in plan.stages if data.records is not None]


def plan_to_plain(plan: Plan) -> dict[str, Any]:
    """The plan as plain values: workers may run on other machines."""
    return {
        "recipe": to_plain(plan.recipe),
        "stages": [
            (d.name, str(d.shards), str(d.regions), d.records and str(d.records))
            for d in plan.stages
        ],
        "out": str(plan.out),
        "seed": plan.seed,
        "tombstones": [str(path) for path in plan.tombstones],
        "track": list(plan.track),
    }


def plan_from_plain(plain: dict[str, Any]) -> Plan:
    """The plan again."""
    return Plan(
        recipe=from_plain(plain["recipe"], Recipe),
        stages=tuple(
            StageData(
                name=name,
                shards=Path(shards),
                regions=Path(regions),
                records=Path(records) if records else None,
            )
            for name, shards, regions, records in plain["stages"]
        ),
        out=Path(plain["out"]),
        seed=plain["seed"],
        tombstones=tuple(map(Path, plain["tombstones"])),
        track=tuple(plain["track"]),
    )
