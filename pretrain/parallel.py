"""How is one network spread over the workers?

`ddp`: every worker holds the whole network and all moments; gradients are averaged.
`fsdp`: every worker holds a share of each parameter, its gradient and its moments (FSDP2); a
sublayer's weights are put together when it runs and given up again.

Either way the workers make the step that one would make, and what is written is the whole.
"""

import contextlib
from collections.abc import Mapping

from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from pretrain.dual import DualNetwork
from pretrain.network import Network
from pretrain.recipe import Stage
from pretrain.workers import Workers, device_of


def spread(network: Network | DualNetwork, stage: Stage, workers: Workers) -> nn.Module:
    """The network as this stage runs it; all workers call this at once.

    With `fsdp` the parameters are replaced, so the optimiser must be built afterwards; the network
    itself is returned. Weights must be the same on all workers before.
    """
    if stage.compile:
        network.compile()
    if workers.size == 1:
        return network
    if stage.parallel == "ddp":
        # Not every parameter sends a gradient in every step: heads that are not asked, tokens of
        # tasks that no turn has, the last image layers of LXMERT where only [CLS] is read.
        return DistributedDataParallel(
            network, gradient_as_bucket_view=True, find_unused_parameters=True
        )
    assert isinstance(network, Network), "see `pretrain.plan.prepare`"
    mesh = init_device_mesh(device_of(network).type, (workers.size,))
    for sublayer in network.encoder.sublayers:
        fully_shard(sublayer, mesh=mesh)
    fully_shard(network, mesh=mesh)
    return network


def synchronised(network: nn.Module, *, last: bool) -> contextlib.AbstractContextManager[object]:
    """For one micro-batch: gradients travel between workers once a step, with the last one."""
    if isinstance(network, FSDPModule):
        network.set_requires_gradient_sync(last)
    elif isinstance(network, DistributedDataParallel) and not last:
        return network.no_sync()
    return contextlib.nullcontext()


def whole(tensor: Tensor) -> Tensor:
    """All of a tensor of which workers hold shares; they all call this at once."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def gathered(tensors: Mapping[str, Tensor], *, keep: bool) -> dict[str, Tensor]:
    """Each tensor as a whole, in its turn, on the CPU of the workers that keep them."""
    kept = {}
    for name, tensor in tensors.items():
        entire = whole(tensor)
        if keep:
            kept[name] = entire.cpu().contiguous()
    return kept


def shared_like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """A whole tensor, dealt out as `parameter` is; a scalar stays as it is."""
    if not isinstance(parameter, DTensor) or not tensor.dim():
        return tensor
    mesh, device = parameter.device_mesh, parameter.device
    return distribute_tensor(tensor.to(device), mesh, parameter.placements, src_data_rank=None)
