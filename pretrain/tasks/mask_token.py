"""How is a question asked by a [MASK] that stands where its answer would?

VisualBERT (Li et al. 2019, its released code): `[CLS] question [MASK] [SEP]`, and one linear map
from what becomes of the [MASK] to the answers, by the divergence from their soft scores: softmax
cross-entropy, but for a constant.
"""

import dataclasses

from pretrain.objectives.answering import Answering
from pretrain.pooling.from_end import FromEnd
from pretrain.recipe import Recipe


def asked_by_mask(recipe: Recipe) -> Recipe:
    """The recipe of fine-tuning on a task, asked so.

    Raises:
        ValueError: its task is no choice among fixed answers to one pair.
    """
    (objective,) = recipe.objectives
    if not isinstance(objective, Answering) or objective.rows > 1:
        raise ValueError(f"--head mask: {objective.name} is no question about one image: leave it")
    return dataclasses.replace(
        recipe,
        inputs=dataclasses.replace(recipe.inputs, mask_at_end=True),
        pooling=FromEnd(place=2 + recipe.inputs.closing_sep),
        objectives=(dataclasses.replace(objective, kind="ce", inner=0),),
    )
