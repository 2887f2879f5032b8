"""How does a pretrained model become a better retriever, or learn a task?"""

import dataclasses
from pathlib import Path
from typing import Literal

from pretrain.checkpoint import find, read
from pretrain.objectives.itm import Itm
from pretrain.objectives.objective import Objective
from pretrain.objectives.ranking import Ranking
from pretrain.optim import Adam
from pretrain.pairing import Candidates
from pretrain.recipe import Init, Recipe, Stage

STAGE = "retrieval"
Kind = Literal["binary", "multiclass", "triplet"]


def for_retrieval(
    start: Path,
    *,
    kind: Kind = "binary",
    wrong_texts: int = 1,
    wrong_images: int = 1,
) -> Recipe:
    """The recipe of fine-tuning for retrieval: one stage, nothing masked, pairs ranked.

    ImageBERT, arXiv:2001.07966: batch 24, rate 5e-5, 130 epochs; negatives in both directions. How
    many negatives a pair gets is not published.

    Args:
        start: A checkpoint, or a stage's or run's folder: its last one is taken.
        kind: See `Ranking`.
        wrong_texts: See `Candidates`.
        wrong_images: See `Candidates`.

    Raises:
        ValueError: no complete checkpoint, or no rival at all.
    """
    pairing = Candidates(wrong_texts=wrong_texts, wrong_images=wrong_images)
    if pairing.rows_per_image < 2:
        raise ValueError("ranking needs a rival: raise --wrong-texts or --wrong-images")
    found = find(start)
    recipe = read(found).recipe
    optim = Adam(lr=5e-5, warmup=0.1, decay="linear", clip_norm=1.0)
    return dataclasses.replace(
        recipe,
        name=f"{recipe.name}-{STAGE}",
        init=Init(checkpoint=str(found.resolve())),
        objectives=(Ranking(kind=kind, group=pairing.rows_per_image, matching=_matching(recipe)),),
        pairing=pairing,
        stages=(Stage(name=STAGE, epochs=130.0, batch_pairs=24, optim=optim),),
    )


def _matching(recipe: Recipe) -> Itm:
    """The head that pretraining has learned, or a new one."""
    return next((o for o in recipe.objectives if isinstance(o, Itm)), Itm())


def for_task(start: Path | None, base: Recipe | None, objective: Objective, stage: Stage) -> Recipe:
    """The recipe of fine-tuning on a task: one stage, nothing masked, the task's own head.

    Args:
        start: A checkpoint, or a stage's or run's folder: its last one is taken.
        base: Where there is no `start`: the recipe whose network learns from nothing.
        objective: From the task's `objective`.
        stage: From the task's `STAGE`.

    Raises:
        ValueError: no complete checkpoint, or neither of `start` and `base`.
    """
    init = Init(bert=None)
    if start is not None:
        found = find(start)
        base, init = read(found).recipe, Init(checkpoint=str(found.resolve()))
    if base is None:
        raise ValueError("give --start, a pretrained model, or --recipe, to learn from nothing")
    return dataclasses.replace(
        base,
        name=f"{base.name}-{stage.name}",
        init=init,
        objectives=(objective,),
        stages=(stage,),
    )
