"""What is kept of a run in progress, so that it goes on as if nothing had happened?

    step-000000500-attempt-001/
        network.safetensors      the weights
        optimizer.safetensors    the optimisers' moments, flattened to "<parameter>/<moment>"
        average.safetensors      the averaged weights, where the stage keeps them
        checkpoint.json          recipe, widths, data digests, stage, step, loader positions,
                                 the state of the task plan
        COMPLETE                 written last; a folder without it does not exist for us

All random numbers and the learning rate are functions of seed and step, so these two are their
state. The attempt counts starts of the stage: what a killed writer left is never written over.
"""

import json
import os
import re
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pretrain.average import Average
from pretrain.dual import DualNetwork
from pretrain.moments import moments_of, put_moments
from pretrain.network import Network, build
from pretrain.optimizers import Optimizers
from pretrain.parallel import gathered, shared_like
from pretrain.plain import from_plain
from pretrain.recipe import Recipe
from pretrain.snapshot import Snapshot, from_json, to_json

_NAME = re.compile(r"step-(\d{9})-attempt-(\d{3})")
_MARKER = "COMPLETE"
_AVERAGE = "average.safetensors"


def save(
    folder: Path,
    attempt: int,
    snapshot: Snapshot,
    network: nn.Module,
    optimizer: torch.optim.Optimizer | Optimizers,
    average: Average | None = None,
    *,
    writes: bool = True,
) -> Path:
    """Write a checkpoint under `folder`, its marker last; returns its own folder.

    Where workers hold shares of the network, they all call this at once, and one of them writes.
    """
    path = folder / f"step-{snapshot.step:09d}-attempt-{attempt:03d}"
    weights = gathered(network.state_dict(), keep=writes)
    moments = gathered(moments_of(network, optimizer), keep=writes)
    averaged = gathered(average.weights if average else {}, keep=writes)
    if not writes:
        return path
    path.mkdir(parents=True, exist_ok=False)
    save_file(weights, path / "network.safetensors")
    save_file(moments, path / "optimizer.safetensors")
    if average is not None:
        save_file(averaged, path / _AVERAGE)
    (path / "checkpoint.json").write_text(json.dumps(to_json(snapshot), indent=1) + "\n")
    for file in (*path.iterdir(), path):
        _sync(file)
    (path / _MARKER).touch()
    _sync(path)
    return path


def latest(folder: Path) -> Path | None:
    """The complete checkpoint of the most steps under `folder`, of the latest attempt."""
    complete = [p for p in _numbered(folder) if (p / _MARKER).is_file()]
    return max(complete, key=_number, default=None)


def next_attempt(folder: Path) -> int:
    """One more than any attempt that left a folder, complete or not."""
    return 1 + max((_number(path)[1] for path in _numbered(folder)), default=0)


def prune(folder: Path, *, keep: int) -> None:
    """Remove all but the last `keep` complete checkpoints, and what is older than these."""
    complete = sorted((p for p in _numbered(folder) if (p / _MARKER).is_file()), key=_number)
    for path in _numbered(folder):
        if complete[-keep:] and _number(path) < _number(complete[-keep:][0]):
            (path / _MARKER).unlink(missing_ok=True)  # first: half a folder must not count
            shutil.rmtree(path)


def find(path: Path) -> Path:
    """The checkpoint that a user means: itself, the last of a stage's folder, or of a run's.

    Raises:
        ValueError: no complete checkpoint there.
    """
    if (path / _MARKER).is_file():
        return path
    found = latest(path / "checkpoints")
    run_file = path / "run.json"
    if found is None and run_file.is_file():
        stages = from_plain(json.loads(run_file.read_text())["recipe"], Recipe).stages
        for stage in reversed(stages):
            found = found or latest(path / stage.name / "checkpoints")
    if found is None:
        raise ValueError(f"{path} holds no complete checkpoint of `lait pretrain`")
    return found


def read(path: Path) -> Snapshot:
    """What a complete checkpoint says about itself.

    Raises:
        ValueError: not one of ours, or of another version.
    """
    try:
        plain = json.loads((path / "checkpoint.json").read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a checkpoint of `lait pretrain`: {error}") from error
    return from_json(plain, path)


def load_weights(path: Path, network: nn.Module) -> None:
    """Put a checkpoint's weights into a network of the same recipe and widths."""
    network.load_state_dict(_load(path / "network.safetensors"))


def start_from_checkpoint(network: nn.Module, path: Path) -> None:
    """Begin with a checkpoint's weights; heads that it lacks stay as they are.

    Raises:
        ValueError: it is of another network: names the first weight that differs.
    """
    weights, own = _load(path / "network.safetensors"), network.state_dict()
    for name, tensor in own.items():
        if name not in weights and name.startswith("heads."):
            continue
        if name not in weights or weights[name].shape != tensor.shape:
            there = tuple(weights[name].shape) if name in weights else "nothing"
            raise ValueError(
                f"init.checkpoint={path} does not fit: {name} is {there} there and "
                f"{tuple(tensor.shape)} here"
            )
    network.load_state_dict({n: t for n, t in weights.items() if n in own}, strict=False)


def load_optimizer(
    path: Path, network: nn.Module, optimizer: torch.optim.Optimizer | Optimizers
) -> None:
    """Put a checkpoint's moments into an optimiser of the same recipe, however it is dealt out."""
    put_moments(_load(path / "optimizer.safetensors"), network, optimizer)


def load_average(path: Path, average: Average) -> None:
    """Put a checkpoint's averaged weights into an average of the same network."""
    weights = _load(path / _AVERAGE)
    average.load({name: shared_like(weights[name], own) for name, own in average.weights.items()})


def load_network(path: Path, *, averaged: bool = False) -> tuple[Network, Snapshot]:
    """A trained network of words and regions, ready to be used.

    Args:
        path: Of a complete checkpoint.
        averaged: Take the average of its weights, not the last ones.

    Raises:
        ValueError: not one of ours, a dual encoder, or it holds no average.
    """
    network, snapshot = load_any(path, averaged=averaged)
    if not isinstance(network, Network):
        raise ValueError(f"{path} is a dual encoder, not a network of words and regions")
    return network, snapshot


def load_dual(path: Path, *, averaged: bool = False) -> tuple[DualNetwork, Snapshot]:
    """A trained dual encoder, ready to be used; see `load_network`."""
    network, snapshot = load_any(path, averaged=averaged)
    if not isinstance(network, DualNetwork):
        raise ValueError(f"{path} is of recipe {snapshot.recipe.name}, which is no dual encoder")
    return network, snapshot


def load_any(path: Path, *, averaged: bool = False) -> tuple[Network | DualNetwork, Snapshot]:
    """A trained network of either kind; see `load_network`."""
    snapshot = read(path)
    network = build(snapshot.recipe, snapshot.sizes)
    if averaged:
        if not (path / _AVERAGE).is_file():
            raise ValueError(f"{path} holds no averaged weights: train with stages.*.average set")
        network.load_state_dict(_load(path / _AVERAGE))
        return network.eval(), snapshot
    load_weights(path, network)
    return network.eval(), snapshot


def _load(file: Path) -> dict[str, Tensor]:
    try:
        return dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from error


def _numbered(folder: Path) -> list[Path]:
    return [p for p in folder.glob("step-*") if _NAME.fullmatch(p.name)] if folder.is_dir() else []


def _number(path: Path) -> tuple[int, int]:
    match = _NAME.fullmatch(path.name)
    assert match, path
    return int(match[1]), int(match[2])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
