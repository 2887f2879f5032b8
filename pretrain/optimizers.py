"""How do several optimisers look like one?"""

import itertools
from collections.abc import Sequence
from typing import Any

import torch


class Optimizers:
    """Several optimisers as if they were one; its state is numbered as torch numbers one's."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self.parts = tuple(parts)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Of all of them, in order."""
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """See `torch.optim.Optimizer.zero_grad`."""
        for part in self.parts:
            part.zero_grad(set_to_none)

    def step(self) -> None:
        """A step of each."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """Moments by number of the parameter, counted through all of them."""
        state = {
            first + number: moments
            for first, part in zip(self._firsts(), self.parts, strict=True)
            for number, moments in part.state_dict()["state"].items()
        }
        return {"state": state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What `state_dict` gave."""
        state = state_dict["state"]
        for first, part in zip(self._firsts(), self.parts, strict=True):
            n = _n_params(part)
            own = {number: state[first + number] for number in range(n) if first + number in state}
            part.load_state_dict({**part.state_dict(), "state": own})

    def _firsts(self) -> list[int]:
        return [0, *itertools.accumulate(_n_params(part) for part in self.parts[:-1])]


def _n_params(optimizer: torch.optim.Optimizer) -> int:
    return sum(len(group["params"]) for group in optimizer.param_groups)
