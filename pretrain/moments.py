"""How do an optimiser's moments become tensors with names, and moments again?

A name is "<parameter>/<moment>": whatever the optimiser's own numbering, its groups, or how many
optimisers there are, a file of them fits the same network.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pretrain.optimizers import Optimizers
from pretrain.parallel import shared_like


def moments_of(
    network: nn.Module, optimizer: torch.optim.Optimizer | Optimizers
) -> dict[str, Tensor]:
    """All moments, by name; of a worker that holds shares: its shares."""
    names = _optimized(network, optimizer)
    return {
        f"{names[number]}/{moment}": tensor
        for number, moments in optimizer.state_dict()["state"].items()
        for moment, tensor in moments.items()
    }


def put_moments(
    whole: Mapping[str, Tensor],
    network: nn.Module,
    optimizer: torch.optim.Optimizer | Optimizers,
) -> None:
    """Put whole moments into an optimiser of the same network, dealt out as its parameters are."""
    parameters = dict(network.named_parameters())
    state: dict[int, dict[str, Tensor]] = {}
    for number, name in enumerate(_optimized(network, optimizer)):
        prefix = f"{name}/"
        state[number] = {
            key.removeprefix(prefix): shared_like(tensor, parameters[name])
            for key, tensor in whole.items()
            if key.startswith(prefix)
        }
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _optimized(network: nn.Module, optimizer: torch.optim.Optimizer | Optimizers) -> list[str]:
    """Names of the optimiser's parameters, in its own numbering."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return [names[id(p)] for group in optimizer.param_groups for p in group["params"]]
