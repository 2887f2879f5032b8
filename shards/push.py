"""How does a finished set get into an object store, whole or not at all?"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from shards.manifest import NAME, Manifest, listed_files, read_manifest, shard_folder
from shards.remote import is_remote

_PIECE_BYTES: Final = 8 * 2**20


def push(
    path: Path,
    url: str,
    *,
    replace: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Manifest:
    """Copies a finished set to an object store: every file read back and compared, manifest last.

    What an interrupted push has copied is not copied again, and a finished one not at all.

    Args:
        path: The set, or a run.
        url: The folder there.
        replace: Another set may be there; its manifest goes first, so that nobody takes the mixture
            for a set.
        progress: Bytes done, and in all.

    Raises:
        ValueError: `path` is no finished set, or `url` holds another one and `replace` is not
            asked for, or holds other bytes after a copy than were sent.
        OSError: a file cannot be read or written.
    """
    from crawl.sources import storage

    if not is_remote(url):
        raise ValueError(f"{url} is no URL of an object store, as s3://bucket/folder")
    url, folder = url.rstrip("/"), shard_folder(path)
    manifest = read_manifest(folder)
    data = (folder / NAME).read_bytes()
    if storage.exists(f"{url}/{NAME}"):
        with storage.open_binary(f"{url}/{NAME}") as file:
            there = file.read()
        if there == data:
            return manifest
        if not replace:
            raise ValueError(f"{url} holds another set: give another URL, or --replace")
        _remove(f"{url}/{NAME}")
    names = [file.name for file in listed_files(manifest.shards)]
    names += [path.name for path in _beside(folder)]
    total = sum((folder / name).stat().st_size for name in names)
    done = 0
    for name in names:
        _put(folder / name, f"{url}/{name}")
        done += (folder / name).stat().st_size
        progress(done, total)
    _put(folder / NAME, f"{url}/{NAME}")
    return manifest


def _beside(folder: Path) -> list[Path]:
    names = ("README.md", "croissant.json", "tombstones.jsonl")
    return [folder / name for name in names if (folder / name).is_file()]


def _put(path: Path, url: str) -> None:
    from crawl.sources import storage

    with path.open("rb") as file:
        expected = hashlib.file_digest(file, "sha256").hexdigest()
    n_bytes = path.stat().st_size
    if storage.exists(url) and storage.size(url) == n_bytes and _remote_sha256(url) == expected:
        return
    with _system(url) as (system, name):
        system.makedirs(name.rpartition("/")[0], exist_ok=True)
        system.put_file(str(path), name)
    found = _remote_sha256(url)
    if found != expected:
        raise ValueError(f"{url}: sent bytes with sha256 {expected}, read back {found}: try again")


def _remove(url: str) -> None:
    with _system(url) as (system, name):
        system.rm_file(name)


def _remote_sha256(url: str) -> str:
    from crawl.sources.storage import open_binary

    sha256 = hashlib.sha256()
    with open_binary(url) as file:
        while piece := file.read(_PIECE_BYTES):
            sha256.update(piece)
    return sha256.hexdigest()


@contextmanager
def _system(url: str) -> Iterator[tuple[Any, str]]:
    """The fsspec file system of a URL; whatever it raises leaves as OSError naming the URL."""
    from fsspec.core import url_to_fs  # type: ignore[import-untyped]

    try:
        yield url_to_fs(url, use_listings_cache=False)
    except Exception as error:
        line = " ".join(str(error).split())[:300]
        raise OSError(f"{url} cannot be written: {line or type(error).__name__}") from error
