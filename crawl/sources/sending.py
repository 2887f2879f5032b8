"""How do files get into an object store, each whole or not at all?"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from crawl.sources.backends import system
from crawl.sources.storage import exists, is_remote, local_path, open_binary, size

_PIECE_BYTES: Final = 8 * 2**20


@contextmanager
def written_to(folder: Path | str) -> Iterator[Path]:
    """A folder of this machine to write in: `folder` itself, or one whose files go to that URL.

    They go when the block ends without an error, each as `send` does. A bundle that runs twice, or
    twice at once, sends the same bytes to the same names: an object is replaced whole.
    """
    if not is_remote(str(folder)):
        yield Path(local_path(str(folder)))
        return
    with tempfile.TemporaryDirectory(prefix="lait-send-") as name:
        yield Path(name)
        for path in sorted(Path(name).iterdir()):
            send(path, f"{folder}/{path.name}")


def send(path: Path, url: str) -> None:
    """Copies a file to a URL, reads it back and compares; what lies there already is not sent.

    Raises OSError, naming the URL, when it cannot be written, and when the store holds other bytes
    afterwards, whatever it said.
    """
    with path.open("rb") as file:
        expected = hashlib.file_digest(file, "sha256").hexdigest()
    n_bytes = path.stat().st_size
    if exists(url) and size(url) == n_bytes and _sha256(url) == expected:
        return
    with _writing(url) as (files, name):
        files.makedirs(name.rpartition("/")[0], exist_ok=True)
        files.put_file(str(path), name)
    try:
        found = _sha256(url)
    except FileNotFoundError as error:
        raise OSError(f"{url} is not there after it was sent: try again") from error
    if found != expected:
        raise OSError(f"{url}: sent bytes with sha256 {expected}, read back {found}: try again")


def remove(url: str) -> None:
    """Removes a file, or a folder with all in it; nothing when there is none.

    Raises OSError, naming the URL, when it cannot be removed.
    """
    if exists(url):
        with _writing(url) as (files, name):
            files.rm(name, recursive=True)


def listed(url: str) -> dict[str, int]:
    """Files under a URL, at any depth, by their path from it, with their bytes.

    Raises OSError, naming the URL, when they cannot be listed.
    """
    with _writing(url) as (files, name):
        found = files.find(name, detail=True)
    root = name.rstrip("/") + "/"
    return {path.removeprefix(root): info["size"] for path, info in found.items() if path != name}


def _sha256(url: str) -> str:
    sha256 = hashlib.sha256()
    with open_binary(url) as file:
        while piece := file.read(_PIECE_BYTES):
            sha256.update(piece)
    return sha256.hexdigest()


@contextmanager
def _writing(url: str) -> Iterator[tuple[Any, str]]:
    """The file system of a URL; whatever it raises leaves as OSError naming the URL."""
    try:
        yield system(url)
    except Exception as error:
        line = " ".join(str(error).split())[:300]
        raise OSError(f"{url} cannot be written: {line or type(error).__name__}") from error
