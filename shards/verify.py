"""Is every byte of a shard set what its manifest says?"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from shards.aside import FileInfo
from shards.index import index_archive
from shards.manifest import (
    SHARD_FILE,
    Manifest,
    ShardInfo,
    current,
    listed_files,
    read_manifest,
    shard_folder,
)

_CHUNK_BYTES = 2**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One file that is not what the manifest says."""

    file: str
    kind: Literal["missing", "changed", "extra"]
    detail: str
    """A whole sentence that names the file."""


def verify(folder: Path, progress: Callable[[int], None] | None = None) -> list[Problem]:
    """Compares every byte of a finished set with its manifest; an empty list means all is well.

    `progress` is told the number of bytes just read; `total_bytes` says how many will come.
    Raises ValueError when there is no (readable) manifest.
    """
    folder = shard_folder(folder)
    manifest = read_manifest(folder)
    problems = []
    listed = set()
    for shard in manifest.shards:
        for file in listed_files([shard]):
            listed.add(file.name)
            if problem := _compare(folder, manifest, file, shard, progress):
                problems.append(problem)
    for path in sorted(folder.iterdir()):
        if path.name not in listed and SHARD_FILE.fullmatch(path.name):
            detail = f"{path} is not in the manifest"
            problems.append(Problem(file=path.name, kind="extra", detail=detail))
    return problems


def total_bytes(folder: Path) -> int:
    """How many bytes `verify` reads of an undamaged set."""
    return sum(file.n_bytes for file in listed_files(read_manifest(folder).shards))


def describe_damage(folder: Path, manifest: Manifest, shard: ShardInfo, found_sha256: str) -> str:
    """A sentence that names the changed archive, both hashes, and where the damage lies.

    The place is found by what is redundant: archive structure, image hashes against their keys,
    texts and records against the same-stem Parquet.
    """
    place = _first_damage(folder, manifest, shard)
    return (
        f"shard {folder / shard.name}{place}: sha256 is {found_sha256}, the manifest says "
        f"{shard.sha256}; restore the file or make the set again"
    )


def _compare(
    folder: Path,
    manifest: Manifest,
    file: FileInfo,
    shard: ShardInfo,
    progress: Callable[[int], None] | None,
) -> Problem | None:
    path = current(folder, manifest, file.name)
    if not path.is_file():
        return Problem(file=file.name, kind="missing", detail=f"{path} is missing")
    found = _sha256(path, progress)
    if found == file.sha256:
        return None
    detail = f"{path}: sha256 is {found}, the manifest says {file.sha256}"
    if file.name == shard.name:
        detail = describe_damage(folder, manifest, shard, found)
    return Problem(file=file.name, kind="changed", detail=detail)


def _sha256(path: Path, progress: Callable[[int], None] | None) -> str:
    digest = hashlib.sha256()
    view = memoryview(bytearray(_CHUNK_BYTES))
    with path.open("rb", buffering=0) as file:
        while n_bytes := file.readinto(view):
            digest.update(view[:n_bytes])
            if progress:
                progress(n_bytes)
    return digest.hexdigest()


def _first_damage(folder: Path, manifest: Manifest, shard: ShardInfo) -> str:
    """`, offset N (member)` of the first damage that can be located, or nothing."""
    fd = os.open(current(folder, manifest, shard.name), os.O_RDONLY)
    try:
        if (n_bytes := os.fstat(fd).st_size) != shard.n_bytes:
            return f" ({n_bytes} bytes, {shard.n_bytes} expected)"
        if manifest.kind != "samples":
            return ""
        return _first_changed_member(fd, current(folder, manifest, f"{shard.stem}.parquet"), shard)
    except ValueError as error:
        # The archive's own structure is damaged, and the error says where.
        return f" ({error})"
    finally:
        os.close(fd)


def _first_changed_member(fd: int, parquet: Path, shard: ShardInfo) -> str:
    index = index_archive(fd, shard.name, "samples")
    rows: dict[str, tuple[str, str]] = {}
    if parquet.is_file():
        table = pq.read_table(parquet, columns=["key", "text", "record"]).to_pydict()
        rows = dict(
            zip(table["key"], zip(table["text"], table["record"], strict=True), strict=True)
        )
    for row, name in enumerate(index.keys):
        key = name.decode()
        image, text, record = (
            os.pread(fd, n_bytes, offset)
            for offset, n_bytes in zip(index.offsets[row], index.sizes[row], strict=True)
        )
        expected = rows.get(key, (text, record))
        sha256 = hashlib.sha256(image).hexdigest()
        intact = (
            sha256.startswith(key),
            expected[0] in (text, text.decode(errors="replace")),
            expected[1] in (record, record.decode(errors="replace")),
        )
        if False in intact:
            column = intact.index(False)
            member = (index.extensions[row].decode(), "txt", "json")[column]
            offset = index.offsets[row, column]
            return f", offset {offset} (in {key}.{member})"
    return ""
