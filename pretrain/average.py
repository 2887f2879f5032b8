"""How are the averaged weights kept that a stage may ask for?"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of all weights, beginning with those of the first step.

    Where workers hold shares of the weights, each averages its own.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Raises ValueError: a decay outside of [0, 1)."""
        if not 0 <= decay < 1:
            raise ValueError(f"average={decay} is no decay of an average: take 0.999 or the like")
        self._decay = decay
        self.weights: dict[str, Tensor] = {
            name: tensor.detach().clone() for name, tensor in network.state_dict().items()
        }
        """By the network's own names."""

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Once after every optimiser step."""
        for name, tensor in network.state_dict().items():
            self.weights[name].lerp_(tensor, 1 - self._decay)

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from these."""
        for name, tensor in self.weights.items():
            tensor.copy_(weights[name])
