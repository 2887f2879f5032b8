"""What lies beside a shard of regions: what made it, and which images have none, and why?"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from shards.archives import Archives
from shards.aside import publish_bytes
from shards.manifest import FunnelRow, ShardInfo
from shards.stream import checked

STAGE = "regions"
"""Of the funnel of a set of regions."""


class Without(NamedTuple):
    """An image that has no regions; in the file, a list of these three."""

    key: str
    reason: str
    """What the funnel counts."""
    detail: str
    """What is wrong with this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionStats:
    """The content of `NNNNN_stats.json`; `lait regions` knows a finished shard by it."""

    detector: str
    """For people."""
    detector_sha256: str = ""
    """Of all that the answers depend on beside the images; '' where an earlier lait was silent."""
    n_samples: int
    first_key: str
    last_key: str
    source_sha256: str
    """Of the archive of samples."""
    sha256: str
    """Of this archive."""
    missing: tuple[Without, ...] = ()
    """In key order. With those in the archive they are the images of the source."""

    def to_bytes(self) -> bytes:
        """The same for the same content."""
        return json.dumps(asdict(self)).encode()


def with_stats(
    folder: Path,
    info: ShardInfo,
    *,
    detector: str,
    detector_sha256: str,
    source_sha256: str,
    missing: Iterable[Without],
) -> ShardInfo:
    """Writes what lies beside an archive to `folder`, and returns its info with that."""
    said = RegionStats(
        detector=detector,
        detector_sha256=detector_sha256,
        n_samples=info.n_samples,
        first_key=info.first_key,
        last_key=info.last_key,
        source_sha256=source_sha256,
        sha256=info.sha256,
        missing=tuple(missing),
    )
    return replace(info, companions=(publish_bytes(folder / name_of(info), said.to_bytes()),))


_STATS = TypeAdapter(RegionStats)


def name_of(shard: ShardInfo) -> str:
    """Of the file beside an archive."""
    return f"{shard.stem}_stats.json"


def parse(data: bytes) -> RegionStats:
    """Raises ValueError for what is no such file."""
    return _STATS.validate_json(data)


def read_stats(archives: Archives, number: int) -> RegionStats | None:
    """What lies beside shard `number` of a set of regions; None where the set lists no such file.

    Raises ValueError for a file that is not the manifest's.
    """
    shard = archives.manifest.shards[number]
    for listed in shard.companions:
        if listed.name == name_of(shard):
            return parse(checked(archives.path(listed), listed).read_bytes())
    return None


def funnel(missing: Iterable[Without]) -> tuple[FunnelRow, ...]:
    """How many images have no regions, by reason."""
    counts = Counter(one.reason for one in missing)
    return tuple(
        FunnelRow(stage=STAGE, reason=reason, count=count)
        for reason, count in sorted(counts.items())
    )
