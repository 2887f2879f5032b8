"""How do region features follow samples that were merged, drawn or cut anew?"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from shards.archives import Archives
from shards.derive import Progress, claimed, inputs_of, source_info
from shards.manifest import (
    Manifest,
    RegionsInfo,
    ShardInfo,
    begin,
    code_version,
    write_manifest,
)
from shards.region_stats import Without, funnel, read_stats, with_stats
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
    those of any set that held the image will do. Nothing is detected anew. An image in which the
    detector found none is named with the reason that a companion gives. The shards are those that
    the detector would have made, byte by byte. Memory: what is said of images without regions.

    Raises ValueError when the companions are of different detectors, when none of them has the
    regions of a sample nor says why (it is named), when no sample at all has regions, or when
    `out` holds something else.
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
    made_by, known = _made_by(opened), _known(opened)
    shards: list[ShardInfo] = []
    missing: list[Without] = []
    done = 0
    for number, shard in enumerate(source.manifest.shards):
        without: list[Without] = []
        written = write_regions_shard(
            out, shard.stem, _regions(source, number, opened, known, without)
        )
        shards.append(
            with_stats(
                out,
                written,
                detector=info.detector,
                detector_sha256=made_by,
                source_sha256=shard.sha256,
                missing=without,
            )
        )
        missing += without
        for one in opened:
            one.forget_all()
        done += shard.n_samples
        progress(done, len(source))
    if missing and len(missing) == done:
        raise ValueError(
            f"the companions have regions for none of the {done} images of {folder}; of the "
            f"first, {missing[0].key}: {missing[0].detail}"
        )
    manifest = Manifest(
        kind="regions",
        config_hash=made_by,
        code_version=code_version(),
        shards=tuple(shards),
        seen=done,
        kept=done - len(missing),
        funnel=funnel(missing),
        inputs=inputs_of([one.manifest for one in opened]),
        regions=info,
        sources=origins,
    )
    write_manifest(out, manifest)
    return manifest


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


def _made_by(opened: Sequence[Archives]) -> str:
    """What identifies the detector, so that `lait regions` with it finds nothing left to do."""
    hashes = sorted({one.manifest.config_hash for one in opened})
    if len(hashes) == 1:
        return hashes[0]
    # Features imported from several files: no detector has them all.
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _known(opened: Sequence[Archives]) -> dict[str, Without]:
    """Images without regions by their key; where several companions tell, the first one's word."""
    found: dict[str, Without] = {}
    for archives in opened:
        for number in range(len(archives.manifest.shards)):
            said = read_stats(archives, number)
            for one in said.missing if said else ():
                found.setdefault(one.key, one)
    return found


def _regions(
    source: Archives,
    number: int,
    opened: Sequence[Archives],
    known: Mapping[str, Without],
    without: list[Without],
) -> Iterator[tuple[str, bytes]]:
    """The regions of one archive's samples; those that have none come to `without`."""
    for key in keys(source, [number]):
        found = next((one for one in opened if one.find(key) is not None), None)
        if found is not None:
            yield key, read_regions(found, key)
        elif key in known:
            without.append(known[key])
        else:
            raise ValueError(
                f"none of the companions has regions for sample {key}: make the set of regions "
                f"with `lait regions {source.folder}`"
            )
