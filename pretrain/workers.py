"""What do the workers of a run tell each other?"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """This worker's place among all; one worker alone needs no process group."""

    rank: int = 0
    size: int = 1

    def total(self, values: Tensor) -> Tensor:
        """The sum over all workers, on each of them."""
        if self.size == 1:
            return values
        summed = values.clone()
        dist.all_reduce(summed)
        return summed

    def as_first(self, values: Sequence[float], device: torch.device) -> tuple[float, ...]:
        """The first worker's values, on all of them: what is decided upon must be the same."""
        if self.size == 1:
            return tuple(values)
        agreed = torch.tensor(values, dtype=torch.float64, device=device)
        dist.broadcast(agreed, src=0)
        return tuple(agreed.tolist())

    def wait(self) -> None:
        """Until all workers are here."""
        if self.size > 1:
            dist.barrier()


def current() -> Workers:
    """The place that torch.distributed knows, once it is initialised."""
    if not (dist.is_available() and dist.is_initialized()):
        return Workers()
    return Workers(rank=dist.get_rank(), size=dist.get_world_size())


def device_of(module: torch.nn.Module) -> torch.device:
    """Where a module's parameters are."""
    return next(module.parameters()).device
