"""How do the regions of a whole shard set get beside it?"""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from pretrain.regions.answers import SAMPLES_PER_CALL, LocalWorkers, Workers
from pretrain.regions.detector import Detector, identity
from pretrain.regions.regions import Missing
from shards import region_stats
from shards.aside import file_info
from shards.manifest import (
    NAME,
    Manifest,
    RegionsInfo,
    ShardInfo,
    begin,
    code_version,
    read_manifest,
    write_manifest,
)
from shards.read import ShardReader
from shards.region_stats import RegionStats, Without
from shards.verify import verify
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
    earlier, killed run finished is kept when it is of the same detector and the same source bytes,
    and so is a finished set, whether a run made it, a takedown or `lait shards follow`. The same
    input gives the same bytes, whoever the workers are.

    Args:
        shards: A finished sample set.
        out: Folder of the regions; the manifest is written last.
        detector: Called from several threads.
        workers: Who calls it; None: the cores of this process.
        progress: Called with (images done, images in all).

    Raises:
        ValueError: `shards` is not finished, `out` holds samples, or not a single sample has
            regions.
    """
    with ShardReader(shards) as reader:
        source = reader.manifest
        finished = _finished(out, source, detector)
        if finished is not None:
            logger.info("%s is finished; nothing to do", out)
            progress(source.n_samples, source.n_samples)
            return finished
        begin(out)
        writer = _Writer(
            out, detector, workers or LocalWorkers(reader, detector), source.n_samples, progress
        )
        written = [writer.shard(shard) for shard in source.shards]
    if source.n_samples and not any(info.n_samples for info in written):
        first = writer.missing[0]
        raise ValueError(
            f"{detector.name} has regions for none of the {source.n_samples} images of {shards}; "
            f"of the first, {first.key}: {first.detail}"
        )
    return _finish(out, source, detector, written, writer.missing)


def _finished(out: Path, source: Manifest, detector: Detector) -> Manifest | None:
    """What `out` holds when it is this very set, whole."""
    if not (out / NAME).is_file():
        return None
    found = read_manifest(out)
    if found.kind != "regions":
        raise ValueError(f"--out {out} holds {found.kind}; give another --out")
    made_by = identity(detector), _described(source, detector)
    if (found.config_hash, found.regions) != made_by or verify(out):
        return None
    return found


def _finish(
    out: Path,
    source: Manifest,
    detector: Detector,
    written: list[ShardInfo],
    missing: list[Without],
) -> Manifest:
    manifest = Manifest(
        kind="regions",
        config_hash=identity(detector),
        code_version=code_version(),
        shards=tuple(written),
        seen=source.n_samples,
        kept=source.n_samples - len(missing),
        funnel=region_stats.funnel(missing),
        inputs=detector.files,
        regions=_described(source, detector),
    )
    write_manifest(out, manifest)
    return read_manifest(out)


def _described(source: Manifest, detector: Detector) -> RegionsInfo:
    return RegionsInfo(
        detector=detector.name,
        feature_dim=detector.feature_dim,
        class_names=detector.classes,
        source_digest=source.digest,
        attribute_names=detector.attributes,
        settings=detector.settings,
    )


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
        self._name, self._made_by = detector.name, identity(detector)
        self._total, self._done = total, 0
        self.missing: list[Without] = []

    def shard(self, source: ShardInfo) -> ShardInfo:
        """Writes the companion of one shard of samples, unless it is there already."""
        first = self._done
        kept = self._kept(source)
        if kept is None:
            kept = self._write(source, range(first, first + source.n_samples))
        self._done = first + source.n_samples
        self._progress(self._done, self._total)
        return kept

    def _write(self, source: ShardInfo, indices: range) -> ShardInfo:
        missing: list[Without] = []
        info = write_regions_shard(self._out, source.stem, self._regions(indices, missing))
        self.missing += missing
        if missing:
            stats_file = self._out / region_stats.name_of(source)
            logger.warning("%d images have no regions, see %s", len(missing), stats_file)
        return region_stats.with_stats(
            self._out,
            info,
            detector=self._name,
            detector_sha256=self._made_by,
            source_sha256=source.sha256,
            missing=missing,
        )

    def _regions(self, indices: range, missing: list[Without]) -> Iterator[tuple[str, bytes]]:
        batches = (
            indices[at : at + SAMPLES_PER_CALL] for at in range(0, len(indices), SAMPLES_PER_CALL)
        )
        for answers in self._workers.answers(batches):
            for one in answers:
                if isinstance(one.body, Missing):
                    logger.info("no regions of %s: %s", one.key, one.body.detail)
                    missing.append(Without(one.key, one.body.reason, one.body.detail))
                else:
                    yield one.key, one.body
            self._done += len(answers)
            self._progress(self._done, self._total)

    def _kept(self, source: ShardInfo) -> ShardInfo | None:
        """What an earlier run left under this name, if it is whole and of the same making."""
        archive, stats_file = self._out / source.name, self._out / region_stats.name_of(source)
        if not archive.is_file() or not stats_file.is_file():
            return None
        found, said = file_info(archive, source.name), _read_stats(stats_file)
        expected = (self._name, self._made_by, source.sha256, found.sha256)
        if said is None or expected != (
            said.detector,
            said.detector_sha256,
            said.source_sha256,
            said.sha256,
        ):
            return None
        self.missing += said.missing
        logger.info("%s is already there", archive)
        return ShardInfo(
            name=source.name,
            n_samples=said.n_samples,
            n_bytes=found.n_bytes,
            sha256=found.sha256,
            first_key=said.first_key,
            last_key=said.last_key,
            companions=(file_info(stats_file, stats_file.name),),
        )


def _read_stats(file: Path) -> RegionStats | None:
    try:
        return region_stats.parse(file.read_bytes())
    except ValueError:
        return None  # another program's file, or a torn one: the shard is made anew
