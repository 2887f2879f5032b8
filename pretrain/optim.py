"""How do gradients become steps?"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, assert_never

import torch
from torch import nn

from pretrain.bert_adam import BertAdam
from pretrain.optimizers import Optimizers

NO_DECAY = r"(\.bias|\.norm\.weight)$"
"""Biases and layer norms."""
Decay = Literal["linear", "cosine", "steps", "constant"]
Clip = Literal["together", "each"]
_SUBLAYER = re.compile(r"encoder\.sublayers\.(\d+)\.")
_EMBEDDERS = ("text.", "region.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamGroup:
    """Parameters whose path matches `pattern` (the first group that matches takes them)."""

    pattern: str
    lr_scale: float = 1.0
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Adam:
    """Adam; where `weight_decay` is not 0, decoupled (AdamW)."""

    lr: float
    variant: Literal["adam", "bert", "adamax"] = "adam"
    """`bert`: BERT's own, without bias correction (ViLBERT, LXMERT); `adamax`: by the largest
    gradient instead of their squares (bottom-up top-down VQA), its `weight_decay` not decoupled."""
    params: str = ""
    """Of `Stage.more_optims`: which parameters are this optimiser's, a pattern of their paths."""
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    groups: tuple[ParamGroup, ...] = (ParamGroup(pattern=NO_DECAY),)
    """Exceptions; all other parameters get `lr` and `weight_decay`."""
    layer_decay: float = 1.0
    """Each sublayer of the encoder learns this times as fast as the one above it, the embedders as
    if below the lowest, the heads at the full rate (ELECTRA, BEiT); on top of a group's scale."""
    warmup: float = 0.1
    """Share of the stage's steps over which the rate rises linearly from 0."""
    decay: Decay = "linear"
    """After the warm-up: down to 0 at the stage's last step in a line or half a cosine, times
    `drop` at each of `milestones`, or not at all."""
    milestones: tuple[float, ...] = ()
    """Of `steps`: shares of the stage, e.g. (0.625, 0.875) for epochs 25 and 35 of 40."""
    drop: float = 0.1
    clip_norm: float | None = 1.0
    """Largest norm of the gradients."""
    clip: Clip = "together"
    """The norm of all gradients as one vector, or of each parameter's own (BertAdam)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sgd:
    """Gradient descent with momentum (Pixel-BERT's CNN). Fields of the same name are `Adam`'s."""

    lr: float
    params: str = ""
    momentum: float = 0.9
    weight_decay: float = 0.0
    groups: tuple[ParamGroup, ...] = (ParamGroup(pattern=NO_DECAY),)
    layer_decay: float = 1.0
    warmup: float = 0.1
    decay: Decay = "linear"
    milestones: tuple[float, ...] = ()
    drop: float = 0.1
    clip_norm: float | None = 1.0
    clip: Clip = "together"


Optim = Adam | Sgd


def lr_factor(spec: Optim, step: int, total_steps: int) -> float:
    """The rate of step `step` (from 0) as a share of `lr`: a pure function, nothing to save."""
    warmup_steps = round(spec.warmup * total_steps)
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    left = (total_steps - step) / max(1, total_steps - warmup_steps)
    match spec.decay:
        case "linear":
            return left
        case "cosine":
            return 0.5 * (1 - math.cos(math.pi * left))
        case "steps":
            return spec.drop ** sum(step >= at * total_steps for at in spec.milestones)
        case "constant":
            return 1.0


def build_optimizer(
    network: nn.Module, spec: Optim, more: Sequence[Optim] = ()
) -> torch.optim.Optimizer | Optimizers:
    """The optimiser of all parameters that take gradients.

    Args:
        network: Whose parameters.
        spec: Of all that none of `more` takes.
        more: Each takes what its `params` matches, the first that does.

    Raises:
        ValueError: one of `more` matches no parameter.
    """
    shares = _shares(network, (*more, spec))
    for share, other in zip(shares, more, strict=False):
        if not share:
            raise ValueError(f"more_optims: no parameter matches params={other.params!r}")
    made = [_build(share, own) for share, own in zip(shares, (*more, spec), strict=True)]
    return made[0] if len(made) == 1 else Optimizers(made)


def _shares(network: nn.Module, specs: Sequence[Optim]) -> list[dict[str, nn.Parameter]]:
    """The parameters of each by path; the last takes what is left."""
    shares: list[dict[str, nn.Parameter]] = [{} for _ in specs]
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            takers = (i for i, spec in enumerate(specs[:-1]) if re.search(spec.params, name))
            shares[next(takers, len(specs) - 1)][name] = parameter
    return shares


def _build(parameters: dict[str, nn.Parameter], spec: Optim) -> torch.optim.Optimizer:
    depths = {name: _depth(name) for name in parameters}
    top = max((depth for depth in depths.values() if depth is not None), default=0) + 1
    groups: dict[tuple[int, int], dict[str, Any]] = {}
    for name, parameter in parameters.items():
        number, group = _group_of(name, spec)
        below = top - (top if (depth := depths[name]) is None else depth)
        if spec.layer_decay == 1.0:
            below = 0
        made = groups.setdefault(
            (number, -below),
            {
                "params": [],
                "lr_scale": group.lr_scale * spec.layer_decay**below,
                "weight_decay": group.weight_decay,
            },
        )
        made["params"].append(parameter)
    used = [groups[place] for place in sorted(groups)]
    if isinstance(spec, Sgd):
        return torch.optim.SGD(used, lr=spec.lr, momentum=spec.momentum)
    match spec.variant:
        case "adam":
            return torch.optim.AdamW(used, lr=spec.lr, betas=spec.betas, eps=spec.eps, fused=True)
        case "bert":
            return BertAdam(used, lr=spec.lr, betas=spec.betas, eps=spec.eps)
        case "adamax":
            return torch.optim.Adamax(used, lr=spec.lr, betas=spec.betas, eps=spec.eps)
    assert_never(spec.variant)


def clip_gradients(network: nn.Module, spec: Optim, more: Sequence[Optim] = ()) -> None:
    """Scale down gradients whose norm is above `clip_norm`, in place; each optimiser its own."""
    specs = (*more, spec)
    for share, own in zip(_shares(network, specs), specs, strict=True):
        if own.clip_norm is None:
            continue
        if own.clip == "together":
            nn.utils.clip_grad_norm_(share.values(), own.clip_norm)
            continue
        for parameter in share.values():
            if parameter.grad is not None:
                nn.utils.clip_grad_norm_(parameter, own.clip_norm)


def _group_of(name: str, spec: Optim) -> tuple[int, ParamGroup]:
    """Number and settings of a parameter's group; all that match none come last."""
    for number, group in enumerate(spec.groups):
        if re.search(group.pattern, name):
            return number, group
    return len(spec.groups), ParamGroup(pattern="", weight_decay=spec.weight_decay)


def _depth(name: str) -> int | None:
    """0 for the embedders, 1, 2, ... for sublayers from below, None for heads."""
    found = _SUBLAYER.match(name)
    if found:
        return 1 + int(found[1])
    return 0 if name.startswith(_EMBEDDERS) else None


def set_lr(
    optimizer: torch.optim.Optimizer | Optimizers,
    spec: Optim,
    step: int,
    total_steps: int,
    more: Sequence[Optim] = (),
) -> float:
    """Set the rates for a step; returns the base rate of `spec`."""
    parts = optimizer.parts if isinstance(optimizer, Optimizers) else (optimizer,)
    for part, own in zip(parts, (*more, spec), strict=True):
        lr = own.lr * lr_factor(own, step, total_steps)
        for group in part.param_groups:
            group["lr"] = lr * group["lr_scale"]
    return lr
