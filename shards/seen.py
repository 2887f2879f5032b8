"""Which checkpoints were trained on a sample that has since been taken down?"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from filter.tombstones import Tombstone
from shards.order import order

_FILE = "checkpoint.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint whose training set held the sample."""

    path: Path
    stage: str
    step: int
    n_seen: int
    """Of the samples asked for, those that training had come to."""
    n_held: int
    """Those that its set, or that of a checkpoint it began with, held at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What a checkpoint says of itself."""

    path: Path
    stage: str
    step: int
    digest: str
    """Of the manifest of its shard set."""
    order: str
    """Digest that the order of its samples follows from."""
    seed: int
    epoch: int
    samples_seen: int
    stages: tuple[str, ...]
    """Of the recipe, in order."""
    init: str
    """The checkpoint that the first stage began with, or ''."""


def checkpoints(folder: Path, stones: Sequence[Tombstone]) -> list[Checkpoint]:
    """The checkpoints anywhere under `folder` whose sets held samples of these tombstones.

    The order of an epoch is known, so it is known how far a run had come; a stage counts what the
    stages before it saw, as far as their checkpoints are still there, and what the checkpoint saw
    that the run began with. Raises ValueError when `folder` is none, or a checkpoint cannot be
    read.
    """
    if not folder.is_dir():
        raise ValueError(f"--checkpoints {folder} is not a folder")
    asked = [stone for stone in stones if stone.digest]
    found = []
    for file in sorted(folder.rglob(_FILE)):
        ancestors = list(_lineage(_state(file), set()))
        held = {stone.value for stone in asked if stone.digest in {one.digest for one in ancestors}}
        seen = {stone.value for stone in asked if any(_saw(one, stone) for one in ancestors)}
        if held:
            found.append(
                Checkpoint(
                    path=file.parent,
                    stage=ancestors[0].stage,
                    step=ancestors[0].step,
                    n_seen=len(seen),
                    n_held=len(held),
                )
            )
    return found


def _lineage(state: _State, known: set[Path]) -> Iterator[_State]:
    """The checkpoint, and those whose weights it goes back to."""
    if state.path in known:
        return
    known.add(state.path)
    yield state
    # <run>/<stage>/checkpoints/<checkpoint>
    run = state.path.parents[2] if len(state.path.parents) > 2 else state.path
    before = state.stages[: state.stages.index(state.stage)] if state.stage in state.stages else ()
    for stage in before:
        for file in sorted((run / stage / "checkpoints").glob(f"*/{_FILE}")):
            yield from _lineage(_state(file), known)
    # As `lait pretrain` takes it: a checkpoint, a stage of a run, or a run.
    for file in sorted(Path(state.init).rglob(_FILE)) if state.init else ():
        yield from _lineage(_state(file), known)


def _saw(state: _State, stone: Tombstone) -> bool:
    if state.digest != stone.digest:
        return False
    if state.epoch > 0:
        return True
    if state.order != state.digest:
        # It left out what other tombstones named, in an order of its own: it may have come to it.
        return state.samples_seen > 0
    places = _places(state.seed, state.digest, stone.n_samples)
    return bool(places[stone.index] < state.samples_seen)


@lru_cache(maxsize=4)
def _places(seed: int, digest: str, n_samples: int) -> Any:
    """When the first epoch comes to each sample, [n_samples]."""
    places = np.empty(n_samples, dtype=np.int64)
    places[order(seed, 0, digest, n_samples)] = np.arange(n_samples)
    return places


def _state(file: Path) -> _State:
    try:
        plain = json.loads(file.read_bytes())
        position, recipe = plain["position"], plain.get("recipe", {})
        return _State(
            path=file.parent.resolve(),
            stage=plain["stage"],
            step=plain["step"],
            digest=plain["shards_digest"],
            order=position["manifest_digest"],
            seed=position["seed"],
            epoch=position["epoch"],
            samples_seen=position["samples_seen"],
            stages=tuple(stage["name"] for stage in recipe.get("stages", ())),
            init=(recipe.get("init") or {}).get("checkpoint") or "",
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} is not a checkpoint of `lait pretrain`: {error!r}") from error
