"""Is every sample read once an epoch, in one order, whatever reads and whenever it stops?"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards.order import GlobalBatch, Position, global_batches, order

DIGEST = "d" * 64


def step(
    n_samples: int, position: Position, world_size: int, batch_size: int, end_epoch: int | None
) -> list[GlobalBatch]:
    """The next step, as all ranks see it; empty at the end."""
    batches = [
        next(
            global_batches(
                n_samples=n_samples,
                manifest_digest=DIGEST,
                position=position,
                rank=rank,
                world_size=world_size,
                batch_size_per_rank=batch_size,
                end_epoch=end_epoch,
            ),
            None,
        )
        for rank in range(world_size)
    ]
    assert len({batch is None for batch in batches}) == 1, "all ranks must end together"
    return [batch for batch in batches if batch is not None]


def whole(n_samples: int, n_epochs: int, seed: int = 0) -> list[int]:
    return [int(i) for e in range(n_epochs) for i in order(seed, e, DIGEST, n_samples)]


@given(
    n_samples=st.integers(1, 60),
    n_epochs=st.integers(1, 3),
    seed=st.integers(0, 2**31),
    shapes=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 7)), min_size=1, max_size=6),
)
def test_every_id_once_an_epoch_in_one_order(
    n_samples: int, n_epochs: int, seed: int, shapes: list[tuple[int, int]]
) -> None:
    """Every step stops, and goes on with another number of ranks and another batch size."""
    position, stream, turn = Position(manifest_digest=DIGEST, seed=seed), [], 0
    while True:
        world_size, batch_size = shapes[turn % len(shapes)]
        turn += 1
        shares = step(n_samples, position, world_size, batch_size, n_epochs)
        if not shares:
            break
        ids = [int(i) for share in shares for i in share.indices]
        sizes = [len(share.indices) for share in shares]
        stream += ids
        assert max(sizes) - min(sizes) <= 1
        assert max(sizes) <= batch_size
        assert {share.n_global for share in shares} == {len(ids)}
        # Only the end of the last epoch may leave a short batch.
        assert len(ids) == world_size * batch_size or len(stream) == n_samples * n_epochs
        assert len({share.position for share in shares}) == 1
        position = shares[0].position
        assert position.epoch * n_samples + position.samples_seen == len(stream)
    assert stream == whole(n_samples, n_epochs, seed)
    for epoch in range(n_epochs):
        one = stream[epoch * n_samples : (epoch + 1) * n_samples]
        assert sorted(one) == list(range(n_samples))


@given(
    n_samples=st.integers(1, 40),
    world_size=st.integers(1, 4),
    batch_size=st.integers(1, 5),
    n_steps=st.integers(1, 12),
)
def test_one_pass_is_the_same_as_stopping_after_every_step(
    n_samples: int, world_size: int, batch_size: int, n_steps: int
) -> None:
    position = Position(manifest_digest=DIGEST, seed=3)
    ranks = [
        global_batches(
            n_samples=n_samples,
            manifest_digest=DIGEST,
            position=position,
            rank=rank,
            world_size=world_size,
            batch_size_per_rank=batch_size,
        )
        for rank in range(world_size)
    ]
    for _ in range(n_steps):
        stopped = step(n_samples, position, world_size, batch_size, None)
        running = [next(rank) for rank in ranks]
        assert [s.indices.tolist() for s in stopped] == [r.indices.tolist() for r in running]
        assert [s.position for s in stopped] == [r.position for r in running]
        position = running[0].position


def test_the_order_is_this_one_for_ever() -> None:
    """Pinned: a change would silently reorder every run that resumes."""
    assert order(0, 0, DIGEST, 8).tolist() == PINNED[0]
    assert order(0, 1, DIGEST, 8).tolist() == PINNED[1]
    assert order(0, 0, DIGEST, 0).tolist() == []


PINNED = [[7, 2, 1, 4, 6, 3, 0, 5], [0, 3, 2, 7, 4, 5, 1, 6]]


def test_the_order_depends_on_seed_epoch_and_set() -> None:
    orders = [
        order(0, 0, DIGEST, 500),
        order(1, 0, DIGEST, 500),
        order(0, 1, DIGEST, 500),
        order(0, 0, "e" * 64, 500),
    ]
    assert len({one.tobytes() for one in orders}) == 4
    for one in orders:
        assert sorted(one.tolist()) == list(range(500))
        assert one.dtype == np.int64


def test_the_order_is_a_shuffle() -> None:
    first = [int(order(0, epoch, DIGEST, 10)[0]) for epoch in range(2000)]
    counts = np.bincount(first, minlength=10)
    assert counts.min() > 150
    assert counts.max() < 250


def test_too_few_samples_leave_some_ranks_an_empty_share() -> None:
    shares = step(2, Position(manifest_digest=DIGEST), world_size=4, batch_size=3, end_epoch=1)
    assert [len(share.indices) for share in shares] == [1, 1, 0, 0]
    assert shares[0].position == Position(manifest_digest=DIGEST, epoch=1)


ARGUMENTS = {
    "n_samples": 10,
    "manifest_digest": DIGEST,
    "position": Position(manifest_digest=DIGEST),
    "rank": 0,
    "world_size": 2,
    "batch_size_per_rank": 2,
}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"manifest_digest": "e" * 64}, f"belongs to the shard set {DIGEST}, this one is eee"),
        ({"n_samples": 0}, "empty"),
        ({"position": replace(ARGUMENTS["position"], samples_seen=10)}, "does not lie in a set"),
        ({"position": replace(ARGUMENTS["position"], samples_seen=-1)}, "does not lie in a set"),
        ({"position": replace(ARGUMENTS["position"], epoch=-1)}, "does not lie in a set"),
        ({"rank": 2}, "rank 2 of 2"),
        ({"batch_size_per_rank": 0}, "batch size 0"),
    ],
)
def test_wrong_positions_are_refused_at_once(change: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        global_batches(**ARGUMENTS | change)
