"""How does a weak relevance model come out of a small supervised set?

The towers stay frozen, so every picture and text passes them once. What is trained is small:
projections, and a calibration of the score. Same pairs, settings and versions: same files, byte
for byte, since everything runs on one thread from one seed.
"""

import hashlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from filter.relevance import backbone, folder
from filter.relevance.config import RelevanceConfig
from filter.relevance.crossval import Embed, Material, bank_of, cross_validate
from filter.relevance.encoder import Encoder
from filter.relevance.evaluate import paired_of
from filter.relevance.features import Floats
from filter.relevance.fit import Pooled, Projections, class_prior, fit
from filter.relevance.pairs import (
    PairLine,
    Progress,
    images_of,
    name_missing,
    read_images,
    read_pairs,
)
from filter.relevance.report import Report
from filter.relevance.split import fold_of

MIN_IMAGES = 8


def train(
    pairs: Path, out: Path, *, config: RelevanceConfig, progress: Progress | None = None
) -> Report:
    """Trains on `{"image", "text", "host"?}` lines and writes the model to the folder `out`.

    The report tells how models trained on the other hosts do on each part. `out` appears when
    all is done; an earlier model there is replaced. Raises ValueError: a bad line, images that
    cannot be read (counted and named), too few images, a backbone that cannot be built, an `out`
    that holds something else.
    """
    lines = read_pairs(pairs)
    folder.check_out(out)
    fold_of_M, split = _folds(lines, pairs, config)
    paired = paired_of(lines)
    texts = [line.text for line in lines]
    material = Material(texts=texts, paired=paired, fold_of_M=fold_of_M, split=split)
    everything = np.ones(len(lines), dtype=np.bool_)
    with threadpool_limits(limits=1):
        encoder, embed, data_sha256 = _prepare(lines, pairs, config, progress)
        calibration, report = cross_validate(material, embed, config)
        images_NE, texts_ME = embed(everything)
    bank = bank_of(images_NE, texts_ME, paired.image_of_M)
    with folder.written_aside(out) as aside:
        backbone.save(encoder, aside)
        save_file({"image_E": bank.image_E, "text_E": bank.text_E}, aside / folder.BANK)
        folder.write_card(
            aside,
            {
                "size_px": encoder.size_px,
                "threshold": report.threshold,
                "calibration": asdict(calibration),
                "training": {
                    "data_sha256": data_sha256,
                    "images": report.images,
                    "pairs": report.pairs,
                    "split": report.split,
                },
                "config": config.model_dump(),
                "report": asdict(report),
            },
        )
    return report


def _folds(
    lines: list[PairLine], pairs: Path, config: RelevanceConfig
) -> tuple[NDArray[np.int64], str]:
    images = len(images_of(lines))
    if images < MIN_IMAGES:
        raise ValueError(
            f"pairs file {pairs} has {images} different images, training needs at least "
            f"{MIN_IMAGES}"
        )
    return fold_of(lines, config.folds, config.seed)


def _prepare(
    lines: list[PairLine], pairs: Path, config: RelevanceConfig, progress: Progress | None
) -> tuple[Encoder, Embed, str]:
    """The model, a way to fit it, and the sha256 of all it learns from.

    Fitting on all pairs puts the result into the model, so it comes last.
    """
    seen = hashlib.sha256(pairs.read_bytes())
    texts = [line.text for line in lines]
    if config.backbone != backbone.OFFLINE:
        encoder = backbone.named_encoder(config.backbone)
        images_NE = _images(encoder, encoder.network.encode_image, lines, seen, progress)
        images_NE /= np.linalg.norm(images_NE, axis=1, keepdims=True)
        texts_ME = encoder.texts(texts)
        return encoder, lambda _taught: (images_NE, texts_ME), seen.hexdigest()
    encoder = backbone.offline_encoder(config)
    paired = paired_of(lines)
    pooled = Pooled(
        images_ND=_images(encoder, encoder.network.visual.trunk, lines, seen, progress),
        texts_MT=_pooled_texts(encoder, texts),
        image_of_M=paired.image_of_M,
        text_id_M=paired.text_id_M,
    )
    prior_DT = _prior(encoder) if config.class_prior > 0 else None

    def embed(taught_M: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        part = replace(
            pooled,
            texts_MT=pooled.texts_MT[taught_M],
            image_of_M=pooled.image_of_M[taught_M],
            text_id_M=pooled.text_id_M[taught_M],
        )
        projections = fit(part, prior_DT, config)
        if taught_M.all():
            _install(encoder.network, projections)
        return projections.images(pooled.images_ND), projections.texts(pooled.texts_MT)

    return encoder, embed, seen.hexdigest()


def _images(
    encoder: Encoder, tower: Any, lines: list[PairLine], seen: Any, progress: Progress | None
) -> Floats:
    """Rows that `tower` makes of the pictures, in order of appearance; `seen` hashes the pixels."""
    images = images_of(lines)
    rows, missing = [], []
    for name, read in read_images(images, encoder.size_px, encoder.resize, progress):
        if isinstance(read, str):
            missing.append((name, read))
        else:
            seen.update(read.tobytes())
            rows.append(encoder.map_images(tower, [read])[0])
    if missing:
        raise ValueError(name_missing(missing, len(images)))
    return np.array(rows)


def _pooled_texts(encoder: Encoder, texts: list[str]) -> Floats:
    """What the text tower says before its projection: mean over tokens, as open_clip's pooler."""
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
