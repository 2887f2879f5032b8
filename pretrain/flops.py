"""Which share of what a device could do at most does training use (MFU)?"""

import re
from typing import Final

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from pretrain.steps.strategy import Shown

PEAKS: Final = (
    # name of the device as CUDA tells it, dense bfloat16 FLOP/s, where it is published
    (r"\bA100\b", 312e12),  # NVIDIA A100 Tensor Core GPU, data sheet
    (r"\bA10\b", 125e12),  # NVIDIA A10 Tensor Core GPU, data sheet
    (r"\bL4\b", 121e12),  # NVIDIA L4 Tensor Core GPU, data sheet: 242 with sparsity
    (r"\bL40S\b", 362e12),  # NVIDIA L40S GPU, data sheet: 733 with sparsity
    (r"\bH100 PCIe\b", 756e12),  # NVIDIA H100 Tensor Core GPU, data sheet: 1,513 with sparsity
    (r"\bH100 80GB HBM3\b", 989e12),  # the same, SXM: 1,979 with sparsity
    (r"\bH200\b", 989e12),  # NVIDIA H200 Tensor Core GPU, data sheet: 1,979 with sparsity
)
"""Without sparsity: half of the figure that newer data sheets print."""


def peak_of(device: torch.device) -> float | None:
    """Dense bfloat16 FLOP/s of a device; None where none is published or known to us."""
    return peak_of_name(torch.cuda.get_device_name(device)) if device.type == "cuda" else None


def peak_of_name(name: str) -> float | None:
    """The same, by the name that CUDA gives it."""
    return next((peak for pattern, peak in PEAKS if re.search(pattern, name)), None)


def flops_of_pair(network: nn.Module, shown: Shown) -> float:
    """FLOPs of the matrix products, forward and backward, that one pair of `shown` takes.

    Padding counts: it is work that the device does. Gradients are gone afterwards.
    """
    # The fused kernels of some devices are not counted; the plain products of attention are.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        losses = network(shown.batch, shown.view)
        torch.autograd.backward([loss.total for loss in losses.values()])
    network.zero_grad(set_to_none=True)
    return float(counter.get_total_flops()) / len(shown.batch.match_B)
