"""Are the operations counted right, and is a peak only told where it is known?"""

from collections.abc import Callable

import pytest
import torch

from pretrain.batch import Batch, View
from pretrain.flops import flops_of_pair, peak_of, peak_of_name
from pretrain.network import Network
from pretrain.steps.strategy import Shown


def test_flops_of_a_pair_are_those_of_its_matrix_products(
    network: Network, make_batch: Callable[..., Batch]
) -> None:
    """Six for every weight of a map and token, and the scores; red if attention is not counted."""
    batch = make_batch(8)
    shown = Shown(batch=batch, view=View.of(batch))
    n_text, n_regions = batch.tokens_BL.shape[1], batch.regions_BRD.shape[1]
    n, width = n_text + n_regions, 64
    maps = sum(p.numel() for p in network.encoder.parameters() if p.dim() == 2)
    attention = 2 * 6 * 2 * n * n * width
    image = network.region.feature.weight.numel()
    encoder = 6 * maps * n + attention
    counted = flops_of_pair(network, shown)
    assert counted > encoder
    # What stands outside of the encoder is small here: regions in, heads out.
    assert counted == pytest.approx(encoder + 6 * image * n_regions, rel=0.1)
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA A10", 125e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L40", None),
        ("Tesla V100-SXM2-16GB", None),
    ],
)
def test_a_peak_is_that_of_the_very_device(name: str, peak: float | None) -> None:
    assert peak_of_name(name) == peak


def test_a_cpu_has_no_published_peak() -> None:
    assert peak_of(torch.device("cpu")) is None
