"""What does a backbone learn from pairs? Projections, when its towers are bare; else nothing.

The towers stay frozen, so every picture and text passes them once, whatever is fitted afterwards.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from filter.relevance import backbone
from filter.relevance.colour import Floats, log_colours
from filter.relevance.config import RelevanceConfig
from filter.relevance.encoder import Encoder
from filter.relevance.fit import Pooled, Projections, class_prior, fit
from filter.relevance.negatives import paired_of
from filter.relevance.pairs import PairLine, Progress, images_of, name_missing, read_images


class Learner(Protocol):
    """Something that embeds all pairs after a look at some of them."""

    @property
    def encoder(self) -> Encoder:
        """The model; trained on all pairs after `finish`."""

    @property
    def lesson(self) -> "Lesson":
        """What the pictures gave."""

    def embed(self, taught_M: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Unit vectors (images [N, E], texts [M, E]) of ALL pairs, fitted on those marked."""

    def finish(self) -> tuple[Floats, Floats]:
        """The same, fitted on all pairs, which the encoder keeps."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """What one pass over the pictures gave, in order of appearance."""

    rows_ND: Floats
    """What the image tower made of them."""
    colours_NK: Floats
    sha256: str
    """Of the pairs file and all pixels: what was learned from."""


def learner(
    lines: list[PairLine], pairs: Path, config: RelevanceConfig, progress: Progress | None
) -> Learner:
    """Passes everything through the towers that `config` names.

    Raises ValueError: the backbone cannot be built, images cannot be read (counted and named).
    """
    texts = [line.text for line in lines]
    if config.backbone != backbone.OFFLINE:
        encoder = backbone.named_encoder(config.backbone)
        lesson = _study(encoder, encoder.network.encode_image, lines, pairs, progress)
        return _Finished(encoder=encoder, lesson=lesson, texts_ME=encoder.texts(texts))
    encoder = backbone.offline_encoder(config)
    lesson = _study(encoder, encoder.network.visual.trunk, lines, pairs, progress)
    paired = paired_of(lines)
    pooled = Pooled(
        images_ND=lesson.rows_ND,
        texts_MT=_pooled_texts(encoder, texts),
        image_of_M=paired.image_of_M,
        text_id_M=paired.text_id_M,
    )
    prior_DT = _prior(encoder) if config.class_prior > 0 else None
    return _Bare(encoder=encoder, lesson=lesson, pooled=pooled, prior_DT=prior_DT, config=config)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Finished:
    """A model that needs no training: only its score is calibrated."""

    encoder: Encoder
    lesson: Lesson
    texts_ME: Floats

    def embed(self, taught_M: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        lengths = np.linalg.norm(self.lesson.rows_ND, axis=1, keepdims=True)
        return self.lesson.rows_ND / lengths, self.texts_ME

    def finish(self) -> tuple[Floats, Floats]:
        return self.embed(np.ones(len(self.texts_ME), dtype=np.bool_))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bare:
    """The offline towers, which share no space until projections are fitted."""

    encoder: Encoder
    lesson: Lesson
    pooled: Pooled
    prior_DT: Floats | None
    config: RelevanceConfig

    def embed(self, taught_M: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        return self._apply(self._fit(taught_M))

    def finish(self) -> tuple[Floats, Floats]:
        projections = self._fit(np.ones(len(self.pooled.texts_MT), dtype=np.bool_))
        _install(self.encoder.network, projections)
        return self._apply(projections)

    def _fit(self, taught_M: NDArray[np.bool_]) -> Projections:
        part = replace(
            self.pooled,
            texts_MT=self.pooled.texts_MT[taught_M],
            image_of_M=self.pooled.image_of_M[taught_M],
            text_id_M=self.pooled.text_id_M[taught_M],
        )
        return fit(part, self.prior_DT, self.config)

    def _apply(self, projections: Projections) -> tuple[Floats, Floats]:
        return projections.images(self.pooled.images_ND), projections.texts(self.pooled.texts_MT)


def _study(
    encoder: Encoder,
    tower: Callable[[torch.Tensor], torch.Tensor],
    lines: list[PairLine],
    pairs: Path,
    progress: Progress | None,
) -> Lesson:
    images = images_of(lines)
    digest = hashlib.sha256(pairs.read_bytes())
    rows, colours, missing = [], [], []
    for name, read in read_images(images, encoder.size_px, encoder.resize, progress):
        if isinstance(read, str):
            missing.append((name, read))
        else:
            digest.update(read.tobytes())
            rows.append(encoder.map_images(tower, [read])[0])
            colours.append(log_colours(read))
    if missing:
        raise ValueError(f"{pairs}: {name_missing(missing, len(images))}")
    return Lesson(rows_ND=np.array(rows), colours_NK=np.array(colours), sha256=digest.hexdigest())


def _pooled_texts(encoder: Encoder, texts: Sequence[str]) -> Floats:
    """What the text tower says before its projection: mean over tokens, by open_clip's pooler."""
    tower = encoder.network.text

    def pool(ids_ML: torch.Tensor) -> Any:
        mask = ids_ML.ne(tower.config.pad_token_id).long()
        return tower.pooler(tower.transformer(input_ids=ids_ML, attention_mask=mask), mask)

    return encoder.map_texts(pool, texts)


def _prior(encoder: Encoder) -> Floats:
    """[D, T] from the packaged classifier's weights and the names of its classes."""
    from timm.data.imagenet_info import ImageNetInfo

    weights_CD = backbone.image_tower_weights()[-2].double().numpy()
    names = ImageNetInfo()
    said = [names.index_to_description(index) for index in range(len(weights_CD))]
    # `tench, Tinca tinca`: the second name often helps, a third is mostly Latin.
    short = [", ".join(text.split(", ")[:2]) for text in said]
    return class_prior(weights_CD, _pooled_texts(encoder, short))


def _install(network: Any, projections: Projections) -> None:
    """Writes the projections into the open_clip model.

    open_clip's text projection has no bias. Taking the mean off every token's last LayerNorm
    takes it off their mean, so the model computes exactly what was fitted.
    """
    last_norm = network.text.transformer.encoder.layer[-1].output.LayerNorm
    with torch.no_grad():
        network.visual.head.proj.weight.copy_(torch.from_numpy(projections.image_DE.T))
        network.visual.head.proj.bias.copy_(torch.from_numpy(projections.image_bias_E))
        network.text.proj.weight.copy_(torch.from_numpy(projections.text_TE.T))
        last_norm.bias.sub_(torch.from_numpy(projections.text_mean_T).float())
        network.logit_scale.fill_(projections.logit_scale)
