"""How do region features follow samples that were merged, drawn or cut anew?"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from shards.archives import Archives
from shards.aside import publish_bytes
from shards.derive import Progress, claimed, source_info
from shards.manifest import (
    Manifest,
    RegionsInfo,
    ShardInfo,
    begin,
    code_version,
    write_manifest,
)
from shards.stream import keys, read_regions
from shards.write import write_regions_shard


def follow(
    folder: Path,
    companions: Sequence[Path],
    out: Path,
    progress: Progress = lambda _done, _total: None,
) -> Manifest:
    """Writes to `out` the regions of exactly the samples of `folder`, taken from `companions`.

    A key is a hash of the image and regions depend on nothing but the image and the detector, so
    those of any set that held the image will do. Nothing is detected anew.

    Raises ValueError when the companions are of different detectors, when none of them has the
    regions of a sample (it is named), or when `out` holds something else.
    """
    source = Archives(folder, kind="samples")
    opened = [Archives(one, kind="regions") for one in companions]
    opened.sort(key=lambda one: one.manifest.digest)
    info = replace(_common(opened, companions), source_digest=source.manifest.digest)
    origins = tuple(source_info(one.manifest) for one in opened)
    folders = [source.folder, *(one.folder for one in opened)]
    finished = claimed(out, folders, lambda made: (made.regions, made.sources) == (info, origins))
    if finished is not None:
        return finished
    begin(out)
    shards: list[ShardInfo] = []
    done = 0
    for number, shard in enumerate(source.manifest.shards):
        written = write_regions_shard(out, shard.stem, _regions(source, number, opened))
        companion = publish_bytes(
            out / f"{shard.stem}_stats.json", stats(written, shard.sha256, info.detector)
        )
        shards.append(replace(written, companions=(companion,)))
        for one in opened:
            one.forget_all()
        done += shard.n_samples
        progress(done, len(source))
    manifest = Manifest(
        kind="regions",
        config_hash=hashlib.sha256(info.detector.encode()).hexdigest(),
        code_version=code_version(),
        shards=tuple(shards),
        seen=done,
        kept=done,
        regions=info,
        sources=origins,
    )
    write_manifest(out, manifest)
    return manifest


def stats(info: ShardInfo, source_sha256: str, detector: str) -> bytes:
    """What lies beside a shard of regions; `lait regions` recognises a finished shard by it."""
    found = {
        "detector": detector,
        "n_samples": info.n_samples,
        "first_key": info.first_key,
        "last_key": info.last_key,
        "source_sha256": source_sha256,
        "sha256": info.sha256,
    }
    return json.dumps(found).encode()


def _common(opened: Sequence[Archives], named: Sequence[Path]) -> RegionsInfo:
    found = [replace(_info(one), source_digest="") for one in opened]
    if not found:
        raise ValueError("name at least one set of regions")
    if any(one != found[0] for one in found):
        detectors = ", ".join(sorted({one.detector for one in found}))
        raise ValueError(
            f"{', '.join(map(str, named))}: regions of different detectors or classes "
            f"({detectors}) do not go into one set; make them again with one detector"
        )
    return found[0]


def _info(archives: Archives) -> RegionsInfo:
    info = archives.manifest.regions
    if info is None:
        raise ValueError(f"{archives.folder} does not say which detector made it: make it again")
    return info


def _regions(
    source: Archives, number: int, opened: Sequence[Archives]
) -> Iterator[tuple[str, bytes]]:
    for key in keys(source, [number]):
        found = next((one for one in opened if one.find(key) is not None), None)
        if found is None:
            raise ValueError(
                f"none of the companions has regions for sample {key}: make the set of regions "
                f"with `lait regions {source.folder}`"
            )
        yield key, read_regions(found, key)
