"""What are the hashes of these pictures, for a list of images that must not be trained on?"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from filter.decode import Decoded, DecodeLimits, decode
from filter.known import Known
from filter.metadata import strip_metadata
from shards.aside import aside
from shards.tar import IMAGE_EXTENSIONS, entries

SCHEMA: Final = pa.schema(
    {"sha256": pa.string(), "phash": pa.string(), "phash_crops": pa.list_(pa.string())}
)
_LIMITS: Final = DecodeLimits(min_bytes=0, max_bytes=256 * 2**20, max_pixels=89_478_485)
_FILES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashes:
    """What a list of hashes was made of."""

    n_images: int
    """Distinct by their bytes without metadata."""
    n_undecodable: int
    """Of these, known by their bytes alone."""


def write_hashes(
    sources: Sequence[Path], out: Path, progress: Callable[[int], None] = lambda _done: None
) -> Hashes:
    """Writes the hashes of all images of shard folders, folders of pictures and single files.

    Sorted by sha256, each image once: the same images give the same bytes. Raises ValueError for a
    source without images.
    """
    found: dict[str, Known] = {}
    for source in sources:
        before = len(found)
        for body in images_of(source):
            sha256 = hashlib.sha256(strip_metadata(body)).hexdigest()
            if sha256 not in found:
                found[sha256] = known(sha256, body)
                progress(len(found))
        if before == len(found) == 0:
            raise ValueError(f"{source} holds no shards (*.tar) and no jpg, png or webp files")
    rows = [asdict(found[sha256]) for sha256 in sorted(found)]
    with aside(out) as part:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), part, compression="zstd")
        part.replace(out)
    return Hashes(n_images=len(rows), n_undecodable=sum(not row["phash"] for row in rows))


def known(sha256: str, body: bytes) -> Known:
    """The hashes of one image; those of its look only where it can be decoded."""
    decoded = decode(body, _LIMITS)
    if not isinstance(decoded, Decoded):
        return Known(sha256=sha256)
    facts = decoded.facts
    return Known(sha256=sha256, phash=facts.phash, phash_crops=facts.phash_crops)


def images_of(source: Path) -> Iterator[bytes]:
    """The bytes of every image of a source, in a fixed order."""
    if source.is_file():
        yield source.read_bytes()
        return
    inner = source / "shards" if (source / "shards").is_dir() else source
    archives = sorted(inner.glob("*.tar"))
    for archive in archives:
        yield from _of_archive(archive)
    if not archives:
        files = sorted(path for path in source.rglob("*") if path.suffix.lower() in _FILES)
        yield from (path.read_bytes() for path in files if path.is_file())


def _of_archive(archive: Path) -> Iterator[bytes]:
    with archive.open("rb") as file:
        for _, members in entries(file.fileno(), archive.name):
            for extension in IMAGE_EXTENSIONS:
                if extension in members:
                    member = members[extension]
                    yield os.pread(file.fileno(), member.n_bytes, member.offset)
