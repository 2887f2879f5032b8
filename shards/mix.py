"""In which order are several sets read together, each as often as its weight says?

An epoch of a mix has as many samples as all its sets together. Each set gets its share of them, in
whole samples, and gives them from an endless stream of its own: its epochs one after another, so
that it repeats no sample before it has given all. Which places of the epoch belong to which set is
a shuffle. All of it follows from seed, epoch, the sets' digests and the weights:

    places   b a a b a ...     a shuffle of the shares
    set a      7 2   9 ...     its own epoch 0, then 1, ...
    set b    3     0   ...
"""

import hashlib
import json
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Self

import numpy as np
from numpy.typing import NDArray

from shards.order import Position, order
from shards.read import ShardReader
from shards.sample import Sample


class MixReader:
    """Several sets as one; samples are numbered set after set, in the order given.

    As a `ShardReader`, for `torch_loader` and `global_batches(visit=mix.order)`; its positions are
    those of this mix and no other.
    """

    def __init__(self, readers: Sequence[ShardReader], weights: Sequence[float]) -> None:
        """`weights` are shares of the samples read; only their ratios count.

        Raises ValueError when a set is empty or given twice, or a weight is not a positive number.
        """
        if len(readers) != len(weights) or not readers:
            raise ValueError(f"{len(readers)} sets and {len(weights)} weights: give one for each")
        if any(not (math.isfinite(weight) and weight > 0) for weight in weights):
            raise ValueError(f"weights {list(weights)} must be positive numbers")
        self._readers = tuple(readers)
        self._sizes = [len(reader) for reader in readers]
        self._digests = [reader.digest for reader in readers]
        if 0 in self._sizes or len(set(self._digests)) < len(readers):
            raise ValueError("a mix is of sets that differ, and of which none is empty")
        total = sum(map(Fraction, weights))
        exact = [Fraction(weight) / total for weight in weights]
        self.shares = _shares(exact, sum(self._sizes))
        """Samples of each set in an epoch."""
        said = {"sets": self._digests, "weights": [str(one) for one in exact]}
        self.digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        """Of the sets, their order and weights."""

    def __len__(self) -> int:
        return sum(self._sizes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self._readers:
            reader.close()

    def start(self, seed: int) -> Position:
        """The position in which a new run begins."""
        return Position(manifest_digest=self.digest, seed=seed)

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """The numbers of the samples [len(self)] in which an epoch visits the mix."""
        places = order(seed, epoch, self.digest, len(self))
        mixed = np.empty(len(self), dtype=np.int64)
        first_place = first_sample = 0
        for share, size, digest in zip(self.shares, self._sizes, self._digests, strict=True):
            mine = (places >= first_place) & (places < first_place + share)
            mixed[mine] = first_sample + _stream(seed, digest, size, epoch * share, share)
            first_place += share
            first_sample += size
        return mixed

    def sample(self, i: int) -> Sample:
        """Sample number `i`. Raises IndexError beyond the end, and as `ShardReader.sample`."""
        left = i
        for reader, size in zip(self._readers, self._sizes, strict=True):
            if 0 <= left < size:
                return reader.sample(left)
            left -= size
        raise IndexError(f"sample {i} of {len(self)}")


def _shares(exact: Sequence[Fraction], n_samples: int) -> list[int]:
    """Whole numbers that add up to `n_samples` (largest remainders; the first of equal ones)."""
    shares = [math.floor(one * n_samples) for one in exact]
    remainders = [one * n_samples - share for one, share in zip(exact, shares, strict=True)]
    by_remainder = sorted(range(len(exact)), key=lambda i: (-remainders[i], i))
    for i in by_remainder[: n_samples - sum(shares)]:
        shares[i] += 1
    return shares


def _stream(seed: int, digest: str, size: int, start: int, length: int) -> NDArray[np.int64]:
    """A piece of the endless stream of one set."""
    pieces = [np.empty(0, dtype=np.int64)]
    while length > 0:
        epoch, offset = divmod(start, size)
        piece = order(seed, epoch, digest, size)[offset : offset + length]
        pieces.append(piece)
        start += len(piece)
        length -= len(piece)
    return np.concatenate(pieces)
