"""Do rates rise and fall as written, and does every parameter land in its group?"""

import pytest
import torch

from pretrain.network import Network
from pretrain.optim import Adam, ParamGroup, build_optimizer, lr_factor, set_lr


def test_rate_rises_linearly_then_falls_to_nothing() -> None:
    spec = Adam(lr=1.0, warmup=0.1)
    factors = [lr_factor(spec, step, 100) for step in range(100)]
    assert factors[:3] == pytest.approx([1 / 11, 2 / 11, 3 / 11])
    assert max(factors) == factors[10] == 1.0
    assert factors[55] == pytest.approx(0.5)
    assert factors[99] == pytest.approx(1 / 90)
    constant = Adam(lr=1.0, warmup=0.0, decay="constant")
    assert {lr_factor(constant, step, 100) for step in range(100)} == {1.0}


def test_biases_and_norms_are_not_decayed_and_all_others_are(network: Network) -> None:
    optimizer = build_optimizer(network, Adam(lr=1.0, weight_decay=0.01))
    decay = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    assert len(decay) == sum(1 for _ in network.parameters())
    for name, parameter in network.named_parameters():
        exempt = name.endswith(".bias") or ".norm." in name
        assert decay[id(parameter)] == (0.0 if exempt else 0.01), name


def test_a_group_scales_the_rate(network: Network) -> None:
    spec = Adam(lr=1e-3, groups=(ParamGroup(pattern=r"^text\.", lr_scale=0.1),))
    optimizer = build_optimizer(network, spec)
    assert set_lr(optimizer, spec, 50, 100) == pytest.approx(1e-3 * lr_factor(spec, 50, 100))
    scaled = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    rate = 1e-3 * lr_factor(spec, 50, 100)
    for name, parameter in network.named_parameters():
        assert scaled[id(parameter)] == pytest.approx(rate * (0.1 if name[:5] == "text." else 1))


def test_a_step_is_adams(network: Network) -> None:
    """Against the update written out: the first step of Adam is the sign of the gradient."""
    optimizer = build_optimizer(network, Adam(lr=1e-2, eps=1e-12))
    weight = network.heads["itm"].weight
    before = weight.detach().clone()
    (weight * torch.linspace(-1, 1, weight.numel())).sum().backward()
    optimizer.step()
    expected = before - 1e-2 * torch.linspace(-1, 1, weight.numel()).sign()
    assert torch.allclose(weight, expected, atol=1e-6)
