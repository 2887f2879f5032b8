"""Which pairs are judged together, so that no model is judged on a host or image it was taught?"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filter.relevance.pairs import PairLine


def fold_of(lines: Sequence[PairLine], n_folds: int, seed: int) -> tuple[NDArray[np.int64], str]:
    """The fold 0..F-1 of every line and what was kept whole: `host` or `image`.

    Lines that share a host or an image share a fold. There are fewer folds than asked for when
    there are fewer hosts; images are dealt where hosts would leave a fold without two images, for
    then nothing could be tried with a wrong text.
    """
    hosts = np.array(_groups(lines, by_host=True))
    images = np.array(_groups(lines, by_host=False))
    folds = _deal(hosts, min(n_folds, int(hosts.max()) + 1), seed)
    per_fold = [len(np.unique(images[folds == fold])) for fold in np.unique(folds)]
    if len(per_fold) > 1 and min(per_fold) > 1:
        return folds, "image" if all(line.host is None for line in lines) else "host"
    return _deal(images, min(n_folds, (int(images.max()) + 1) // 2), seed), "image"


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
