"""Is a torn checkpoint invisible, and a whole one exact?"""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pretrain import checkpoint
from pretrain.data import TrainingSet
from pretrain.network import DataSizes, Network
from pretrain.optim import build_optimizer
from pretrain.recipe import Recipe
from pretrain.snapshot import Snapshot
from shards.order import Position

DIGEST = "0" * 64


@pytest.fixture
def snapshot(tiny: Recipe, sizes: DataSizes) -> Snapshot:
    return Snapshot(
        recipe=tiny,
        sizes=sizes,
        stage="first",
        step=4,
        total_steps=8,
        seed=3,
        position=Position(manifest_digest=DIGEST, seed=3, epoch=1, samples_seen=7),
        shards_digest=DIGEST,
        regions_digest="1" * 64,
    )


@pytest.fixture
def save(
    tmp_path: Path, snapshot: Snapshot, network: Network, tiny: Recipe
) -> Callable[[int, int], Path]:
    optimizer = build_optimizer(network, tiny.stages[0].optim)
    sum(parameter.square().sum() for parameter in network.parameters()).backward()
    optimizer.step()

    def save(step: int, attempt: int) -> Path:
        at = dataclasses.replace(snapshot, step=step)
        return checkpoint.save(tmp_path, attempt, at, network, optimizer)

    return save


def test_everything_comes_back(
    save: Callable[[int, int], Path], snapshot: Snapshot, network: Network, tiny: Recipe
) -> None:
    path = save(4, 1)
    assert path.name == "step-000000004-attempt-001"
    loaded, read = checkpoint.load_network(path)
    assert read == snapshot
    for name, tensor in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    optimizer = build_optimizer(loaded, tiny.stages[0].optim)
    checkpoint.load_optimizer(path, loaded, optimizer)
    moments = optimizer.state[loaded.heads["itm"].weight]
    assert moments["step"] == 1
    assert torch.allclose(moments["exp_avg"], 0.1 * network.heads["itm"].weight.grad)


def test_no_pickle_is_written(save: Callable[[int, int], Path]) -> None:
    names = sorted(file.name for file in save(4, 1).iterdir())
    assert names == ["COMPLETE", "checkpoint.json", "network.safetensors", "optimizer.safetensors"]


@pytest.mark.parametrize("torn", ["COMPLETE", "all"])
def test_a_torn_checkpoint_does_not_exist(
    torn: str, save: Callable[[int, int], Path], tmp_path: Path
) -> None:
    whole, later = save(4, 1), save(8, 1)
    if torn == "all":
        shutil.rmtree(later)
        later.mkdir()
    else:
        (later / torn).unlink()
    assert checkpoint.latest(tmp_path) == whole
    assert checkpoint.next_attempt(tmp_path) == 2
    # The next attempt writes beside what is torn, never into it.
    assert save(8, 2).name == "step-000000008-attempt-002"


def test_the_latest_is_that_of_the_most_steps_then_the_last_attempt(
    save: Callable[[int, int], Path], tmp_path: Path
) -> None:
    assert checkpoint.latest(tmp_path) is None
    assert checkpoint.latest(tmp_path / "nowhere") is None
    save(4, 1)
    save(12, 1)
    last = save(12, 2)
    save(8, 3)
    assert checkpoint.latest(tmp_path) == last


def test_only_the_last_ones_are_kept(save: Callable[[int, int], Path], tmp_path: Path) -> None:
    torn = save(2, 1)
    (torn / "COMPLETE").unlink()
    paths = [save(step, 1) for step in (4, 8, 12)]
    checkpoint.prune(tmp_path, keep=2)
    assert sorted(tmp_path.iterdir()) == paths[1:]


def test_a_user_may_name_checkpoint_stage_or_nothing_right(
    save: Callable[[int, int], Path], tmp_path: Path
) -> None:
    path = save(4, 1)
    assert checkpoint.find(path) == path
    stage = tmp_path / "stage"
    (stage / "checkpoints").mkdir(parents=True)
    moved = path.rename(stage / "checkpoints" / path.name)
    assert checkpoint.find(stage) == moved
    with pytest.raises(ValueError, match="no complete checkpoint"):
        checkpoint.find(tmp_path)


def test_a_damaged_file_is_named(save: Callable[[int, int], Path]) -> None:
    path = save(4, 1)
    (path / "network.safetensors").write_bytes(b"torn")
    with pytest.raises(ValueError, match=r"network\.safetensors"):
        checkpoint.load_network(path)
    (path / "checkpoint.json").write_text('{"schema_version": 99}')
    with pytest.raises(ValueError, match="schema version 99"):
        checkpoint.read(path)
    (path / "checkpoint.json").write_text("{")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        checkpoint.read(path)


def test_a_position_in_other_data_is_refused(
    tiny: Recipe, snapshot: Snapshot, memory_set: Callable[..., TrainingSet]
) -> None:
    from pretrain.loader import Loader

    other = dataclasses.replace(memory_set(16), digest="2" * 64)  # type: ignore[type-var]
    load = Loader(data=other, recipe=tiny, stage=tiny.stages[0], seed=3)
    with pytest.raises(ValueError, match="belongs to the shard set"):
        next(load.steps(4, snapshot.position))
