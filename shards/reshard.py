"""How does a set get larger or smaller shards?"""

from pathlib import Path

from shards.config import ShardsConfig
from shards.derive import Progress, claim, count_keys, derived, open_sources, taken_down, write_set
from shards.manifest import FunnelRow, Manifest
from shards.stream import samples


def reshard(
    folder: Path,
    out: Path,
    config: ShardsConfig,
    progress: Progress = lambda _done, _total: None,
) -> Manifest:
    """Writes the samples of `folder` to `out` in shards of another size.

    The archives are those that making the set in this size at once would have given, byte by byte.
    Raises ValueError when `folder` is not finished or `out` holds something else.
    """
    sources = open_sources([folder])
    plan = derived("reshard", config, sources)
    finished = claim(out, plan, sources)
    if finished is not None:
        return finished
    skipped = taken_down(sources, plan)
    n_samples, n_skipped = count_keys(sources, skipped)
    stream = (sample for sample in samples(sources[0]) if sample.key not in skipped)
    dropped = [FunnelRow(stage="takedown", reason="takedown", count=n_skipped)]
    return write_set(
        out, plan, stream, n_samples, config.samples_per_shard, lambda: dropped, progress
    )
