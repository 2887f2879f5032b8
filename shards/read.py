"""How does training get at samples: at random, verified, in an order that survives restarts?"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from filter.tombstones import Tombstones, read_tombstones
from shards.archives import Archives
from shards.loader import LoadedBatch, Reader, torch_loader
from shards.manifest import Manifest
from shards.order import GlobalBatch, Position, global_batches, order, order_in_blocks
from shards.remote import is_remote, local_path, open_remote
from shards.sample import Sample
from shards.stream import hits, read_regions, read_sample

__all__ = [
    "GlobalBatch",
    "LoadedBatch",
    "Position",
    "Reader",
    "RegionsReader",
    "ShardReader",
    "global_batches",
    "order",
    "torch_loader",
]

CACHE_BYTES = 20 * 2**30


class ShardReader:
    """Random access to the samples of a finished set, by index or by key.

    The first touch of a shard checks its sha256 and reads its headers; after that a sample costs
    two positioned reads. Only members of the allow-list are ever returned, as bytes and text:
    nothing is unpickled. Processes may fork or pickle a reader; threads need one each.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        verify: bool = True,
        tombstones: Sequence[Path] = (),
        cache: Path | None = None,
        cache_bytes: int = CACHE_BYTES,
        shards_per_block: int | None = None,
    ) -> None:
        """Opens OUT or OUT/shards, without the samples that `tombstones` name.

        Args:
            folder: A folder, or the URL of one in an object store.
            verify: Compare each archive's sha256 when it is first touched.
            tombstones: Files; an old copy of a purged set then does not give back what was taken
                down. What is left is a set of its own, with a digest of its own. Those about
                addresses or looks cost a pass over the Parquet files, about 5 us a sample.
            cache: Where files of a remote set are kept.
            cache_bytes: Of all that is kept there.
            shards_per_block: Visit so many shards at a time, in an order and with a digest of its
                own: for a remote set that is larger than the cache. None: all of them.

        Raises:
            ValueError: `folder` is no finished set of samples, `tombstones` cannot be read, or a
                block does not fit into the cache.
        """
        self._archives = _archives(folder, "samples", verify, cache, cache_bytes)
        stones = Tombstones(stone for path in tombstones for stone in read_tombstones(path))
        gone = np.array(sorted(_places(self._archives, stones)), dtype=np.int64)
        self._gone = gone
        # How many samples are left before each one that is gone.
        self._before = gone - np.arange(len(gone))
        self.digest = self.manifest.digest
        """The manifest's, but where tombstones took samples away."""
        if len(gone):
            said = f"{self.digest}\n{gone.tolist()}".encode()
            self.digest = hashlib.sha256(said).hexdigest()
        self._shards_per_block = shards_per_block
        if shards_per_block is not None:
            largest = sorted(shard.n_bytes for shard in self.manifest.shards)[-shards_per_block:]
            if shards_per_block < 1 or (cache is not None and sum(largest) > cache_bytes):
                raise ValueError(
                    f"shards_per_block={shards_per_block}: such a block has up to {sum(largest)} "
                    f"bytes, the cache {cache_bytes}; visit fewer at a time, or allow more"
                )
            said = f"{self.digest}\nblocks of {shards_per_block}".encode()
            self.digest = hashlib.sha256(said).hexdigest()

    def __len__(self) -> int:
        return len(self._archives) - len(self._gone)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the files; a later read opens them again."""
        self._archives.close()

    @property
    def manifest(self) -> Manifest:
        """Of the set that is read."""
        return self._archives.manifest

    def start(self, seed: int) -> Position:
        """The position in which a new run begins."""
        return Position(manifest_digest=self.digest, seed=seed)

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """The indices [len(self)] in which an epoch visits the set."""
        if self._shards_per_block is not None:
            sizes = self._sizes()
            return order_in_blocks(seed, epoch, self.digest, sizes, self._shards_per_block)
        return order(seed, epoch, self.digest, len(self))

    def key(self, i: int) -> str:
        """The key of sample `i`, without reading the sample."""
        shard, row = self._archives.locate(self._place(i))
        return str(self._archives.index(shard).keys[row], "ascii")

    def find(self, key: str) -> int | None:
        """The index of the sample with this key, or None."""
        place = self._archives.find(key)
        if place is None or not len(self._gone):
            return place
        n_before = int(np.searchsorted(self._gone, place))
        if n_before < len(self._gone) and self._gone[n_before] == place:
            return None
        return place - n_before

    def sample(self, i: int) -> Sample:
        """Sample `i` of `0..len-1`, in key order.

        Raises IndexError beyond the end, ValueError for a shard that is not the manifest's.
        """
        return read_sample(self._archives, *self._archives.locate(self._place(i)))

    def _sizes(self) -> list[int]:
        """Samples of each shard that are left."""
        ends = np.cumsum([shard.n_samples for shard in self.manifest.shards])
        left = ends - np.searchsorted(self._gone, ends)
        return [int(n) for n in np.diff(left, prepend=0)]

    def _place(self, i: int) -> int:
        """Where sample `i` lies among all that the archives hold."""
        if not len(self._gone):
            return i
        if not 0 <= i < len(self):
            raise IndexError(f"sample {i} of {len(self)}")
        return i + int(np.searchsorted(self._before, i, side="right"))


def _archives(
    folder: Path | str,
    kind: Literal["samples", "regions"],
    verify: bool,
    cache: Path | None,
    cache_bytes: int,
) -> Archives:
    if not is_remote(folder):
        return Archives(local_path(folder), kind=kind, verify=verify)
    remote = open_remote(str(folder), cache, cache_bytes)
    return Archives(remote.folder, kind=kind, verify=verify, remote=remote)


def _places(archives: Archives, stones: Tombstones) -> set[int]:
    """Places of the samples that were taken down."""
    if stones.asks_urls or stones.phashes:
        return {hit.place for hit in hits(archives, stones)}
    found = {archives.find(key) for key in stones.keys}
    return {place for place in found if place is not None}


class RegionsReader:
    """Random access by key to the region features that accompany a sample set."""

    def __init__(
        self,
        folder: Path | str,
        *,
        verify: bool = True,
        cache: Path | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        """As `ShardReader`. Raises ValueError when `folder` is no finished set of regions."""
        self._archives = _archives(folder, "regions", verify, cache, cache_bytes)

    def __len__(self) -> int:
        return len(self._archives)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archives.close()

    @property
    def manifest(self) -> Manifest:
        """Of the regions; `manifest.regions` names the detector and the source set."""
        return self._archives.manifest

    def __contains__(self, key: str) -> bool:
        return self._archives.find(key) is not None

    def npz(self, key: str) -> bytes:
        """The `.regions.npz` body of one sample; load it with `allow_pickle=False`.

        Raises KeyError when the set has no such key.
        """
        return read_regions(self._archives, key)
