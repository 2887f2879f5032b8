"""Which pairs are judged together, so that no model is judged on a host or image it was taught?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filter.relevance.pairs import PairLine


def fold_of(lines: Sequence[PairLine], n_folds: int, seed: int) -> tuple[NDArray[np.int64], str]:
    """The fold 0..F-1 of every line and what was kept whole: `host` or `image`.

    Lines that share a host or an image share a fold. Without two hosts at least, images are dealt.
    There are fewer folds than asked for when there are fewer hosts.
    """
    for split in ("host", "image"):
        groups = _groups(lines, by_host=split == "host")
        count = max(groups) + 1
        if split == "image" or count > 1:
            return _deal(np.array(groups), min(n_folds, count), seed), split
    raise AssertionError("unreachable")


def _groups(lines: Sequence[PairLine], *, by_host: bool) -> list[int]:
    """A number for every line, equal where host or image is shared, directly or by others."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for line in lines:
        image = root(f"image {line.name}")
        if by_host and line.host is not None:
            parent[image] = root(f"host {line.host}")
    numbers: dict[str, int] = {}
    return [numbers.setdefault(root(f"image {line.name}"), len(numbers)) for line in lines]


def _deal(groups_M: NDArray[np.int64], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Groups, largest first, each to the fold that holds the fewest lines so far."""
    sizes = np.bincount(groups_M)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    fold = np.zeros(len(sizes), dtype=np.int64)
    held = np.zeros(n_folds, dtype=np.int64)
    for group in order.tolist():
        fold[group] = held.argmin()
        held[fold[group]] += sizes[group]
    return fold[groups_M]
