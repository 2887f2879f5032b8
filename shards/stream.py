"""How is a whole set read once, in key order, with little of it in memory?"""

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from filter.tombstones import Tombstones
from shards.archives import Archives
from shards.aside import FileInfo, file_info
from shards.manifest import Manifest, ShardInfo, current
from shards.sample import Sample

_ROWS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A sample as the Parquet file tells it: everything but the image's bytes."""

    key: str
    text: str
    extension: str
    n_bytes: int
    record: str


def read_sample(archives: Archives, shard: int, row: int) -> Sample:
    """Sample number `row` of an archive."""
    index = archives.index(shard)
    image_at, text_at, record_at = index.offsets[row].tolist()
    n_image, n_text, n_record = index.sizes[row].tolist()
    # Text and record are small and neighbours: one read for both.
    words = archives.read(shard, text_at, record_at + n_record - text_at)
    return Sample(
        key=index.keys[row].decode(),
        image=archives.read(shard, image_at, n_image),
        extension=index.extensions[row].decode(),
        text=words[:n_text].decode(),
        record=words[record_at - text_at :].decode(),
    )


def read_regions(archives: Archives, key: str) -> bytes:
    """The npz of one sample. Raises KeyError when the set has no such key."""
    i = archives.find(key)
    if i is None:
        raise KeyError(key)
    shard, row = archives.locate(i)
    index = archives.index(shard)
    return archives.read(shard, int(index.offsets[row, 0]), int(index.sizes[row, 0]))


def keys(archives: Archives, shards: Iterable[int] | None = None) -> Iterator[str]:
    """The keys of some archives, or of all; one archive's headers in memory at a time.

    Raises ValueError for an archive that is not the manifest's.
    """
    for shard in _all(archives) if shards is None else shards:
        for key in archives.index(shard).keys:
            yield key.decode()
        archives.forget(shard)


def samples(archives: Archives, shards: Iterable[int] | None = None) -> Iterator[Sample]:
    """The samples of some archives, or of all; raises as `keys`."""
    for shard in _all(archives) if shards is None else shards:
        for row in range(len(archives.index(shard).keys)):
            yield read_sample(archives, shard, row)
        archives.forget(shard)


def regions(archives: Archives, shards: Iterable[int] | None = None) -> Iterator[tuple[str, bytes]]:
    """(key, npz bytes) of some archives of a set of regions, or of all; raises as `keys`."""
    for shard in _all(archives) if shards is None else shards:
        index = archives.index(shard)
        for row, key in enumerate(index.keys):
            offset, n_bytes = int(index.offsets[row, 0]), int(index.sizes[row, 0])
            yield key.decode(), archives.read(shard, offset, n_bytes)
        archives.forget(shard)


def groups(sets: Sequence[Archives]) -> Iterator[list[Sample]]:
    """The samples of several sets, those of one key together, in the order of the sets."""
    waiting: list[Sample] = []
    for sample in heapq.merge(*map(samples, sets), key=lambda sample: sample.key):
        if waiting and waiting[0].key != sample.key:
            yield waiting
            waiting = []
        waiting.append(sample)
    if waiting:
        yield waiting


def rows(folder: Path, manifest: Manifest) -> Iterator[Row]:
    """All rows of the Parquet files in key order.

    Raises ValueError for a file that is not the manifest's.
    """
    for shard in manifest.shards:
        listed = parquet_of(shard)
        table = pq.ParquetFile(checked(current(folder, manifest, listed.name), listed))
        columns = ["key", "text", "extension", "n_bytes", "record"]
        for batch in table.iter_batches(_ROWS, columns=columns):
            yield from (Row(**row) for row in batch.to_pylist())


def checked(path: Path, listed: FileInfo) -> Path:
    """A file beside an archive. Raises ValueError when it is not what the manifest lists."""
    if not path.is_file():
        raise ValueError(f"{path} of the manifest is missing")
    found = file_info(path, listed.name)
    if found != listed:
        raise ValueError(
            f"{path}: sha256 is {found.sha256}, the manifest says {listed.sha256}; restore the "
            "file or make the set again"
        )
    return path


def parquet_of(shard: ShardInfo) -> FileInfo:
    """What the manifest lists. Raises ValueError when it lists none."""
    name = f"{shard.stem}.parquet"
    for file in shard.companions:
        if file.name == name:
            return file
    raise ValueError(f"the manifest lists no {name}: make the set again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A sample that a tombstone names."""

    place: int
    """In the set, in key order."""
    shard: int
    key: str
    text: str
    kind: str
    """Of the tombstone."""
    image_url: str
    """'' where there is none."""
    page_url: str


def hits(
    archives: Archives, stones: Tombstones, more_keys: frozenset[str] = frozenset()
) -> Iterator[Hit]:
    """Every sample that was taken down, or is one of `more_keys`, in key order.

    Looks of samples whose record has no perceptual hash are found by decoding their images. Raises
    ValueError for a Parquet file that is not the manifest's.
    """
    columns = ["key", "text", "page_url", "image_url"]
    # The record is most of the file, and only looks need it.
    columns += ["record"] if stones.phashes else []
    first = 0
    asked = bool(stones) or bool(more_keys)
    for number, shard in enumerate(archives.manifest.shards if asked else ()):
        listed = parquet_of(shard)
        table = pq.ParquetFile(checked(archives.path(listed), listed))
        at = 0
        for batch in table.iter_batches(_ROWS, columns=columns):
            for row in batch.to_pylist():
                kind: str | None = "url" if row["key"] in more_keys else stones.of_key(row["key"])
                kind = kind or stones.of_address(row["page_url"], row["image_url"])
                if kind is None and stones.phashes:
                    kind = stones.of_look(*_look(archives, number, at, row["record"]))
                if kind is not None:
                    yield Hit(
                        place=first + at,
                        shard=number,
                        key=row["key"],
                        text=row["text"],
                        kind=kind,
                        image_url=row["image_url"] or "",
                        page_url=row["page_url"] or "",
                    )
                at += 1
        first += shard.n_samples
        archives.forget(number)


def _look(archives: Archives, shard: int, row: int, words: str) -> tuple[str, tuple[str, ...]]:
    record = json.loads(words)
    if "phash" in record:
        return record["phash"], tuple(record.get("phash_crops", ()))
    from filter.decode import Decoded, DecodeLimits, decode

    limits = DecodeLimits(min_bytes=0, max_bytes=256 * 2**20, max_pixels=89_478_485)
    decoded = decode(read_sample(archives, shard, row).image, limits)
    if not isinstance(decoded, Decoded):
        return "", ()
    return decoded.facts.phash, decoded.facts.phash_crops


def _all(archives: Archives) -> range:
    return range(len(archives.manifest.shards))
