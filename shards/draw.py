"""Which samples of a set make up a random part of it, the same one every time?"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from shards.config import DrawConfig
from shards.derive import Progress, claim, count_keys, derived, open_sources, taken_down, write_set
from shards.manifest import FunnelRow, Manifest
from shards.sample import Sample
from shards.stream import keys, samples


def draw(
    folder: Path,
    out: Path,
    config: DrawConfig,
    progress: Progress = lambda _done, _total: None,
) -> Manifest:
    """Writes a random part of the set `folder` to `out`.

    Every sample has a place in line that follows from its key and the seed alone; those in front
    are taken. So a larger part of the same seed contains every smaller one, also when it is drawn
    from a larger set of which `folder` is a part. Memory: 8 bytes a sample of the set.

    Raises ValueError when the set is not finished, smaller than `n`, or when not exactly one of
    `n` and `share` is given.
    """
    if (config.n is None) == (config.share is None):
        raise ValueError("give either --n or --share")
    sources = open_sources([folder])
    plan = derived("sample", config, sources)
    finished = claim(out, plan, sources)
    if finished is not None:
        return finished
    skipped = taken_down(sources, plan)
    n_there, n_skipped = count_keys(sources, skipped)
    n = config.n if config.n is not None else round((config.share or 0.0) * n_there)
    if not 0 < n <= n_there:
        raise ValueError(
            f"--n {n}: {folder} holds {n_there} samples; ask for at least one and at most all"
        )
    last = _last_place((key for key in keys(sources[0]) if key not in skipped), n, config.seed)
    chosen = _front(samples(sources[0]), skipped, n, config.seed, last)
    dropped = [
        FunnelRow(stage="takedown", reason="takedown", count=n_skipped),
        FunnelRow(stage="sample", reason="not_drawn", count=n_there - n),
    ]
    return write_set(out, plan, chosen, n, config.samples_per_shard, lambda: dropped, progress)


def place_in_line(key: str, seed: int) -> int:
    """0..2**64-1, as good as random."""
    return int.from_bytes(hashlib.sha256(f"{seed}\n{key}".encode()).digest()[:8], "big")


def _last_place(keys_there: Iterable[str], n: int, seed: int) -> int:
    """The place of the last one taken."""
    places = np.fromiter((place_in_line(key, seed) for key in keys_there), dtype=np.uint64)
    return int(np.partition(places, n - 1)[n - 1])


def _front(
    stream: Iterable[Sample], skipped: frozenset[str], n: int, seed: int, last: int
) -> Iterator[Sample]:
    for sample in stream:
        # Two samples at one place would be a wonder; then one more than `n` would come.
        if n and sample.key not in skipped and place_in_line(sample.key, seed) <= last:
            n -= 1
            yield sample
