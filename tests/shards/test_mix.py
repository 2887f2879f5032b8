"""Are several sets read as often as their weights say, each without repeats, in one order?"""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shards.mix import MixReader
from shards.order import global_batches, order
from shards.read import ShardReader, torch_loader
from shards.sample import Sample


class Few:
    """Stands for a set of `n` samples: no files."""

    def __init__(self, n: int, digest: str) -> None:
        self._n = n
        self.digest = digest

    def __len__(self) -> int:
        return self._n


def mix(sizes: list[int], weights: list[float]) -> MixReader:
    readers = [Few(n, f"{i}" * 64) for i, n in enumerate(sizes)]
    return MixReader(readers, weights)  # type: ignore[arg-type]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    weights=st.lists(st.floats(0.01, 100), min_size=4, max_size=4),
    seed=st.integers(0, 2**31),
)
def test_shares_are_the_weights_and_no_set_repeats_itself_early(
    sizes: list[int], weights: list[float], seed: int
) -> None:
    weights = weights[: len(sizes)]
    mixed = mix(sizes, weights)
    ends = np.cumsum(sizes)
    streams: list[list[int]] = [[] for _ in sizes]
    for epoch in range(3):
        visited = mixed.order(seed, epoch)
        assert len(visited) == len(mixed) == sum(sizes)
        owners = np.searchsorted(ends, visited, side="right")
        for i, weight in enumerate(weights):
            share = int((owners == i).sum())
            assert share == mixed.shares[i]
            assert abs(share - weight / sum(weights) * sum(sizes)) < 1
            streams[i] += visited[owners == i].tolist()
    for i, (stream, size) in enumerate(zip(streams, sizes, strict=True)):
        # Its own epochs, one after another.
        own = [
            int(n) + ends[i] - size
            for epoch in range(-(-len(stream) // size))
            for n in order(seed, epoch, f"{i}" * 64, size)
        ]
        assert stream == own[: len(stream)]


def test_the_order_is_this_one_for_ever() -> None:
    """Pinned: a change would silently reorder every run that resumes."""
    mixed = mix([3, 5], [1, 3])
    assert mixed.shares == [2, 6]
    assert mixed.order(0, 0).tolist() == PINNED[0]
    assert mixed.order(0, 1).tolist() == PINNED[1]


PINNED = [[4, 6, 5, 2, 0, 3, 7, 4], [6, 1, 5, 3, 1, 7, 7, 6]]


def test_everything_counts_for_the_order() -> None:
    digests = {
        mix([3, 5], [1, 3]).digest,
        mix([3, 5], [1, 2]).digest,
        mix([3], [1]).digest,
        MixReader([Few(3, "x"), Few(5, "y")], [1, 3]).digest,  # type: ignore[list-item]
        MixReader([Few(5, "y"), Few(3, "x")], [3, 1]).digest,  # type: ignore[list-item]
    }
    assert len(digests) == 5
    assert mix([3, 5], [1, 3]).digest == mix([3, 5], [2.0, 6.0]).digest
    orders = [mix([30, 50], [1, 3]).order(seed, 0).tolist() for seed in (0, 1)]
    assert orders[0] != orders[1]


@pytest.mark.parametrize(
    ("sizes", "weights", "match"),
    [
        ([3, 5], [1], "2 sets and 1 weights"),
        ([], [], "0 sets"),
        ([3, 5], [1, 0], "positive"),
        ([3, 5], [1, float("nan")], "positive"),
        ([3, 5], [1, float("inf")], "positive"),
        ([3, 0], [1, 1], "none is empty"),
    ],
)
def test_impossible_mixes_are_refused(sizes, weights, match) -> None:
    with pytest.raises(ValueError, match=match):
        mix(sizes, weights)


def keys_of(samples: list[Sample]) -> list[str]:
    return [sample.key for sample in samples]


def test_a_mix_resumes_at_another_world_size(tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path / "a", make_samples(9))
    make_set(tmp_path / "b", make_samples(14, seed=1))
    with MixReader([ShardReader(tmp_path / "a"), ShardReader(tmp_path / "b")], [2, 1]) as reader:

        def run(position, world_size: int, n_workers: int, n_steps: int):
            ranks = [
                iter(
                    torch_loader(
                        reader,
                        keys_of,
                        position=position,
                        rank=rank,
                        world_size=world_size,
                        batch_size_per_rank=2,
                        n_workers=n_workers,
                    )
                )
                for rank in range(world_size)
            ]
            keys = []
            for _ in range(n_steps):
                for rank in ranks:
                    batch = next(rank)
                    keys += batch.value
                position = batch.position
            return keys, position

        expected, end = run(reader.start(seed=1), 1, 0, 24)
        first, position = run(reader.start(seed=1), 3, 1, 4)
        then, position = run(position, 2, 0, 3)
        last, position = run(position, 1, 2, 6)
        assert first + then + last == expected
        assert position == end
        numbers = np.concatenate([reader.order(1, epoch) for epoch in range(3)])[:48]
        assert [reader.sample(int(i)).key for i in numbers] == expected
        with pytest.raises(IndexError):
            reader.sample(23)


def test_a_position_of_another_mix_is_refused() -> None:
    mixed, other = mix([3, 5], [1, 3]), mix([3, 5], [1, 2])
    with pytest.raises(ValueError, match="belongs to the shard set"):
        global_batches(
            n_samples=len(mixed),
            manifest_digest=mixed.digest,
            position=other.start(0),
            rank=0,
            world_size=1,
            batch_size_per_rank=1,
            visit=mixed.order,
        )
