"""How does a weak relevance model come out of a small supervised set?

What is trained is small: projections (see fit.py) and a calibration of the score. Same pairs,
settings and package versions on one kind of machine: the same files, byte for byte, since
everything runs on one thread from one seed.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Final

from safetensors.numpy import save_file
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from filter.relevance import backbone, folder
from filter.relevance.config import RelevanceConfig
from filter.relevance.crossval import Material, cross_validate
from filter.relevance.features import Said, Seen, bank_of
from filter.relevance.learner import learner
from filter.relevance.negatives import paired_of
from filter.relevance.page import page
from filter.relevance.pairs import Progress, images_of, read_pairs
from filter.relevance.report import Report
from filter.relevance.split import fold_of

MIN_IMAGES: Final = 8


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
    images = len(images_of(lines))
    if images < MIN_IMAGES:
        raise ValueError(
            f"pairs file {pairs} has {images} different images, training needs {MIN_IMAGES} at "
            "least"
        )
    fold_of_M, split = fold_of(lines, config.folds, config.seed)
    texts = tuple(line.text for line in lines)
    with threadpool_limits(limits=1):
        pupil = learner(lines, pairs, config, progress)
        colours_NK = pupil.lesson.colours_NK
        material = Material(
            colours_NK=colours_NK,
            texts=texts,
            paired=paired_of(lines),
            fold_of_M=fold_of_M,
            split=split,
        )
        calibration, report = cross_validate(material, pupil.embed, config)
        images_NE, texts_ME = pupil.finish()
    bank = bank_of(
        Seen(vectors_NE=images_NE, colours_NK=colours_NK), Said(vectors_ME=texts_ME, texts=texts)
    )
    with folder.written_aside(out) as aside:
        backbone.save(pupil.encoder, aside)
        save_file(asdict(bank), aside / folder.BANK)
        card = {
            "size_px": pupil.encoder.size_px,
            "threshold": report.threshold,
            "calibration": asdict(calibration),
            "training_data_sha256": pupil.lesson.sha256,
            "config": config.model_dump(),
            "report": asdict(report),
        }
        (aside / folder.REPORT).write_text(page(report), encoding="utf-8")
        folder.write_card(aside, card)
    return report
