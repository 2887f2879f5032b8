"""How do the regions of a whole shard set get beside it?"""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pretrain.regions.answers import SAMPLES_PER_CALL, LocalWorkers, Workers
from pretrain.regions.detector import Detector, identity
from pretrain.regions.regions import Missing
from shards.aside import file_info, publish_bytes
from shards.manifest import (
    FunnelRow,
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


def write_regions(
    shards: Path,
    out: Path,
    *,
    detector: Detector,
    workers: Workers | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Manifest:
    """Write `<key>.regions.npz` for every sample of `shards`, under the same shard names.

    A sample without regions (a damaged image, one that imported features do not have) is left out,
    counted in the funnel and named, with the reason, in its shard's `_stats.json`. A shard that an
    earlier, killed run finished is kept when it is of the same detector and the same source bytes.
    The same input gives the same bytes, whoever the workers are.

    Args:
        shards: A finished sample set.
        out: Folder of the regions; the manifest is written last.
        detector: Called from several threads.
        workers: Who calls it; None: the cores of this process.
        progress: Called with (images done, images in all).

    Raises:
        ValueError: `shards` is not finished, or not a single sample has regions.
    """
    with ShardReader(shards) as reader:
        source = reader.manifest
        begin(out)
        writer = _Writer(
            out, detector, workers or LocalWorkers(reader, detector), source.n_samples, progress
        )
        written = [writer.shard(shard) for shard in source.shards]
    if source.n_samples and not any(info.n_samples for info in written):
        first = next(iter(writer.missing.values()), None)
        raise ValueError(
            f"{detector.name} has regions for none of the {source.n_samples} images of {shards}"
            + (f"; of the first, {next(iter(writer.missing))}: {first.detail}" if first else "")
        )
    return _finish(out, source, detector, written, writer.missing)


def _finish(
    out: Path,
    source: Manifest,
    detector: Detector,
    written: list[ShardInfo],
    missing: dict[str, Missing],
) -> Manifest:
    reasons = Counter(one.reason for one in missing.values())
    manifest = Manifest(
        kind="regions",
        config_hash=identity(detector),
        code_version=code_version(),
        shards=tuple(written),
        seen=source.n_samples,
        kept=source.n_samples - len(missing),
        funnel=tuple(
            FunnelRow(stage="regions", reason=reason, count=count)
            for reason, count in sorted(reasons.items())
        ),
        inputs=detector.files,
        regions=RegionsInfo(
            detector=detector.name,
            feature_dim=detector.feature_dim,
            class_names=detector.classes,
            source_digest=source.digest,
            attribute_names=detector.attributes,
            settings=detector.settings,
        ),
    )
    write_manifest(out, manifest)
    return read_manifest(out)


class _Writer:
    """Shards of regions, one after the other."""

    def __init__(
        self,
        out: Path,
        detector: Detector,
        workers: Workers,
        total: int,
        progress: Callable[[int, int], None],
    ) -> None:
        self._out, self._workers, self._progress = out, workers, progress
        self._made_by = {"detector": detector.name, "detector_sha256": identity(detector)}
        self._total, self._done = total, 0
        self.missing: dict[str, Missing] = {}

    def shard(self, source: ShardInfo) -> ShardInfo:
        """Writes the companion of one shard of samples, unless it is there already."""
        first = self._done
        kept = self._finished(source)
        if kept is None:
            kept = self._write(source, range(first, first + source.n_samples))
        self._done = first + source.n_samples
        self._progress(self._done, self._total)
        return kept

    def _write(self, source: ShardInfo, indices: range) -> ShardInfo:
        missing: dict[str, Missing] = {}
        info = write_regions_shard(self._out, source.stem, self._regions(indices, missing))
        stats = json.dumps(self._stats(info, source, missing)).encode()
        self.missing |= missing
        if missing:
            name = f"{source.stem}_stats.json"
            logger.warning("%d images have no regions, see %s", len(missing), self._out / name)
        companion = publish_bytes(self._out / f"{source.stem}_stats.json", stats)
        return replace(info, companions=(companion,))

    def _regions(self, indices: range, missing: dict[str, Missing]) -> Iterator[tuple[str, bytes]]:
        batches = (
            indices[at : at + SAMPLES_PER_CALL] for at in range(0, len(indices), SAMPLES_PER_CALL)
        )
        for answers in self._workers.answers(batches):
            for one in answers:
                if isinstance(one.body, Missing):
                    logger.info("no regions of %s: %s", one.key, one.body.detail)
                    missing[one.key] = one.body
                else:
                    yield one.key, one.body
            self._done += len(answers)
            self._progress(self._done, self._total)

    def _stats(
        self, info: ShardInfo, source: ShardInfo, missing: dict[str, Missing]
    ) -> dict[str, object]:
        return {
            **self._made_by,
            "n_samples": info.n_samples,
            "first_key": info.first_key,
            "last_key": info.last_key,
            "source_sha256": source.sha256,
            "sha256": info.sha256,
            "missing": [[key, one.reason, one.detail] for key, one in missing.items()],
        }

    def _finished(self, source: ShardInfo) -> ShardInfo | None:
        """What an earlier run left under this name, if it is whole and of the same making."""
        archive, stats_file = self._out / source.name, self._out / f"{source.stem}_stats.json"
        if not archive.is_file() or not stats_file.is_file():
            return None
        found, said = file_info(archive, source.name), _read_stats(stats_file)
        expected = {**self._made_by, "source_sha256": source.sha256, "sha256": found.sha256}
        if said is None or {name: said.get(name) for name in expected} != expected:
            return None
        self.missing |= {
            key: Missing(reason=reason, detail=detail) for key, reason, detail in said["missing"]
        }
        logger.info("%s is already there", archive)
        return ShardInfo(
            name=source.name,
            n_samples=said["n_samples"],
            n_bytes=found.n_bytes,
            sha256=found.sha256,
            first_key=said["first_key"],
            last_key=said["last_key"],
            companions=(file_info(stats_file, stats_file.name),),
        )


def _read_stats(file: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(file.read_bytes())
    except ValueError:
        return None  # another program's file, or a torn one: the shard is made anew
    return said if isinstance(said, dict) else None
