"""What does a checkpoint say about itself, beside its tensors?"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pretrain.feed import Place
from pretrain.network import DataSizes
from pretrain.plain import from_plain, to_plain
from pretrain.recipe import Recipe
from pretrain.task_plans.task_plan import PlanState
from shards.order import Position

SCHEMA_VERSION = 1
_SCALARS = ("stage", "step", "total_steps", "seed", "shards_digest", "regions_digest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything of a checkpoint but the tensors."""

    recipe: Recipe
    sizes: DataSizes
    stage: str
    step: int
    """Optimiser steps done in this stage."""
    total_steps: int
    seed: int
    position: Position
    """Of the loader, after `step` steps."""
    shards_digest: str
    regions_digest: str
    places: tuple[Place, ...] = ()
    """Of all loaders, where the stage has more than one."""
    tasks: PlanState = field(default_factory=PlanState)
    """Of the task plan."""

    @property
    def finished(self) -> bool:
        """The stage is through."""
        return self.step >= self.total_steps


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """The content of `checkpoint.json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        **{name: getattr(snapshot, name) for name in _SCALARS},
        "position": asdict(snapshot.position),
        "places": [asdict(place) for place in snapshot.places],
        "tasks": to_plain(snapshot.tasks),
        "sizes": asdict(snapshot.sizes),
        "recipe_digest": snapshot.recipe.digest,
        "recipe": to_plain(snapshot.recipe),
    }


def from_json(plain: dict[str, Any], path: Path) -> Snapshot:
    """What `to_json` made.

    Raises:
        ValueError: not one of ours, or of another version; names `path`, where it was read.
    """
    if plain.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"{path} has schema version {plain.get('schema_version')}, this lait reads "
            f"{SCHEMA_VERSION}: read it with the lait that wrote it"
        )
    return Snapshot(
        recipe=from_plain(plain["recipe"], Recipe),
        sizes=DataSizes(**plain["sizes"]),
        position=Position(**plain["position"]),
        places=tuple(
            Place(data=at["data"], steps=at["steps"], position=Position(**at["position"]))
            for at in plain.get("places", ())
        ),
        tasks=from_plain(plain["tasks"], PlanState) if "tasks" in plain else PlanState(),
        **{name: plain[name] for name in _SCALARS},
    )
