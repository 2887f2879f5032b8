"""In which order are samples read, whatever the number of readers, and where does a run go on?"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Visit = Callable[[int, int], NDArray[np.int64]]
"""From (seed, epoch) to the sample numbers of that epoch in order."""

# One endless stream for the whole run, cut into global batches, each dealt out in rank order:
#
#   epoch 0: 7 2 9 4 0 | epoch 1: 3 3 ...
#            ├─ batch ─┼─ batch ─┤          a global batch may span two epochs, so none is short
#            │r0 │r1 │
#
# Only the END of the last epoch can leave a short batch; it is dealt out as evenly as possible and
# never padded, so ranks differ by at most one sample and some may get none (an empty array): such a
# rank must still take part in the step.


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a run has come: nothing in it depends on ranks, workers or batch sizes."""

    manifest_digest: str
    """`Manifest.digest` of the set; a position in one set means nothing in another."""
    seed: int = 0
    epoch: int = 0
    samples_seen: int = 0
    """Of this epoch, by all ranks together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalBatch:
    """One rank's share of one step."""

    indices: NDArray[np.int64]
    """[B] sample indices of this rank, in stream order."""
    n_global: int
    """Samples of all ranks in this step."""
    position: Position
    """After this step: what a checkpoint taken after it must hold."""


def order(seed: int, epoch: int, manifest_digest: str, n_samples: int) -> NDArray[np.int64]:
    """The permutation [n_samples] in which an epoch visits the set; a pure function.

    Sorts raw Philox words, whose stream numpy guarantees for ever; `Generator.permutation` may
    change between numpy versions.
    """
    text = f"{seed}\n{epoch}\n{manifest_digest}".encode()
    key = int.from_bytes(hashlib.sha256(text).digest()[:16], "little")
    words = np.random.Philox(key=key).random_raw(n_samples)
    # The low bits of each word make room for its index: no two are equal, so any sorting algorithm
    # gives the same result, and a plain sort is many times faster than argsort.
    low = np.uint64((1 << max(n_samples - 1, 0).bit_length()) - 1)
    words &= ~low
    words |= np.arange(n_samples, dtype=np.uint64)
    words.sort()
    words &= low
    return words.view(np.int64)


def order_in_blocks(
    seed: int, epoch: int, digest: str, shard_sizes: Sequence[int], shards_per_block: int
) -> NDArray[np.int64]:
    """A permutation [sum of sizes] that needs few shards at a time; a pure function.

    Shards are shuffled and put into blocks; the samples of each block are shuffled: so a cache of
    one block's shards is enough.
    """
    starts = np.concatenate(([0], np.cumsum(shard_sizes)))
    shards = order(seed, epoch, f"{digest} shards", len(shard_sizes))
    pieces = [np.empty(0, dtype=np.int64)]
    for number in range(0, len(shards), shards_per_block):
        block = shards[number : number + shards_per_block].tolist()
        there = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in block])
        pieces.append(there[order(seed, epoch, f"{digest} block {number}", len(there))])
    return np.concatenate(pieces)


def global_batches(
    *,
    n_samples: int,
    manifest_digest: str,
    position: Position,
    rank: int,
    world_size: int,
    batch_size_per_rank: int,
    end_epoch: int | None = None,
    visit: Visit | None = None,
) -> Iterator[GlobalBatch]:
    """This rank's batches from `position` on; endless, or up to the end of epoch `end_epoch - 1`.

    All ranks yield equally many batches, and their shares put together in rank order are the same
    sample stream for every world size and batch size. `visit` gives the order of an epoch where it
    is not that of `order`. Raises ValueError for a position of another set or beyond this one, and
    for an empty set.
    """
    if n_samples < 1:
        raise ValueError("the shard set is empty: there is nothing to read")
    if position.manifest_digest != manifest_digest:
        raise ValueError(
            f"the position belongs to the shard set {position.manifest_digest}, this one is "
            f"{manifest_digest}: resume on the set the checkpoint was trained on, or start anew"
        )
    if not 0 <= position.samples_seen < n_samples or position.epoch < 0:
        raise ValueError(f"{position} does not lie in a set of {n_samples} samples")
    if not 0 <= rank < world_size or batch_size_per_rank < 1:
        raise ValueError(f"rank {rank} of {world_size}, batch size {batch_size_per_rank}")
    # Checked now and not at the first batch: hence the inner generator.
    visits = visit or (lambda seed, epoch: order(seed, epoch, manifest_digest, n_samples))
    return _deal(visits, n_samples, position, rank, world_size, batch_size_per_rank, end_epoch)


def _deal(
    visit: Visit,
    n_samples: int,
    position: Position,
    rank: int,
    world_size: int,
    batch_size_per_rank: int,
    end_epoch: int | None,
) -> Iterator[GlobalBatch]:
    size = world_size * batch_size_per_rank
    waiting: list[NDArray[np.int64]] = []
    n_waiting = 0
    while end_epoch is None or position.epoch < end_epoch:
        stream = visit(position.seed, position.epoch)
        while position.samples_seen < n_samples:
            start = position.samples_seen
            piece = stream[start : start + size - n_waiting]
            waiting.append(piece)
            n_waiting += len(piece)
            position = replace(position, samples_seen=start + len(piece))
            if n_waiting == size:
                yield _share(waiting, rank, world_size, _normal(position, n_samples))
                waiting, n_waiting = [], 0
        position = _normal(position, n_samples)
    if waiting:
        yield _share(waiting, rank, world_size, position)


def _normal(position: Position, n_samples: int) -> Position:
    # The end of an epoch and the start of the next are one place, so it has one name.
    if position.samples_seen < n_samples:
        return position
    return replace(position, epoch=position.epoch + 1, samples_seen=0)


def _share(
    pieces: list[NDArray[np.int64]], rank: int, world_size: int, position: Position
) -> GlobalBatch:
    batch = np.concatenate(pieces)
    return GlobalBatch(
        indices=np.array_split(batch, world_size)[rank], n_global=len(batch), position=position
    )
