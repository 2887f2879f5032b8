"""How does a companion set of regions forget samples, and become one of the purged set?"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from filter.tombstones import Tombstones
from shards import switch
from shards.archives import Archives
from shards.aside import publish_bytes
from shards.follow import stats
from shards.manifest import Manifest, ShardInfo
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
    """Purges every companion; returns each with how many of its samples went, or would go."""
    keys = stones.keys | more_keys
    # A companion of any version before this one is one of this version once the keys are gone.
    lineage = {before.digest, *(stone.digest for stone in stones.stones if stone.digest)}
    return tuple(
        (folder, _of_set(folder, keys, lineage, before, after, dry_run)) for folder in folders
    )


def _of_set(
    folder: Path,
    keys: frozenset[str],
    lineage: set[str],
    before: Manifest,
    after: Manifest,
    dry_run: bool,
) -> int:
    archives = Archives(folder, kind="regions")
    if dry_run:
        return sum(map(len, _gone(archives, keys).values()))
    with switch.locked(archives.folder):
        switch.finish(archives.folder)
        archives = Archives(folder, kind="regions")
        gone, info = _gone(archives, keys), archives.manifest.regions
        assert info is not None, folder
        if info.source_digest in lineage:
            info = replace(info, source_digest=after.digest)
        if not gone and info == archives.manifest.regions:
            return 0
        version = archives.manifest.tombstone_version + 1
        waiting = switch.prepare(archives.folder, version)
        shards = list(archives.manifest.shards)
        for number, some in gone.items():
            left = (one for one in regions(archives, [number]) if one[0] not in some)
            written = write_regions_shard(waiting, shards[number].stem, left)
            shards[number] = _with_stats(waiting, archives, number, written, (before, after))
        made = replace(
            archives.manifest, shards=tuple(shards), regions=info, tombstone_version=version
        )
        switch.switch(archives.folder, made)
        return sum(map(len, gone.values()))


def _gone(archives: Archives, keys: frozenset[str]) -> dict[int, set[str]]:
    """Which keys go from which shard."""
    gone: dict[int, set[str]] = {}
    for key in sorted(keys):
        place = archives.find(key)
        if place is not None:
            gone.setdefault(archives.locate(place)[0], set()).add(key)
    return dict(sorted(gone.items()))


def _with_stats(
    waiting: Path,
    archives: Archives,
    number: int,
    written: ShardInfo,
    versions: tuple[Manifest, Manifest],
) -> ShardInfo:
    """The shard's info, with its statistics written anew when it had any."""
    old = archives.manifest.shards[number]
    name = f"{old.stem}_stats.json"
    if not any(companion.name == name for companion in old.companions):
        return written
    said = json.loads((archives.folder / name).read_bytes())
    # Which archive of samples a shard of regions was made from: that one has changed, too.
    sources = {
        one.sha256: other.sha256
        for one, other in zip(*(version.shards for version in versions), strict=True)
    }
    source = sources.get(said["source_sha256"], said["source_sha256"])
    data = stats(written, source, said["detector"])
    return replace(written, companions=(publish_bytes(waiting / name, data),))
