"""How do gradients become steps?"""

import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

NO_DECAY = r"(\.bias|\.norm\.weight)$"
"""Biases and layer norms."""
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
    decay: Literal["linear", "cosine", "steps", "constant"] = "linear"
    """After the warm-up: down to 0 at the stage's last step in a line or half a cosine, times
    `drop` at each of `milestones`, or not at all."""
    milestones: tuple[float, ...] = ()
    """Of `steps`: shares of the stage, e.g. (0.625, 0.875) for epochs 25 and 35 of 40."""
    drop: float = 0.1
    clip_norm: float | None = 1.0
    """Largest norm of the gradients."""
    clip: Literal["together", "each"] = "together"
    """The norm of all gradients as one vector, or of each parameter's own (BertAdam)."""


def lr_factor(spec: Adam, step: int, total_steps: int) -> float:
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


def build_optimizer(network: nn.Module, spec: Adam) -> torch.optim.Optimizer:
    """The optimiser of all parameters that take gradients."""
    depths = {name: _depth(name) for name, _ in network.named_parameters()}
    top = max((depth for depth in depths.values() if depth is not None), default=0) + 1
    groups: dict[tuple[int, int], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
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
    return torch.optim.AdamW(used, lr=spec.lr, betas=spec.betas, eps=spec.eps, fused=True)


def clip_gradients(network: nn.Module, spec: Adam) -> None:
    """Scale down gradients whose norm is above `clip_norm`, in place."""
    if spec.clip_norm is None:
        return
    if spec.clip == "together":
        nn.utils.clip_grad_norm_(network.parameters(), spec.clip_norm)
        return
    for parameter in network.parameters():
        if parameter.grad is not None:
            nn.utils.clip_grad_norm_(parameter, spec.clip_norm)


def _group_of(name: str, spec: Adam) -> tuple[int, ParamGroup]:
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


def set_lr(optimizer: torch.optim.Optimizer, spec: Adam, step: int, total_steps: int) -> float:
    """Set the rates for a step; returns the base rate."""
    lr = spec.lr * lr_factor(spec, step, total_steps)
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]
    return lr
