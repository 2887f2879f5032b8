"""How do projections learn to tell a picture's own text from other pictures' texts? InfoNCE.

B images of a batch; other letters as in fit.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from filter.relevance.config import RelevanceConfig

_WEIGHT_DECAY: Final = 0.01
_MAX_LOGIT_SCALE: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Maps:
    """What is learned, float32."""

    image_DE: Tensor
    text_TE: Tensor
    logit_scale: Tensor
    """Natural logarithm of the factor on cosines."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inputs:
    """Centred pooled vectors, float32, each image with its texts."""

    images_ND: Tensor
    texts_MT: Tensor
    texts_of_N: Sequence[Sequence[int]]
    text_id_M: Tensor
    """Equal for equal texts."""


def contrast(start: Maps, inputs: Inputs, config: RelevanceConfig) -> Maps:
    """InfoNCE (van den Oord et al. 2018), symmetric as in CLIP, from `start`.

    With few pairs the danger is overfitting: features are dropped at random, much more of them
    than usual, and every epoch tells each image by one of its texts. Seeded by `config.seed`.
    """
    generator = torch.Generator().manual_seed(config.seed)
    maps = Maps(
        image_DE=start.image_DE.clone().requires_grad_(),
        text_TE=start.text_TE.clone().requires_grad_(),
        logit_scale=start.logit_scale.clone().requires_grad_(),
    )
    batch = min(config.batch_images, len(inputs.images_ND))
    steps = config.epochs * (len(inputs.images_ND) // batch)
    optimizer = torch.optim.AdamW(
        [
            {"params": [maps.image_DE, maps.text_TE], "weight_decay": _WEIGHT_DECAY},
            {"params": [maps.logit_scale], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(steps, 1))
    for images_B, texts_B in _batches(inputs, batch, config.epochs, generator):
        logits_BB = _logits(
            maps,
            _dropout(inputs.images_ND[images_B], config.image_dropout, generator),
            _dropout(inputs.texts_MT[texts_B], config.text_dropout, generator),
        )
        optimizer.zero_grad()
        info_nce(logits_BB, inputs.text_id_M[texts_B]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return Maps(
        image_DE=maps.image_DE.detach(),
        text_TE=maps.text_TE.detach(),
        logit_scale=maps.logit_scale.detach(),
    )


def info_nce(logits_BB: Tensor, text_id_B: Tensor) -> Tensor:
    """Symmetric InfoNCE; two pairs with the same text are not held against each other."""
    same = text_id_B[:, None] == text_id_B[None, :]
    same.fill_diagonal_(False)
    logits = logits_BB.masked_fill(same, float("-inf"))
    target = torch.arange(len(logits))
    by_image = functional.cross_entropy(logits, target)
    return (by_image + functional.cross_entropy(logits.T, target)) / 2


def texts_per_image(image_of_M: NDArray[np.int64], n_images: int) -> list[list[int]]:
    """Rows of the texts of each image."""
    return [np.flatnonzero(image_of_M == image).tolist() for image in range(n_images)]


def _batches(
    inputs: Inputs, size: int, epochs: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """(images, texts) [B]: every image at most once an epoch, with one of its texts."""
    for _ in range(epochs):
        order = torch.randperm(len(inputs.images_ND), generator=generator)
        for start in range(0, len(order) - size + 1, size):
            images_B = order[start : start + size]
            own = [inputs.texts_of_N[image] for image in images_B.tolist()]
            yield images_B, torch.tensor([_one_of(texts, generator) for texts in own])


def _one_of(choices: Sequence[int], generator: torch.Generator) -> int:
    return choices[int(torch.randint(len(choices), (1,), generator=generator))]


def _dropout(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """As torch's, but drawing from our own generator."""
    kept = torch.rand(x.shape, generator=generator) >= share
    return x * kept / (1 - share)


def _logits(maps: Maps, images_BD: Tensor, texts_BT: Tensor) -> Tensor:
    images_BE = functional.normalize(images_BD @ maps.image_DE, dim=-1)
    texts_BE = functional.normalize(texts_BT @ maps.text_TE, dim=-1)
    return maps.logit_scale.exp().clamp(max=_MAX_LOGIT_SCALE) * (images_BE @ texts_BE.T)
