"""Which projections bring a picture and its texts together, when the towers stay as they are?

First in closed form, then by contrast:

    pooled image --ridge regression--> centre-free text vector --shrunk whitening--> shared space
    pooled text  --------------------- minus its mean ---------shrunk whitening--> shared space

and, beside it, the mirror image, where texts predict pictures; a cosine in the joint space is a
mean of both views.

Ridge regression from few pairs starts from a prior: the ImageNet classifier's weights times the
text vectors of its class names, which knows what a dog looks like before any pair tells. InfoNCE
(van den Oord et al. 2018, as CLIP uses it) with strong dropout on the features then spreads what
regression to the mean has pressed together; with few hundred pairs contrast alone overfits. On
textbook figures of unseen books the AUC is 0.913 after the first half, 0.915 with the mirror, 0.917
after the first half and contrast, 0.921 after all three.

N images, M texts, D width of pooled images, T width of pooled texts, E width of the shared space.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from filter.relevance.colour import Floats
from filter.relevance.config import RelevanceConfig
from filter.relevance.contrast import Inputs, Maps, contrast, texts_per_image
from filter.relevance.encoder import one_thread

_FLOOR: Final = 0.05
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
        if config.mirror_dim > 0:
            start = _with_mirror(start, pooled, config)
        return start if config.epochs == 0 else _spread(start, pooled, config)


def class_prior(weights_CD: Floats, names_CT: Floats) -> Floats:
    """Where a classifier of C classes expects the text of a picture: [D, T], up to scale."""
    names = _unit(names_CT)
    return np.asarray(weights_CD.T @ (names - names.mean(axis=0)))


def _closed_form(pooled: Pooled, prior_DT: Floats | None, config: RelevanceConfig) -> Projections:
    seen, x_ND, centre = _standardised(pooled)
    mean_T = pooled.texts_MT.mean(axis=0)
    texts_MT = pooled.texts_MT - mean_T
    y_NT = _mean_per_image(texts_MT, pooled.image_of_M)[seen]
    guess_DT = np.zeros((x_ND.shape[1], y_NT.shape[1]))
    if prior_DT is not None and config.class_prior > 0:
        ratio = float(np.linalg.norm(y_NT)) / max(float(np.linalg.norm(x_ND @ prior_DT)), 1e-12)
        guess_DT = prior_DT * (config.class_prior * ratio)
    gram = x_ND.T @ x_ND + config.ridge * len(seen) * np.eye(x_ND.shape[1])
    image_DT = guess_DT + np.linalg.solve(gram, x_ND.T @ (y_NT - x_ND @ guess_DT))
    metric_TE = _shrunk_whitening(texts_MT, config.whitening, config.embed_dim)
    image_DE = image_DT @ metric_TE
    # Only directions count; of length about one, both maps suit one learning rate.
    image_DE /= _mean_length(x_ND @ image_DE) * centre.scale
    text_TE = metric_TE / _mean_length(texts_MT @ metric_TE)
    return Projections(
        image_DE=image_DE,
        image_bias_E=-centre.mean_D @ image_DE,
        text_TE=text_TE,
        text_mean_T=mean_T,
        logit_scale=float(np.log(1 / config.temperature)),
    )


def _with_mirror(start: Projections, pooled: Pooled, config: RelevanceConfig) -> Projections:
    """`start` beside a space of its own in which texts predict pictures."""
    seen, x_ND, centre = _standardised(pooled)
    place = np.searchsorted(seen, pooled.image_of_M)
    metric_DE = _shrunk_whitening(x_ND, config.whitening, config.mirror_dim)
    wanted_ME = (x_ND @ metric_DE)[place]
    texts_MT = pooled.texts_MT - start.text_mean_T
    scale = float(texts_MT.std()) or 1.0
    scaled_MT = texts_MT / scale
    gram = scaled_MT.T @ scaled_MT
    gram += config.mirror_ridge * len(texts_MT) * np.eye(len(gram))
    text_TE = np.linalg.solve(gram, scaled_MT.T @ wanted_ME)
    image_DE = metric_DE / _mean_length(wanted_ME) / centre.scale
    text_TE = text_TE / _mean_length(texts_MT @ text_TE)
    share = config.mirror_weight / np.hypot(1.0, config.mirror_weight)
    own = np.sqrt(1 - share**2)
    both_DE = np.concatenate([own * start.image_DE, share * image_DE], axis=1)
    return replace(
        start,
        image_DE=both_DE,
        image_bias_E=-centre.mean_D @ both_DE,
        text_TE=np.concatenate([own * start.text_TE, share * text_TE], axis=1),
    )


def _shrunk_whitening(texts_MT: Floats, power: float, width: int) -> Floats:
    """[T, E]: onto the `width` strongest directions, each divided by its deviation^power."""
    variance, directions = np.linalg.eigh(np.cov(texts_MT.T))
    variance, directions = variance[::-1][:width], directions[:, ::-1][:, :width]
    floored = np.maximum(variance, 0) + _FLOOR * variance.mean()
    scaled = directions * floored ** (-power / 2)
    # Turned back into the text tower's own axes when none was left out: easier to inspect.
    return np.asarray(scaled @ directions.T if width == len(directions) else scaled)


def _spread(start: Projections, pooled: Pooled, config: RelevanceConfig) -> Projections:
    """`start` after InfoNCE, which works on inputs of about unit variance."""
    seen, x_ND, centre = _standardised(pooled)
    place = {int(image): row for row, image in enumerate(seen)}
    image_of_M = np.array([place[int(image)] for image in pooled.image_of_M])
    learned = contrast(
        Maps(
            image_DE=torch.from_numpy(start.image_DE * centre.scale).float(),
            text_TE=torch.from_numpy(start.text_TE).float(),
            logit_scale=torch.tensor(start.logit_scale),
        ),
        Inputs(
            images_ND=torch.from_numpy(x_ND).float(),
            texts_MT=torch.from_numpy(pooled.texts_MT - start.text_mean_T).float(),
            texts_of_N=texts_per_image(image_of_M, len(seen)),
            text_id_M=torch.from_numpy(pooled.text_id_M),
        ),
        config,
    )
    image_DE = learned.image_DE.double().numpy() / centre.scale
    return Projections(
        image_DE=image_DE,
        image_bias_E=-centre.mean_D @ image_DE,
        text_TE=learned.text_TE.double().numpy(),
        text_mean_T=start.text_mean_T,
        logit_scale=float(learned.logit_scale),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Centre:
    mean_D: Floats
    scale: float
    """Mean standard deviation of the features."""


def _standardised(pooled: Pooled) -> tuple[NDArray[np.int64], Floats, _Centre]:
    """Rows of the images that have a text, their standardised features, and what was taken off."""
    seen = np.unique(pooled.image_of_M)
    images_ND = pooled.images_ND[seen]
    # Pictures that are all alike have no spread; then any scale does.
    centre = _Centre(
        mean_D=images_ND.mean(axis=0), scale=float(images_ND.std(axis=0).mean()) or 1.0
    )
    return seen, (images_ND - centre.mean_D) / centre.scale, centre


def _mean_per_image(texts_MT: Floats, image_of_M: NDArray[np.int64]) -> Floats:
    """[N, T]; rows of images without texts stay zero."""
    total = np.zeros((image_of_M.max() + 1, texts_MT.shape[1]))
    np.add.at(total, image_of_M, texts_MT)
    counts = np.bincount(image_of_M)
    return total / np.maximum(counts, 1)[:, None]


def _mean_length(x: Floats) -> float:
    # Alike pictures or texts have no direction; then any length does.
    return float(np.linalg.norm(x, axis=1).mean()) or 1.0


def _unit(x: Floats) -> Floats:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12))
