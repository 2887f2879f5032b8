"""Which projections bring a picture and its texts together, when the towers stay as they are?

First in closed form, then by contrast:

    pooled image --ridge regression--> centre-free text vector --shrunk whitening--> shared space
    pooled text  --------------------- minus its mean ---------shrunk whitening--> shared space

Ridge regression from few pairs starts from a prior: the ImageNet classifier's weights times the
text vectors of its class names, which knows what a dog looks like before any pair tells. InfoNCE
(van den Oord et al. 2018, as CLIP uses it) with strong dropout on the features then spreads what
regression to the mean has pressed together. With few hundred pairs contrast alone overfits.

N images, M texts, D width of pooled images, T width of pooled texts, E width of the shared space.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from filter.relevance.config import RelevanceConfig
from filter.relevance.encoder import one_thread
from filter.relevance.features import Floats

_WEIGHT_DECAY = 0.01
_MAX_LOGIT_SCALE = 100.0
_FLOOR = 0.05
"""Directions in which the texts hardly vary are whitened as if they had this share of the mean
variance: below it there is only noise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pooled:
    """What the frozen towers say of the training pairs."""

    images_ND: Floats
    texts_MT: Floats
    image_of_M: NDArray[np.int64]
    """Row of `images_ND` that text m describes."""
    text_id_M: NDArray[np.int64]
    """Equal for equal texts, which are no negatives of each other."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projections:
    """Linear maps from pooled vectors to the shared space."""

    image_DE: Floats
    image_bias_E: Floats
    text_TE: Floats
    text_mean_T: Floats
    """Taken from a pooled text before it is mapped."""
    logit_scale: float
    """Natural logarithm, as open_clip stores it."""

    def images(self, pooled_ND: Floats) -> Floats:
        """Unit vectors [N, E]."""
        return _unit(pooled_ND @ self.image_DE + self.image_bias_E)

    def texts(self, pooled_MT: Floats) -> Floats:
        """Unit vectors [M, E]."""
        return _unit((pooled_MT - self.text_mean_T) @ self.text_TE)


def fit(pooled: Pooled, prior_DT: Floats | None, config: RelevanceConfig) -> Projections:
    """The projections for these pairs; the same pairs and settings give the same ones.

    `prior_DT` maps a pooled image to where its text vector is expected, up to scale.
    """
    with one_thread():
        start = _closed_form(pooled, prior_DT, config)
        return start if config.epochs == 0 else _contrast(start, pooled, config)


def class_prior(weights_CD: Floats, names_CT: Floats) -> Floats:
    """Where a classifier of C classes expects the text of a picture: [D, T], up to scale."""
    names = _unit(names_CT)
    return weights_CD.T @ (names - names.mean(axis=0))


def _closed_form(pooled: Pooled, prior_DT: Floats | None, config: RelevanceConfig) -> Projections:
    seen = np.unique(pooled.image_of_M)
    mean_D = pooled.images_ND[seen].mean(axis=0)
    scale = pooled.images_ND[seen].std(axis=0).mean()
    x_ND = (pooled.images_ND[seen] - mean_D) / scale
    mean_T = pooled.texts_MT.mean(axis=0)
    texts_MT = pooled.texts_MT - mean_T
    y_NT = _mean_per_image(texts_MT, pooled.image_of_M)[seen]
    guess_DT = np.zeros((x_ND.shape[1], y_NT.shape[1]))
    if prior_DT is not None and config.class_prior > 0:
        ratio = np.linalg.norm(y_NT) / max(np.linalg.norm(x_ND @ prior_DT), 1e-12)
        guess_DT = prior_DT * (config.class_prior * ratio)
    gram = x_ND.T @ x_ND + config.ridge * len(seen) * np.eye(x_ND.shape[1])
    image_DT = guess_DT + np.linalg.solve(gram, x_ND.T @ (y_NT - x_ND @ guess_DT))
    metric_TE = _shrunk_whitening(texts_MT, config.whitening, config.embed_dim)
    image_DE = image_DT @ metric_TE
    # Only directions count; of length about one, both maps suit one learning rate.
    image_DE /= np.linalg.norm(x_ND @ image_DE, axis=1).mean() * scale
    text_TE = metric_TE / np.linalg.norm(texts_MT @ metric_TE, axis=1).mean()
    return Projections(
        image_DE=image_DE,
        image_bias_E=-mean_D @ image_DE,
        text_TE=text_TE,
        text_mean_T=mean_T,
        logit_scale=float(np.log(1 / config.temperature)),
    )


def _shrunk_whitening(texts_MT: Floats, power: float, width: int) -> Floats:
    """[T, E]: onto the `width` strongest directions, each divided by its deviation^power."""
    variance, directions = np.linalg.eigh(np.cov(texts_MT.T))
    variance, directions = variance[::-1][:width], directions[:, ::-1][:, :width]
    floored = np.maximum(variance, 0) + _FLOOR * variance.mean()
    scaled = directions * floored ** (-power / 2)
    # Turned back into the text tower's own axes when none was left out: easier to inspect.
    return scaled @ directions.T if width == len(directions) else scaled


def _contrast(start: Projections, pooled: Pooled, config: RelevanceConfig) -> Projections:
    """InfoNCE from `start`, on inputs scaled as `start` expects them."""
    generator = torch.Generator().manual_seed(config.seed)
    seen = np.unique(pooled.image_of_M)
    mean_D = pooled.images_ND[seen].mean(axis=0)
    scale = pooled.images_ND[seen].std(axis=0).mean()
    images_ND = torch.from_numpy((pooled.images_ND - mean_D) / scale).float()
    texts_MT = torch.from_numpy(pooled.texts_MT - start.text_mean_T).float()
    text_ids_M = torch.from_numpy(pooled.text_id_M)
    texts_of = _texts_per_image(pooled.image_of_M, seen)
    image_DE = torch.from_numpy(start.image_DE * scale).float().requires_grad_()
    text_TE = torch.from_numpy(start.text_TE).float().requires_grad_()
    logit_scale = torch.tensor(start.logit_scale).requires_grad_()
    optimizer = torch.optim.AdamW(
        [
            {"params": [image_DE, text_TE], "weight_decay": _WEIGHT_DECAY},
            {"params": [logit_scale], "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
    )
    batch = min(config.batch_images, len(seen))
    steps_per_epoch = len(seen) // batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, T_max=config.epochs * steps_per_epoch
    )
    for _ in range(config.epochs):
        order = torch.randperm(len(seen), generator=generator)
        for step in range(steps_per_epoch):
            picked = order[step * batch : (step + 1) * batch].tolist()
            texts = torch.tensor([_one_of(texts_of[i], generator) for i in picked])
            images = _dropout(
                images_ND[torch.from_numpy(seen[picked])], config.image_dropout, generator
            )
            words = _dropout(texts_MT[texts], config.text_dropout, generator)
            logits = logit_scale.exp().clamp(max=_MAX_LOGIT_SCALE) * (
                functional.normalize(images @ image_DE, dim=-1)
                @ functional.normalize(words @ text_TE, dim=-1).T
            )
            optimizer.zero_grad()
            info_nce(logits, text_ids_M[texts]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        final_DE = image_DE.double().numpy() / scale
        return Projections(
            image_DE=final_DE,
            image_bias_E=-mean_D @ final_DE,
            text_TE=text_TE.double().numpy(),
            text_mean_T=start.text_mean_T,
            logit_scale=float(logit_scale),
        )


def info_nce(logits_BB: Tensor, text_ids_B: Tensor) -> Tensor:
    """Symmetric InfoNCE; two pairs with the same text are not held against each other."""
    same = text_ids_B[:, None] == text_ids_B[None, :]
    same.fill_diagonal_(False)
    logits = logits_BB.masked_fill(same, float("-inf"))
    target = torch.arange(len(logits))
    return (
        functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)
    ) / 2


def _dropout(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """As torch's, but drawing from our own generator."""
    kept = torch.rand(x.shape, generator=generator) >= share
    return x * kept / (1 - share)


def _one_of(choices: Sequence[int], generator: torch.Generator) -> int:
    return choices[int(torch.randint(len(choices), (1,), generator=generator))]


def _texts_per_image(image_of_M: NDArray[np.int64], seen: NDArray[np.int64]) -> list[list[int]]:
    return [np.flatnonzero(image_of_M == image).tolist() for image in seen]


def _mean_per_image(texts_MT: Floats, image_of_M: NDArray[np.int64]) -> Floats:
    """[N, T]; rows of images without texts stay zero."""
    total = np.zeros((image_of_M.max() + 1, texts_MT.shape[1]))
    np.add.at(total, image_of_M, texts_MT)
    counts = np.bincount(image_of_M)
    return total / np.maximum(counts, 1)[:, None]


def _unit(x: Floats) -> Floats:
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)
