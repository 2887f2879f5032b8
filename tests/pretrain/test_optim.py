"""Do rates rise and fall as written, and does every parameter land in its group?"""

import pytest
import torch

from pretrain.average import Average
from pretrain.bert_adam import BertAdam
from pretrain.network import Network
from pretrain.optim import (
    Adam,
    ParamGroup,
    Sgd,
    build_optimizer,
    clip_gradients,
    lr_factor,
    set_lr,
)
from pretrain.optimizers import Optimizers


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


def test_cosine_and_steps_against_their_formulas() -> None:
    cosine = Adam(lr=1.0, warmup=0.0, decay="cosine")
    factors = [lr_factor(cosine, step, 100) for step in range(100)]
    assert factors[0] == pytest.approx(1.0)
    assert factors[50] == pytest.approx(0.5)
    assert factors[25] == pytest.approx((1 + 2**-0.5) / 2)
    assert factors == sorted(factors, reverse=True)
    steps = Adam(lr=1.0, warmup=0.0, decay="steps", milestones=(0.625, 0.875))
    factors = [lr_factor(steps, step, 40) for step in range(40)]
    assert factors == pytest.approx([1.0] * 25 + [0.1] * 10 + [0.01] * 5)


def test_lower_layers_learn_more_slowly(network: Network) -> None:
    optimizer = build_optimizer(network, Adam(lr=1.0, layer_decay=0.5, weight_decay=0.01))
    scale = {id(p): g["lr_scale"] for g in optimizer.param_groups for p in g["params"]}
    n_sublayers = len(network.encoder.sublayers)
    assert len(scale) == sum(1 for _ in network.parameters())
    for name, parameter in network.named_parameters():
        if name.startswith("encoder.sublayers."):
            below = n_sublayers - int(name.split(".")[2])
        else:
            below = 0 if name.startswith("heads.") else n_sublayers + 1
        assert scale[id(parameter)] == 0.5**below, name
    decays = {g["weight_decay"] for g in optimizer.param_groups}
    assert decays == {0.0, 0.01}


def test_clipping_together_and_each(network: Network) -> None:
    def norms(spec: Adam) -> list[float]:
        for number, parameter in enumerate(network.parameters()):
            parameter.grad = torch.full_like(parameter, 1e-3 if number else 10.0)
        clip_gradients(network, spec)
        return [p.grad.norm().item() for p in network.parameters() if p.grad is not None]

    whole = norms(Adam(lr=1.0, clip_norm=None))
    together = norms(Adam(lr=1.0, clip_norm=1.0))
    assert sum(n**2 for n in together) ** 0.5 == pytest.approx(1.0, rel=1e-3)
    each = norms(Adam(lr=1.0, clip_norm=1.0, clip="each"))
    assert each == pytest.approx([min(n, 1.0) for n in whole], rel=1e-3)


def test_berts_adam_is_the_update_written_out_without_correction() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    group = {"params": [weight], "weight_decay": 0.1}
    optimizer = BertAdam([group], lr=0.01, betas=(0.9, 0.99), eps=1e-6)
    expected, mean, square = weight.detach().clone(), torch.zeros(2), torch.zeros(2)
    for gradient in (torch.tensor([0.5, -1.0]), torch.tensor([0.1, 3.0]), torch.tensor([2.0, 0.0])):
        weight.grad = gradient
        optimizer.step()
        mean, square = 0.9 * mean + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
        expected -= 0.01 * (mean / (square.sqrt() + 1e-6) + 0.1 * expected)
        assert torch.allclose(weight, expected, atol=1e-7)


def test_several_optimisers_share_the_parameters_by_their_patterns(network: Network) -> None:
    """As Pixel-BERT: descent for what sees the image, Adam for the rest; own rates and clips."""
    main = Adam(lr=1e-4, clip_norm=None)
    seeing = Sgd(lr=1e-2, params=r"^region\.", milestones=(0.5,), decay="steps", warmup=0.0)
    slow = Adam(lr=1e-3, params=r"^(region|text)\.", variant="adamax")
    optimizer = build_optimizer(network, main, (seeing, slow))
    assert isinstance(optimizer, Optimizers)
    kinds = {
        id(p): type(part).__name__
        for part in optimizer.parts
        for group in part.param_groups
        for p in group["params"]
    }
    names = {"region.": "SGD", "text.": "Adamax"}
    for name, parameter in network.named_parameters():
        expected = next((kind for first, kind in names.items() if name.startswith(first)), "AdamW")
        assert kinds[id(parameter)] == expected, name
    assert set_lr(optimizer, main, 60, 100, (seeing, slow)) == 1e-4 * lr_factor(main, 60, 100)
    assert optimizer.parts[0].param_groups[0]["lr"] == pytest.approx(1e-3)
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    clip_gradients(network, main, (seeing, slow))
    shares = [list(part.param_groups[0]["params"]) for part in optimizer.parts]
    assert [float(share[0].grad.max()) < 1 for share in shares] == [True, True, False]
    with pytest.raises(ValueError, match=r"no parameter matches params='\^cnn'"):
        build_optimizer(network, main, (Sgd(lr=1.0, params="^cnn"),))


def test_an_average_follows_the_weights(network: Network) -> None:
    average = Average(network, 0.9)
    weight = network.heads["itm"].weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1.0)
    average.update(network)
    assert torch.allclose(average.weights["heads.itm.weight"], before + 0.1, atol=1e-6)
    with pytest.raises(ValueError, match=r"average=1\.5"):
        Average(network, 1.5)
