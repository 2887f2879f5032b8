"""Where in a whole set does sample `i` lie, and how are its bytes read from verified files?"""

import bisect
import hashlib
import os
from collections import OrderedDict
from itertools import accumulate
from pathlib import Path
from typing import Literal

import numpy as np

from shards.aside import FileInfo
from shards.index import ShardIndex, index_archive
from shards.manifest import ShardInfo, current, listed_files, read_manifest, shard_folder
from shards.remote import Remote
from shards.verify import describe_damage

MAX_OPEN_FILES = 256
"""Per process; the usual limit is 1024."""

Identity = tuple[int, int, int]
"""Inode, bytes and modification time of a file: while they stay, a verified file stays verified."""


class Archives:
    """The archives of one finished set, opened, verified and indexed when first touched."""

    def __init__(
        self,
        folder: Path,
        *,
        kind: Literal["samples", "regions"],
        verify: bool = True,
        remote: Remote | None = None,
    ) -> None:
        """With `remote`, files are fetched to `folder` from there when they are first touched.

        Raises ValueError when `folder` is no finished set of that kind.
        """
        # Least recently used first. Positioned reads only: forked processes share file offsets.
        self._open: OrderedDict[int, int] = OrderedDict()
        self.folder = shard_folder(folder)
        self.manifest = read_manifest(self.folder)
        if self.manifest.kind != kind:
            raise ValueError(f"{folder} holds {self.manifest.kind}, {kind} are needed here")
        self._verify = verify
        self._remote = remote
        self._ends = list(accumulate(shard.n_samples for shard in self.manifest.shards))
        # An empty shard takes part with its predecessor's last key, so that the list is sorted.
        self._last_keys = list(accumulate((s.last_key for s in self.manifest.shards), max))
        self._indexes: dict[int, ShardIndex] = {}
        self._verified: dict[int, Identity] = {}

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _rebuild, (self.folder, self.manifest.kind, self._verify, self._remote)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    def forget(self, shard: int) -> None:
        """Gives back what is held of a shard; that its file was verified stays known."""
        self._indexes.pop(shard, None)
        fd = self._open.pop(shard, None)
        if fd is not None:
            os.close(fd)

    def forget_all(self) -> None:
        """As `forget`, of every shard."""
        self._indexes.clear()
        self.close()

    def locate(self, i: int) -> tuple[int, int]:
        """(shard, row) of sample `i` in key order. Raises IndexError outside of 0..len-1."""
        if not 0 <= i < len(self):
            raise IndexError(f"sample {i} of {len(self)}")
        shard = bisect.bisect_right(self._ends, i)
        return shard, i - (self._ends[shard - 1] if shard else 0)

    def find(self, key: str) -> int | None:
        """The sample's number in key order, or None."""
        shard = bisect.bisect_left(self._last_keys, key)
        if shard == len(self.manifest.shards):
            return None
        keys = self.index(shard).keys
        row = int(np.searchsorted(keys, key.encode()))
        if row == len(keys) or keys[row] != key.encode():
            return None
        return self._ends[shard] - len(keys) + row

    def index(self, shard: int) -> ShardIndex:
        """Where the shard's samples lie. Raises ValueError when the file is not the manifest's."""
        if shard not in self._indexes:
            info = self.manifest.shards[shard]
            index = index_archive(self._fd(shard), info.name, self.manifest.kind)
            if len(index.keys) != info.n_samples:
                raise ValueError(
                    f"shard {self.folder / info.name}: {len(index.keys)} samples, "
                    f"the manifest says {info.n_samples}"
                )
            self._indexes[shard] = index
        return self._indexes[shard]

    def read(self, shard: int, offset: int, n_bytes: int) -> bytes:
        """Bytes of a shard. Raises ValueError when it has become shorter since it was indexed."""
        data = os.pread(self._fd(shard), n_bytes, offset)
        if len(data) != n_bytes:
            name = self.manifest.shards[shard].name
            raise ValueError(
                f"shard {self.folder / name}, offset {offset}: "
                f"{len(data)} of {n_bytes} bytes: it was cut short while it was read"
            )
        return data

    def _fd(self, shard: int) -> int:
        if shard in self._open:
            self._open.move_to_end(shard)
            return self._open[shard]
        info = self.manifest.shards[shard]
        try:
            fd = self._opened(info)
        except FileNotFoundError as error:
            path = self.folder / info.name
            raise ValueError(f"shard {path} of the manifest is missing") from error
        self._open[shard] = fd
        if len(self._open) > MAX_OPEN_FILES:
            os.close(self._open.popitem(last=False)[1])
        if self._verify:
            self._check(shard, fd)
        return fd

    def path(self, file: FileInfo) -> Path:
        """Where a file of the set lies on this machine; it is fetched when it does not."""
        if self._remote is not None:
            self._remote.fetch(file)
        return current(self.folder, self.manifest, file.name)

    def _opened(self, shard: ShardInfo) -> int:
        file = listed_files([shard])[0]
        try:
            return os.open(self.path(file), os.O_RDONLY)
        except FileNotFoundError:
            # A takedown may have moved it to its name just now, or another process made room.
            return os.open(self.path(file), os.O_RDONLY)

    def _check(self, shard: int, fd: int) -> None:
        status = os.fstat(fd)
        identity = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._verified.get(shard) == identity:
            return
        with open(fd, "rb", buffering=0, closefd=False) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        info = self.manifest.shards[shard]
        if found != info.sha256:
            os.close(self._open.pop(shard))
            raise ValueError(describe_damage(self.folder, self.manifest, info, found))
        self._verified[shard] = identity


def _rebuild(
    folder: Path, kind: Literal["samples", "regions"], verify: bool, remote: Remote | None
) -> Archives:
    return Archives(folder, kind=kind, verify=verify, remote=remote)
