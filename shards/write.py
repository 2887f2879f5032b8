"""How do samples become a shard that is whole, verified and the same on every run?"""

import hashlib
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from shards.aside import FileInfo, aside, publish, publish_bytes
from shards.manifest import ShardInfo
from shards.sample import Sample
from shards.tar import IMAGE_EXTENSIONS, REGIONS_EXTENSION, ending, entries, entry

Bodies = Sequence[tuple[str, bytes]]
"""`(extension, body)` of one key's members, in the order in which they lie in the archive."""

PROMOTED = {
    "sha256": pa.string(),
    "width_px": pa.int32(),
    "height_px": pa.int32(),
    "relevance": pa.float64(),
    "text_source": pa.string(),
    "language": pa.string(),
    "page_url": pa.string(),
    "image_url": pa.string(),
}
"""Fields of a sample's record that get a column of their own, null where the record has none."""
SCHEMA = pa.schema(
    {
        "key": pa.string(),
        "text": pa.string(),
        "extension": pa.string(),
        "n_bytes": pa.int64(),  # of the image
        "record": pa.string(),
        **PROMOTED,
    }
)


def n_shards_for(count: int, samples_per_shard: int) -> int:
    """How many shards `count` samples fill; at least one, so that an empty set is a set too."""
    return max(1, -(-count // samples_per_shard))


def shard_of(key: str, n_shards: int) -> int:
    """Which of `n_shards` a key belongs to: contiguous key ranges, even because keys are hashes.

    Sorting by key inside each shard thus sorts the whole set. A shard can be empty: write it too,
    so that the names have no gap. Raises ValueError when the key does not start with 16 hex digits.
    """
    return int(key[:16], 16) * n_shards >> 64


def write_shard(folder: Path, stem: str, samples: Iterable[Sample]) -> ShardInfo:
    """Writes `{stem}.tar`, `{stem}.parquet` and `{stem}_stats.json`, each whole or not at all.

    `samples` come sorted by key, strictly rising. The same samples give the same bytes, so a retry,
    a rerun, or two writers at once are harmless. Raises ValueError for samples that are out of
    order or that a reader would refuse, OSError when the disk does not hold what was written.
    """
    rows = _Rows()
    info = _write_archive(folder, stem, ((sample.key, rows.add(sample)) for sample in samples))
    return replace(
        info,
        companions=(
            publish_bytes(folder / f"{stem}.parquet", rows.parquet()),
            publish_bytes(folder / f"{stem}_stats.json", rows.stats(info)),
        ),
    )


def write_regions_shard(folder: Path, stem: str, regions: Iterable[tuple[str, bytes]]) -> ShardInfo:
    """Writes `{stem}.tar` of `<key>.regions.npz` members from `(key, npz bytes)`, as `write_shard`.

    The keys are those of the sample shard with the same stem.
    """
    return _write_archive(folder, stem, ((key, [(REGIONS_EXTENSION, npz)]) for key, npz in regions))


def _write_archive(folder: Path, stem: str, groups: Iterable[tuple[str, Bodies]]) -> ShardInfo:
    final = folder / f"{stem}.tar"
    keys: list[str] = []
    with aside(final) as path:
        written, xxh3 = _write_tar(path, _rising(groups, keys, final.name))
        with path.open("rb") as file:
            n_found = sum(1 for _ in entries(file.fileno(), final.name))
        if n_found != len(keys):
            raise OSError(f"{final}: wrote {len(keys)} samples, read back {n_found}")
        info = publish(path, final, written, xxh3)
    return ShardInfo(
        name=info.name,
        n_samples=len(keys),
        n_bytes=info.n_bytes,
        sha256=info.sha256,
        first_key=keys[0] if keys else "",
        last_key=keys[-1] if keys else "",
    )


def _rising(
    groups: Iterable[tuple[str, Bodies]], keys: list[str], shard: str
) -> Iterator[tuple[str, Bodies]]:
    """Passes the groups on, notes their keys, and holds that these rise strictly."""
    for key, bodies in groups:
        if keys and key <= keys[-1]:
            raise ValueError(f"shard {shard}: sample {key} comes after {keys[-1]}; keys must rise")
        keys.append(key)
        yield key, bodies


def _write_tar(path: Path, groups: Iterable[tuple[str, Bodies]]) -> tuple[FileInfo, str]:
    """Writes the archive; what it returns describes the bytes given, not those read."""
    # sha256 is what takes the time, so it is taken once: the read-back compares by XXH3.
    sha256, xxh3, n_bytes = hashlib.sha256(), xxhash.xxh3_128(), 0
    with path.open("xb", buffering=0) as file:
        for piece in _pieces(groups):
            _write_all(file.fileno(), piece)
            sha256.update(piece)
            xxh3.update(piece)
            n_bytes += len(piece)
        os.fsync(file.fileno())
    info = FileInfo(name=path.name, n_bytes=n_bytes, sha256=sha256.hexdigest())
    return info, xxh3.hexdigest()


def _pieces(groups: Iterable[tuple[str, Bodies]]) -> Iterator[bytes]:
    n_bytes = 0
    for key, bodies in groups:
        piece = entry(key, bodies)
        n_bytes += len(piece)
        yield piece
    yield ending(n_bytes)


def _write_all(fd: int, data: bytes) -> None:
    # One system call as a rule; a signal or a nearly full disk can cut a write short.
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


@dataclass(slots=True)
class _Rows:
    """The columns of a shard's Parquet, filled while its archive is written."""

    columns: dict[str, list[object]] = field(default_factory=lambda: {n: [] for n in SCHEMA.names})
    n_words: int = 0

    def add(self, sample: Sample) -> Bodies:
        if sample.extension not in IMAGE_EXTENSIONS:
            raise ValueError(
                f"sample {sample.key}: {sample.extension!r} is not an image extension "
                f"(only {', '.join(IMAGE_EXTENSIONS)})"
            )
        record = json.loads(sample.record)
        if not isinstance(record, dict):
            raise ValueError(f"sample {sample.key}: its record is not a JSON object")
        values = (sample.key, sample.text, sample.extension, len(sample.image), sample.record)
        promoted = (record.get(name) for name in PROMOTED)
        for column, value in zip(self.columns.values(), (*values, *promoted), strict=True):
            column.append(value)
        self.n_words += len(sample.text.split())
        return [
            (sample.extension, sample.image),
            ("txt", sample.text.encode()),
            ("json", sample.record.encode()),
        ]

    def parquet(self) -> bytes:
        sink = io.BytesIO()
        pq.write_table(pa.table(self.columns, schema=SCHEMA), sink, compression="zstd")
        return sink.getvalue()

    def stats(self, info: ShardInfo) -> bytes:
        stats = {
            "n_samples": info.n_samples,
            "n_bytes": info.n_bytes,
            "image_bytes": sum(n for n in self.columns["n_bytes"] if isinstance(n, int)),
            "words": self.n_words,
            "extensions": Counter(self.columns["extension"]),
            "sha256": info.sha256,
        }
        return json.dumps(stats, sort_keys=True, indent=1).encode() + b"\n"
