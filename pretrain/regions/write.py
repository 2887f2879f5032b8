"""How do the regions of a whole shard set get beside it?"""

import hashlib
import json
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch

from pretrain.regions.detector import Detector
from pretrain.regions.npz import to_npz
from pretrain.regions.regions import Regions
from shards.aside import file_info, publish_bytes
from shards.manifest import (
    Manifest,
    RegionsInfo,
    ShardInfo,
    begin,
    code_version,
    read_manifest,
    write_manifest,
)
from shards.read import ShardReader
from shards.write import write_regions_shard

logger = logging.getLogger(__name__)

_IMAGES_PER_CALL = 8


def write_regions(
    shards: Path,
    out: Path,
    *,
    detector: Detector,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Manifest:
    """Write `<key>.regions.npz` for every sample of `shards`, under the same shard names.

    A shard that an earlier, killed run finished is kept when it is of the same detector and the
    same source bytes. The same input gives the same bytes.

    Args:
        shards: A finished sample set.
        out: Folder of the regions; the manifest is written last.
        detector: Called from several threads.
        progress: Called with (images done, images in all).

    Raises:
        ValueError: `shards` is not finished, or an image cannot be decoded.
    """
    with ShardReader(shards) as reader:
        source = reader.manifest
        begin(out)
        written: list[ShardInfo] = []
        first = 0
        for shard in source.shards:
            info = _finished(out, shard, detector.name)
            if info is None:
                info = _write_shard(reader, first, shard, out, detector, progress)
            written.append(info)
            first += shard.n_samples
            progress(first, source.n_samples)
    manifest = Manifest(
        kind="regions",
        config_hash=hashlib.sha256(detector.name.encode()).hexdigest(),
        code_version=code_version(),
        shards=tuple(written),
        seen=source.n_samples,
        kept=source.n_samples,
        regions=RegionsInfo(
            detector=detector.name,
            feature_dim=detector.feature_dim,
            class_names=detector.classes,
            source_digest=source.digest,
        ),
    )
    write_manifest(out, manifest)
    return read_manifest(out)


def _write_shard(
    reader: ShardReader,
    first: int,
    shard: ShardInfo,
    out: Path,
    detector: Detector,
    progress: Callable[[int, int], None],
) -> ShardInfo:
    indices = range(first, first + shard.n_samples)

    def counted() -> Iterator[tuple[str, bytes]]:
        for done, entry in enumerate(_regions(reader, indices, detector), start=first + 1):
            yield entry
            progress(done, len(reader))

    info = write_regions_shard(out, shard.stem, counted())
    stats = _stats(info, shard, detector.name)
    companion = publish_bytes(out / f"{shard.stem}_stats.json", json.dumps(stats).encode())
    return replace(info, companions=(companion,))


def _regions(
    reader: ShardReader, indices: range, detector: Detector
) -> Iterator[tuple[str, bytes]]:
    n_cores, n_threads = os.cpu_count() or 1, torch.get_num_threads()
    waiting: deque[tuple[list[str], Future[list[Regions]]]] = deque()
    # Each thread runs a small batch on one core: convolutions of a few images do not split well.
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(n_cores) as pool:
            for at in range(0, len(indices), _IMAGES_PER_CALL):
                samples = [reader.sample(i) for i in indices[at : at + _IMAGES_PER_CALL]]
                images = [sample.image for sample in samples]
                keys = [sample.key for sample in samples]
                waiting.append((keys, pool.submit(detector.detect, images)))
                # Few calls wait at a time, so a large shard never lies in memory.
                if len(waiting) > 2 * n_cores:
                    yield from _named(*waiting.popleft())
            while waiting:
                yield from _named(*waiting.popleft())
    finally:
        torch.set_num_threads(n_threads)


def _named(keys: list[str], found: Future[list[Regions]]) -> Iterator[tuple[str, bytes]]:
    return zip(keys, map(to_npz, found.result()), strict=True)


def _stats(info: ShardInfo, source: ShardInfo, detector: str) -> dict[str, str | int]:
    return {
        "detector": detector,
        "n_samples": info.n_samples,
        "first_key": info.first_key,
        "last_key": info.last_key,
        "source_sha256": source.sha256,
        "sha256": info.sha256,
    }


def _finished(out: Path, source: ShardInfo, detector: str) -> ShardInfo | None:
    """What an earlier run left under this shard's name, if it is whole and of the same making."""
    archive, stats_file = out / source.name, out / f"{source.stem}_stats.json"
    if not archive.is_file() or not stats_file.is_file():
        return None
    found = file_info(archive, source.name)
    info = ShardInfo(
        name=source.name,
        n_samples=source.n_samples,
        n_bytes=found.n_bytes,
        sha256=found.sha256,
        first_key=source.first_key,
        last_key=source.last_key,
        companions=(file_info(stats_file, stats_file.name),),
    )
    if stats_file.read_bytes() != json.dumps(_stats(info, source, detector)).encode():
        return None
    logger.info("%s is already there", archive)
    return info
