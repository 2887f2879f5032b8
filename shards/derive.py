"""How does a set that is made from finished ones get written, and with which provenance?"""

import hashlib
import heapq
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from filter.tombstones import NAME as TOMBSTONES
from filter.tombstones import TAKEDOWN, Tombstone, Tombstones, read_tombstones, to_bytes
from shards.archives import Archives
from shards.aside import publish_bytes
from shards.card import write_card
from shards.manifest import (
    NAME,
    SHARD_FILE,
    FunnelRow,
    InputInfo,
    Manifest,
    ShardInfo,
    SourceInfo,
    begin,
    code_version,
    read_manifest,
    shard_stem,
    write_manifest,
)
from shards.sample import Sample
from shards.stream import hits, keys
from shards.write import n_shards_for, shard_of, write_shard

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Progress = Callable[[int, int], None]
"""Called with samples done, and in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What is known of a set before it is written."""

    config_hash: str
    sources: tuple[SourceInfo, ...]
    seen: int
    funnel: tuple[FunnelRow, ...]
    """Of the sources, those of equal stage and reason added up."""
    inputs: tuple[InputInfo, ...]
    tombstone_version: int
    stones: tuple[Tombstone, ...]


def open_sources(folders: Sequence[Path]) -> list[Archives]:
    """Finished sets of samples in order of their digests, so that arguments may come in any order.

    Raises ValueError for one that is no such set.
    """
    opened = [Archives(folder, kind="samples") for folder in folders]
    return sorted(opened, key=lambda archives: archives.manifest.digest)


def derived(operation: str, config: BaseModel, sources: Sequence[Archives]) -> Derived:
    """What follows from the sources alone; samples taken down since are in no one's funnel."""
    manifests = [archives.manifest for archives in sources]
    counts: Counter[tuple[str, str]] = Counter()
    for manifest in manifests:
        for row in manifest.funnel:
            counts[row.stage, row.reason] += row.count
        if manifest.kept > manifest.n_samples:
            counts[TAKEDOWN, TAKEDOWN] += manifest.kept - manifest.n_samples
    stones = [stone for archives in sources for stone in read_tombstones(archives.folder)]
    settings = {"operation": operation, "config": config.model_dump(mode="json")}
    return Derived(
        config_hash=hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest(),
        sources=tuple(source_info(manifest) for manifest in manifests),
        seen=sum(manifest.seen for manifest in manifests),
        funnel=tuple(
            FunnelRow(stage=stage, reason=reason, count=count)
            for (stage, reason), count in counts.items()
        ),
        inputs=inputs_of(manifests),
        tombstone_version=max(manifest.tombstone_version for manifest in manifests),
        stones=tuple(stones),
    )


def inputs_of(manifests: Sequence[Manifest]) -> tuple[InputInfo, ...]:
    """What all of them were made from, each file once."""
    found = {one for manifest in manifests for one in manifest.inputs}
    return tuple(sorted(found, key=lambda one: (one.name, one.sha256 or "", one.n_bytes)))


def source_info(manifest: Manifest) -> SourceInfo:
    """A set as those made from it remember it."""
    return SourceInfo(
        digest=manifest.digest,
        config_hash=manifest.config_hash,
        code_version=manifest.code_version,
        n_samples=manifest.n_samples,
        tombstone_version=manifest.tombstone_version,
    )


def taken_down(sources: Sequence[Archives], plan: Derived) -> frozenset[str]:
    """Keys of samples of any source that a tombstone of any source names."""
    stones = Tombstones(plan.stones)
    return frozenset(hit.key for archives in sources for hit in hits(archives, stones))


def claim(out: Path, plan: Derived, sources: Sequence[Archives]) -> Manifest | None:
    """The manifest of `out` when it is this very set, finished; None when it is to be made.

    Raises ValueError when `out` is one of the sources, another finished set or somebody's folder.
    """
    return claimed(
        out,
        [archives.folder for archives in sources],
        lambda manifest: (
            (manifest.config_hash, manifest.sources) == (plan.config_hash, plan.sources)
        ),
    )


def claimed(
    out: Path, sources: Sequence[Path], is_this: Callable[[Manifest], bool]
) -> Manifest | None:
    """As `claim`, for any kind of set."""
    if re.match(r"[a-z][a-z0-9+.-]+:/", str(out)):
        raise ValueError(f"--out {out} must be a folder of this machine; see `lait shards push`")
    if any(out.resolve() in (folder.resolve(), folder.resolve().parent) for folder in sources):
        raise ValueError(f"--out {out} is one of the sets it is made from; give another --out")
    if not out.exists():
        return None
    if not out.is_dir():
        raise ValueError(f"--out {out} is not a folder; give another --out")
    if (out / NAME).is_file():
        manifest = read_manifest(out)
        if is_this(manifest):
            logger.info("%s is finished; nothing to do", out)
            return manifest
        raise ValueError(
            f"--out {out} holds another finished set, or one of other settings; give another "
            "--out, or delete it"
        )
    names = sorted(path.name for path in out.iterdir())
    ours = {"README.md", "croissant.json", TOMBSTONES}
    foreign = [name for name in names if not SHARD_FILE.fullmatch(name) and name not in ours]
    # A card comes after the first shard: a README.md alone is somebody else's.
    if foreign or (names and not any(SHARD_FILE.fullmatch(name) for name in names)):
        raise ValueError(
            f"--out {out} is not empty and not a shard set (it holds {(foreign or names)[0]}); "
            "give another --out"
        )
    return None


def write_set(
    out: Path,
    plan: Derived,
    samples: Iterable[Sample],
    n_samples: int,
    samples_per_shard: int,
    dropped: Callable[[], Sequence[FunnelRow]],
    progress: Progress,
) -> Manifest:
    """Writes `n_samples` that come in key order; their shards are those of a set made at once.

    `dropped` tells afterwards what became of the others. Memory: texts and records of one shard.
    """
    begin(out)
    n_shards = n_shards_for(n_samples, samples_per_shard)
    shards: list[ShardInfo] = []
    done = 0
    for number, some in _by_shard(samples, n_shards):
        info = write_shard(out, shard_stem(number), some)
        shards.append(info)
        done += info.n_samples
        progress(done, n_samples)
    assert done == n_samples, (done, n_samples)
    if plan.stones:
        publish_bytes(out / TOMBSTONES, to_bytes(plan.stones))
    manifest = Manifest(
        config_hash=plan.config_hash,
        code_version=code_version(),
        shards=tuple(shards),
        seen=plan.seen,
        kept=n_samples,
        funnel=with_rows(plan.funnel, dropped()),
        inputs=plan.inputs,
        sources=plan.sources,
        tombstone_version=plan.tombstone_version,
    )
    write_card(out, manifest)
    write_manifest(out, manifest)
    return manifest


def with_rows(funnel: Sequence[FunnelRow], more: Sequence[FunnelRow]) -> tuple[FunnelRow, ...]:
    """A funnel with more rows; those of equal stage and reason are added up, empty ones left."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in (*funnel, *more):
        counts[row.stage, row.reason] += row.count
    return tuple(
        FunnelRow(stage=stage, reason=reason, count=count)
        for (stage, reason), count in counts.items()
        if count
    )


def _by_shard(samples: Iterable[Sample], n_shards: int) -> Iterator[tuple[int, Iterator[Sample]]]:
    """Every shard's samples, also of those that get none; each must be used up before the next."""
    stream = iter(samples)
    first = next(stream, None)

    def of(number: int) -> Iterator[Sample]:
        nonlocal first
        while first is not None and shard_of(first.key, n_shards) == number:
            yield first
            first = next(stream, None)

    for number in range(n_shards):
        yield number, of(number)


def count_keys(sources: Sequence[Archives], skipped: frozenset[str]) -> tuple[int, int]:
    """(distinct keys of all sources that are not skipped, samples that are)."""
    n_keys = n_skipped = 0
    previous = ""
    for key in heapq.merge(*map(keys, sources)):
        if key in skipped:
            n_skipped += 1
        elif key != previous:
            n_keys += 1
        previous = key
    return n_keys, n_skipped
