"""How is a set in an object store read through a cache of bounded size?"""

import fcntl
import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from shards.aside import FileInfo, aside, write_bytes
from shards.manifest import NAME, Manifest, listed_files, read_manifest

logger = logging.getLogger(__name__)

_PIECE_BYTES: Final = 8 * 2**20
_TRIES: Final = 2
_REMOTE: Final = re.compile(r"[a-z][a-z0-9+.-]*://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A set in an object store, of which some files lie in a folder of this machine."""

    url: str
    """Of the folder that holds `manifest.json`."""
    folder: Path
    """Named by the set's digest, so that another version never gets this one's files."""
    max_bytes: int
    """Of all files in the folder."""

    def fetch(self, file: FileInfo) -> None:
        """Brings a file of the set into the folder, unless it is there; what was used longest ago
        goes to make room.

        Raises ValueError when its bytes are not those that the manifest lists, OSError when it
        cannot be read.
        """
        final = self.folder / file.name
        if self._touch(final):
            return
        with _alone(self.folder / f".{file.name}.lock"):
            # Another process may have brought it while this one waited.
            if self._touch(final):
                return
            for n_tries in range(1, _TRIES + 1):
                found = self._download(file, final)
                if found == file.sha256:
                    return
                logger.warning("try %d: %s/%s has sha256 %s", n_tries, self.url, file.name, found)
            raise ValueError(
                f"{self.url}/{file.name}: sha256 is {found}, the manifest says {file.sha256}; "
                "put the set there again with `lait shards push`"
            )

    def _touch(self, path: Path) -> bool:
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _download(self, file: FileInfo, final: Path) -> str:
        from crawl.sources.storage import open_binary

        sha256, left = hashlib.sha256(), file.n_bytes
        with aside(final) as path:
            self._make_room(path, file.n_bytes)
            with open_binary(f"{self.url}/{file.name}") as source, path.open("r+b") as copy:
                # One byte more than listed: a longer file must not pass for its beginning.
                while left >= 0 and (piece := source.read(min(_PIECE_BYTES, left + 1))):
                    copy.write(piece)
                    sha256.update(piece)
                    left -= len(piece)
            if sha256.hexdigest() == file.sha256:
                path.replace(final)
        return sha256.hexdigest()

    def _make_room(self, path: Path, n_bytes: int) -> None:
        """Makes `path` as long as it will be, so that others count it, once there is room."""
        with _alone(self.folder / ".room.lock"):
            coming = [one for one in self.folder.glob(".*.tmp") if not self._is_left(one)]
            held = sorted(self.folder.glob("[0-9]*"), key=_last_used)
            total = sum(one.stat().st_size for one in (*coming, *held))
            for one in held:
                if total + n_bytes <= self.max_bytes:
                    break
                total -= one.stat().st_size
                # Who has it open can go on reading.
                one.unlink(missing_ok=True)
            with path.open("xb") as file:
                file.truncate(n_bytes)

    def _is_left(self, part: Path) -> bool:
        """Whether a part belongs to nobody any more; then it goes."""
        name = part.name.rpartition(".tmp")[0].rpartition(".")[0]
        fd = os.open(self.folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink(missing_ok=True)
        except BlockingIOError:
            return False
        finally:
            os.close(fd)
        return True


def _last_used(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


def is_remote(path: Path | str) -> bool:
    """Whether a path is the URL of an object store or web server."""
    return bool(_REMOTE.match(str(path))) and not str(path).startswith("file://")


def local_path(path: Path | str) -> Path:
    """The path of this machine that a path or a `file://` URL names."""
    text = str(path)
    return Path(unquote(urlsplit(text).path)) if text.startswith("file://") else Path(path)


def open_remote(url: str, cache: Path | None, max_bytes: int) -> Remote:
    """Reads the manifest of a set in an object store, afresh.

    Raises ValueError when there is none, when `cache` is None, and when its largest file does not
    fit.
    """
    from crawl.sources.storage import open_binary

    if cache is None:
        raise ValueError(f"{url}: name a cache folder of this machine to read a remote set through")
    errors = []
    for base in (url.rstrip("/"), f"{url.rstrip('/')}/shards"):
        try:
            with open_binary(f"{base}/{NAME}") as file:
                data = file.read()
        except FileNotFoundError as error:
            errors.append(error)
            continue
        return _opened(base, data, cache, max_bytes)
    raise ValueError(f"{url} has no {NAME}: not a finished shard set") from errors[0]


def _opened(url: str, data: bytes, cache: Path, max_bytes: int) -> Remote:
    arriving = cache / f".{hashlib.sha256(data).hexdigest()[:32]}"
    arriving.mkdir(parents=True, exist_ok=True)
    with _alone(arriving / ".lock"):
        manifest = _placed(arriving, data)
        folder = cache / manifest.digest[:32]
        folder.mkdir(exist_ok=True)
        _placed(folder, data)
    largest = max((file.n_bytes for file in listed_files(manifest.shards)), default=0)
    if largest > max_bytes:
        raise ValueError(
            f"{url} has a file of {largest} bytes, more than the cache of {max_bytes} bytes holds: "
            "allow more, or `lait shards reshard` the set"
        )
    return Remote(url=url, folder=folder, max_bytes=max_bytes)


def _placed(folder: Path, data: bytes) -> Manifest:
    with aside(folder / NAME) as path:
        write_bytes(path, data)
        path.replace(folder / NAME)
    return read_manifest(folder)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time."""
    fd = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
