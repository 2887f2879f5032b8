"""How does a finished set get into an object store, whole or not at all?"""

from collections.abc import Callable
from pathlib import Path

from shards.manifest import NAME, Manifest, listed_files, read_manifest, shard_folder
from shards.remote import is_remote


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
            asked for.
        OSError: a file cannot be read or written, or `url` holds other bytes after a copy than
            were sent.
    """
    from crawl.sources import sending, storage

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
        sending.remove(f"{url}/{NAME}")
    names = [file.name for file in listed_files(manifest.shards)]
    names += [path.name for path in _beside(folder)]
    total = sum((folder / name).stat().st_size for name in names)
    done = 0
    for name in names:
        sending.send(folder / name, f"{url}/{name}")
        done += (folder / name).stat().st_size
        progress(done, total)
    sending.send(folder / NAME, f"{url}/{NAME}")
    return manifest


def _beside(folder: Path) -> list[Path]:
    names = ("README.md", "croissant.json", "tombstones.jsonl")
    return [folder / name for name in names if (folder / name).is_file()]
