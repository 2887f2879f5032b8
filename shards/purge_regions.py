"""How does a companion set of regions forget samples, and become one of the purged set?"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from filter.tombstones import Tombstones
from shards import switch
from shards.archives import Archives
from shards.manifest import FunnelRow, Manifest, ShardInfo
from shards.region_stats import STAGE, RegionStats, Without, read_stats, with_stats
from shards.stream import regions
from shards.write import write_regions_shard


def of_sets(
    folders: Sequence[Path],
    stones: Tombstones,
    before: Manifest,
    after: Manifest,
    more_keys: frozenset[str],
    dry_run: bool,
) -> tuple[tuple[Path, int], ...]:
    """Purges every companion; returns each with how many regions went, or would go.

    What is said of images without regions goes with their samples. The funnel of a companion tells
    of the set as it is, so it counts those no longer (that of a set of samples stays).
    """
    keys = stones.keys | more_keys
    # A companion of any version before this one is one of this version once the keys are gone.
    lineage = {before.digest, *(stone.digest for stone in stones.stones if stone.digest)}
    return tuple((folder, _of_set(folder, keys, lineage, after, dry_run)) for folder in folders)


def _of_set(
    folder: Path, keys: frozenset[str], lineage: set[str], after: Manifest, dry_run: bool
) -> int:
    archives = Archives(folder, kind="regions")
    if dry_run:
        return sum(map(len, _gone(archives, keys).values()))
    with switch.locked(archives.folder):
        switch.finish(archives.folder)
        archives = Archives(folder, kind="regions")
        made = _made(archives, keys, lineage, after)
        if made is None:
            return 0
        switch.switch(archives.folder, made)
        return archives.manifest.n_samples - made.n_samples


def _made(
    archives: Archives, keys: frozenset[str], lineage: set[str], after: Manifest
) -> Manifest | None:
    """The new manifest, once its files are written aside; None when nothing changes."""
    old, info = archives.manifest, archives.manifest.regions
    assert info is not None, archives.folder
    sources: dict[str, str] = {}
    if info.source_digest in {*lineage, after.digest}:
        info = replace(info, source_digest=after.digest)
        sources = {shard.stem: shard.sha256 for shard in after.shards}
    gone, said = _gone(archives, keys), _said(archives)
    left = {
        number: _left(one, keys, sources.get(old.shards[number].stem, one.source_sha256))
        for number, one in said.items()
    }
    touched = gone.keys() | {number for number in said if left[number] != said[number]}
    if not touched and info == old.regions:
        return None
    version = old.tombstone_version + 1
    waiting = switch.prepare(archives.folder, version)
    shards = list(old.shards)
    for number in sorted(touched):
        some = gone.get(number, set())
        shards[number] = _written(waiting, archives, number, some, left.get(number))
    n_gone = sum(map(len, gone.values()))
    forgotten = [one for stats in said.values() for one in stats.missing if one.key in keys]
    return replace(
        old,
        shards=tuple(shards),
        seen=old.seen - n_gone - len(forgotten),
        kept=old.kept - n_gone,
        funnel=_less(old.funnel, forgotten),
        regions=info,
        tombstone_version=version,
    )


def _gone(archives: Archives, keys: frozenset[str]) -> dict[int, set[str]]:
    """Which keys go from which shard."""
    gone: dict[int, set[str]] = {}
    for key in sorted(keys):
        place = archives.find(key)
        if place is not None:
            gone.setdefault(archives.locate(place)[0], set()).add(key)
    return dict(sorted(gone.items()))


def _said(archives: Archives) -> dict[int, RegionStats]:
    """What lies beside each shard that has anything beside it."""
    found = {n: read_stats(archives, n) for n in range(len(archives.manifest.shards))}
    return {number: stats for number, stats in found.items() if stats is not None}


def _left(stats: RegionStats, keys: frozenset[str], source_sha256: str) -> RegionStats:
    """What may still be said; the archive of samples has changed, too."""
    missing = tuple(one for one in stats.missing if one.key not in keys)
    return replace(stats, source_sha256=source_sha256, missing=missing)


def _written(
    waiting: Path,
    archives: Archives,
    number: int,
    gone: set[str],
    stats: RegionStats | None,
) -> ShardInfo:
    """The info of a shard whose archive, or what lies beside it, is written anew to `waiting`."""
    info = archives.manifest.shards[number]
    if gone:
        left = (one for one in regions(archives, [number]) if one[0] not in gone)
        info = write_regions_shard(waiting, info.stem, left)
    if stats is None:
        return info
    return with_stats(
        waiting,
        info,
        detector=stats.detector,
        detector_sha256=stats.detector_sha256,
        source_sha256=stats.source_sha256,
        missing=stats.missing,
    )


def _less(funnel: Sequence[FunnelRow], forgotten: Iterable[Without]) -> tuple[FunnelRow, ...]:
    """A funnel without what was forgotten."""
    counts: Mapping[str, int] = Counter(one.reason for one in forgotten)
    left = [
        replace(row, count=row.count - counts[row.reason]) if row.stage == STAGE else row
        for row in funnel
    ]
    return tuple(row for row in left if row.count)
