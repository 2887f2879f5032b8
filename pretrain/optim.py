"""How do gradients become steps?"""

import re
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

NO_DECAY = r"(\.bias|\.norm\.weight)$"
"""Biases and layer norms."""


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
    warmup: float = 0.1
    """Share of the stage's steps over which the rate rises linearly from 0."""
    decay: Literal["linear", "constant"] = "linear"
    """After the warm-up: down to 0 at the stage's last step, or not at all."""
    clip_norm: float | None = 1.0
    """Of all gradients together."""


def lr_factor(spec: Adam, step: int, total_steps: int) -> float:
    """The rate of step `step` (from 0) as a share of `lr`: a pure function, nothing to save."""
    warmup_steps = round(spec.warmup * total_steps)
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    if spec.decay == "constant":
        return 1.0
    return (total_steps - step) / max(1, total_steps - warmup_steps)


def build_optimizer(network: nn.Module, spec: Adam) -> torch.optim.Optimizer:
    """The optimiser of all parameters that take gradients."""
    groups: list[dict[str, Any]] = [
        {"params": [], "lr_scale": group.lr_scale, "weight_decay": group.weight_decay}
        for group in spec.groups
    ]
    rest: dict[str, Any] = {"params": [], "lr_scale": 1.0, "weight_decay": spec.weight_decay}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        matching = (
            g for g, s in zip(groups, spec.groups, strict=True) if re.search(s.pattern, name)
        )
        next(matching, rest)["params"].append(parameter)
    used = [group for group in (*groups, rest) if group["params"]]
    return torch.optim.AdamW(used, lr=spec.lr, betas=spec.betas, eps=spec.eps, fused=True)


def set_lr(optimizer: torch.optim.Optimizer, spec: Adam, step: int, total_steps: int) -> float:
    """Set the rates for a step; returns the base rate."""
    lr = spec.lr * lr_factor(spec, step, total_steps)
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]
    return lr
