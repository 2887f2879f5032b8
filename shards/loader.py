"""How does torch get batches of samples, read and decoded in its workers?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from shards.order import GlobalBatch, Position, Visit, global_batches
from shards.sample import Sample

if TYPE_CHECKING:
    from torch.utils.data import DataLoader, Dataset, Sampler

T = TypeVar("T")


class Reader(Protocol):
    """What a loader reads: one set, or a mix of several."""

    @property
    def digest(self) -> str:
        """Of what is read; a position belongs to it."""
        ...

    def __len__(self) -> int:
        """How many samples an epoch has."""
        ...

    def order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        """The samples of an epoch."""
        ...

    def sample(self, i: int) -> Sample:
        """One of them."""
        ...


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

    reader: Reader
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
    visit: Visit

    def __iter__(self) -> Iterator[GlobalBatch]:
        return global_batches(
            n_samples=self.n_samples,
            manifest_digest=self.manifest_digest,
            position=self.position,
            rank=self.rank,
            world_size=self.world_size,
            batch_size_per_rank=self.batch_size_per_rank,
            end_epoch=self.end_epoch,
            visit=self.visit,
        )


def torch_loader(
    reader: Reader,
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
        manifest_digest=reader.digest,
        position=position,
        rank=rank,
        world_size=world_size,
        batch_size_per_rank=batch_size_per_rank,
        end_epoch=end_epoch,
        visit=reader.order,
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
