"""How does a finished set become its successor in one step, whatever is killed when?

00003.tar  manifest.json                      the old set, whole
00003.tar  manifest.json  .takedown-1/00003.tar        the same: the folder is not looked at
00003.tar  manifest.json* .takedown-1/00003.tar        the new set, whole: its manifest says so
00003.tar* manifest.json*                     the same, files under their names
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shards.aside import sweep, sync_folder
from shards.manifest import NAME, WAITING, Manifest, read_manifest, write_manifest


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One takedown of a set at a time. Raises ValueError when another one is at work."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ValueError(f"{folder} is being changed by another process: wait for it") from error
    finally:
        os.close(fd)


def prepare(folder: Path, version: int) -> Path:
    """An empty folder for the files of a version to come."""
    waiting = folder / f"{WAITING}{version}"
    shutil.rmtree(waiting, ignore_errors=True)
    waiting.mkdir()
    return waiting


def switch(folder: Path, manifest: Manifest) -> None:
    """Puts the new manifest in place of the old one, then the new files under their names.

    Those files lie in the folder of `prepare`; after the first step they belong to the set.
    """
    assert (folder / NAME).is_file(), folder
    write_manifest(folder, manifest)
    finish(folder)


def finish(folder: Path) -> None:
    """Ends what an interrupted `switch` has begun; what it had only prepared goes."""
    sweep(folder)
    version = read_manifest(folder).tombstone_version
    for waiting in sorted(folder.glob(f"{WAITING}*")):
        if waiting.name == f"{WAITING}{version}":
            for path in sorted(waiting.iterdir()):
                path.replace(folder / path.name)
            sync_folder(folder)
        shutil.rmtree(waiting)
