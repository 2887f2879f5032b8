"""How does a file appear under its name whole, or not at all?"""

import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import xxhash

_PIECE_BYTES: Final = 2**18
_LEFT = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What a file's bytes must be."""

    name: str
    """Without a folder."""
    n_bytes: int
    sha256: str


@contextmanager
def aside(final: Path) -> Iterator[Path]:
    """A hidden name beside `final` that no other writer has; whatever is left there is removed.

    Beam may run the same bundle twice at once, so two writers of one shard must never share a file.
    """
    path = final.with_name(f".{final.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Removes what killed writers left aside; only for who knows that nobody is writing there."""
    for path in folder.glob(".*.tmp"):
        if _LEFT.fullmatch(path.name):
            path.unlink(missing_ok=True)


def file_info(path: Path, name: str) -> FileInfo:
    """Reads the whole file. Raises OSError when it is not there."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileInfo(name=name, n_bytes=file.tell(), sha256=digest)


def write_bytes(path: Path, data: bytes) -> FileInfo:
    """Writes and flushes to the disk; what it returns describes the bytes given, not those read."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return FileInfo(name=path.name, n_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def xxh3_of(path: Path) -> str:
    """XXH3 of a file, 128 bits: finds what a disk changes thirty times as fast as sha256 does."""
    found = xxhash.xxh3_128()
    buffer = memoryview(bytearray(_PIECE_BYTES))
    with path.open("rb", buffering=0) as file:
        while n_bytes := file.readinto(buffer):
            found.update(buffer[:n_bytes])
    return found.hexdigest()


def publish(path: Path, final: Path, written: FileInfo, xxh3: str | None = None) -> FileInfo:
    """Reads `path` back, compares it with what was written, and renames it to `final`.

    Returns the info under its final name. Raises OSError naming both hashes when the disk holds
    other bytes, and when the rename did not bring the file to its name (some sinks have reported
    success after a failed rename, so the result is looked at).

    Args:
        path: The file, aside.
        final: Its name to be.
        written: The bytes that were given to the disk.
        xxh3: Of the same bytes, as `xxh3_of`, to compare by; None: by sha256.
    """
    if not _is_as_written(path, written, xxh3):
        found = file_info(path, final.name)
        raise OSError(
            f"{final}: wrote {written.n_bytes} bytes with sha256 {written.sha256}, "
            f"read back {found.n_bytes} bytes with sha256 {found.sha256}"
        )
    path.replace(final)
    sync_folder(final.parent)
    if path.exists() or final.stat().st_size != written.n_bytes:
        raise OSError(f"{final}: still not the {written.n_bytes} bytes written, after its rename")
    return replace(written, name=final.name)


def _is_as_written(path: Path, written: FileInfo, xxh3: str | None) -> bool:
    if xxh3 is None:
        return file_info(path, written.name) == written
    return path.stat().st_size == written.n_bytes and xxh3_of(path) == xxh3


def publish_bytes(final: Path, data: bytes) -> FileInfo:
    """A small file: written aside, verified, renamed."""
    with aside(final) as path:
        return publish(path, final, write_bytes(path, data))


def sync_folder(folder: Path) -> None:
    """Makes renames inside `folder` last through a power cut."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
