"""How good is a finished relevance model on pairs that it was not trained on?"""

from pathlib import Path
from typing import Final

import numpy as np

from filter.relevance.calibrate import importance
from filter.relevance.colour import Floats
from filter.relevance.features import Rows, Said, Seen
from filter.relevance.negatives import hard_wrong, paired_of, random_wrong, same_host_wrong
from filter.relevance.pairs import (
    Progress,
    images_of,
    name_missing,
    read_images,
    read_pairs,
)
from filter.relevance.report import Report, Scores, report

__all__ = ["Report", "evaluate"]

_PER_PAIR: Final = 4


def evaluate(model: Path, pairs: Path, progress: Progress | None = None) -> Report:
    """Judges `model` on all of `pairs` at its own threshold; seeded, so the same each time.

    Nobody can tell from the files whether the model saw these pairs: `split` says `none`.
    Raises ValueError: no such model, a bad line, images that cannot be read (counted and named),
    fewer than two images.
    """
    from filter.relevance.model import RelevanceModel

    lines = read_pairs(pairs)
    scorer = RelevanceModel.load(model)
    images = images_of(lines)
    if len(images) < 2:
        raise ValueError(f"pairs file {pairs} has one image: wrong texts need at least two")
    missing, seen = [], []
    for name, read in read_images(images, scorer.size_px, scorer.encoder.resize, progress):
        if isinstance(read, str):
            missing.append((name, read))
        else:
            seen.append(scorer.look([read]))
    if missing:
        raise ValueError(f"{pairs}: {name_missing(missing, len(images))}")
    pictures = Seen(
        vectors_NE=np.concatenate([one.vectors_NE for one in seen]),
        colours_NK=np.concatenate([one.colours_NK for one in seen]),
    )
    texts = tuple(line.text for line in lines)
    said = Said(vectors_ME=scorer.encoder.texts(texts), texts=texts)
    paired = paired_of(lines)

    def score(picked: tuple[Rows, Rows]) -> Floats:
        return scorer.score_pairs(pictures.take(picked[0]), said.take(picked[1]))

    def features(picked: tuple[Rows, Rows]) -> Floats:
        return scorer.features(pictures.take(picked[0]), said.take(picked[1]))

    rng = np.random.default_rng(0)
    true, wrong = (paired.image_of_M, np.arange(len(texts))), random_wrong(paired, _PER_PAIR, rng)
    scores = Scores(
        true=score(true),
        random=score(wrong),
        hard=score(hard_wrong(paired, said.vectors_ME, rng)),
        same_host=score(same_host_wrong(paired, rng)),
    )
    return report(
        scores,
        images=len(images),
        split="none",
        folds=1,
        threshold=scorer.threshold,
        importance=importance(scorer.calibration, features(true), features(wrong)),
    )
