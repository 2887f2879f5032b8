"""How does training get at samples: at random, verified, in an order that survives restarts?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from shards.archives import Archives
from shards.manifest import Manifest
from shards.order import GlobalBatch, Position, global_batches, order
from shards.sample import Sample

if TYPE_CHECKING:
    from torch.utils.data import DataLoader, Dataset, Sampler

__all__ = [
    "GlobalBatch",
    "LoadedBatch",
    "Position",
    "RegionsReader",
    "ShardReader",
    "global_batches",
    "order",
    "torch_loader",
]

T = TypeVar("T")


class ShardReader:
    """Random access to the samples of a finished set, by index or by key.

    The first touch of a shard checks its sha256 and reads its headers; after that a sample costs
    two positioned reads. Only members of the allow-list are ever returned, as bytes and text:
    nothing is unpickled. Processes may fork or pickle a reader; threads need one each.
    """

    def __init__(self, folder: Path, *, verify: bool = True) -> None:
        """Raises ValueError when `folder` (OUT or OUT/shards) is no finished set of samples."""
        self._archives = Archives(folder, kind="samples", verify=verify)

    def __len__(self) -> int:
        return len(self._archives)

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
        return Position(manifest_digest=self.manifest.digest, seed=seed)

    def key(self, i: int) -> str:
        """The key of sample `i`, without reading the sample."""
        shard, row = self._archives.locate(i)
        return str(self._archives.index(shard).keys[row], "ascii")

    def find(self, key: str) -> int | None:
        """The index of the sample with this key, or None."""
        return self._archives.find(key)

    def sample(self, i: int) -> Sample:
        """Sample `i` of `0..len-1`, in key order.

        Raises IndexError beyond the end, ValueError for a shard that is not the manifest's.
        """
        shard, row = self._archives.locate(i)
        index = self._archives.index(shard)
        image_at, text_at, record_at = index.offsets[row].tolist()
        n_image, n_text, n_record = index.sizes[row].tolist()
        # Text and record are small and neighbours: one read for both.
        words = self._archives.read(shard, text_at, record_at + n_record - text_at)
        return Sample(
            key=index.keys[row].decode(),
            image=self._archives.read(shard, image_at, n_image),
            extension=index.extensions[row].decode(),
            text=words[:n_text].decode(),
            record=words[record_at - text_at :].decode(),
        )


class RegionsReader:
    """Random access by key to the region features that accompany a sample set."""

    def __init__(self, folder: Path, *, verify: bool = True) -> None:
        """Raises ValueError when `folder` is no finished set of regions."""
        self._archives = Archives(folder, kind="regions", verify=verify)

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

    def npz(self, key: str) -> bytes:
        """The `.regions.npz` body of one sample; load it with `allow_pickle=False`.

        Raises KeyError when the set has no such key.
        """
        i = self._archives.find(key)
        if i is None:
            raise KeyError(key)
        shard, row = self._archives.locate(i)
        index = self._archives.index(shard)
        return self._archives.read(shard, int(index.offsets[row, 0]), int(index.sizes[row, 0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBatch(Generic[T]):
    """What a loader yields: the rank's share of a step, read, and where the step leaves the run."""

    value: T
    """What the caller's `read` made of the samples."""
    n_global: int
    """Samples of all ranks in this step."""
    position: Position
    """After this step; state of a checkpoint taken after it, however far workers read ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read(Generic[T]):
    """A map-style torch data set whose keys are whole batches."""

    reader: ShardReader
    read: Callable[[list[Sample]], T]

    def __getitem__(self, batch: GlobalBatch) -> LoadedBatch[T]:
        samples = [self.reader.sample(i) for i in batch.indices.tolist()]
        return LoadedBatch(
            value=self.read(samples), n_global=batch.n_global, position=batch.position
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batches:
    """A torch sampler that yields whole batches."""

    n_samples: int
    manifest_digest: str
    position: Position
    rank: int
    world_size: int
    batch_size_per_rank: int
    end_epoch: int | None

    def __iter__(self) -> Iterator[GlobalBatch]:
        return global_batches(
            n_samples=self.n_samples,
            manifest_digest=self.manifest_digest,
            position=self.position,
            rank=self.rank,
            world_size=self.world_size,
            batch_size_per_rank=self.batch_size_per_rank,
            end_epoch=self.end_epoch,
        )


def torch_loader(
    reader: ShardReader,
    read: Callable[[list[Sample]], T],
    *,
    position: Position,
    rank: int,
    world_size: int,
    batch_size_per_rank: int,
    end_epoch: int | None = None,
    n_workers: int = 0,
    start_method: str | None = None,
) -> "DataLoader[LoadedBatch[T]]":
    """A torch DataLoader over `global_batches`: `read` decodes and collates in the workers.

    torch hands whole batches to workers in turn and gives them back in turn, so the order does not
    depend on `n_workers`. `read` must not draw from global random state; let it derive its own from
    the sample keys and the epoch. Raises ValueError as `global_batches` does.
    """
    from torch.utils.data import DataLoader

    batches = _Batches(
        n_samples=len(reader),
        manifest_digest=reader.manifest.digest,
        position=position,
        rank=rank,
        world_size=world_size,
        batch_size_per_rank=batch_size_per_rank,
        end_epoch=end_epoch,
    )
    iter(batches)  # raises for a wrong position now, not inside a worker's first batch
    # Any object with __getitem__ is a map-style data set and any iterable a sampler; torch's own
    # types ask for subclasses.
    return DataLoader(
        cast("Dataset[LoadedBatch[T]]", _Read(reader=reader, read=read)),
        sampler=cast("Sampler[GlobalBatch]", batches),
        batch_size=None,
        num_workers=n_workers,
        collate_fn=_same,
        multiprocessing_context=start_method,
    )


def _same(batch: Any) -> Any:
    return batch
