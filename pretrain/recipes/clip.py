"""CLIP: Learning Transferable Visual Models From Natural Language Supervision.

Radford et al. 2021, arXiv:2103.00020. Two towers, one of pixels and one of words, that meet only in
a scalar product: which text of the step belongs to which image? Model and loss are open_clip's, and
so is what `lait export` writes. The authors trained 32 epochs on 400 million pairs; their ViT-L/14
took 12 days on 256 V100.
"""

import dataclasses

from pretrain.collate import Inputs
from pretrain.dual import TextTower, Towers, VisionTower
from pretrain.embed.pixels import PixelSpec
from pretrain.objectives.contrastive import Contrastive
from pretrain.optim import Adam, ParamGroup
from pretrain.pairing import RandomNegatives
from pretrain.recipe import Init, Recipe, Stage
from pretrain.tokens import CLIP

NO_DECAY = r"bias|\bln_|logit_scale|class_embedding"
"""Biases, norms, and what has one dimension (open_clip's rule)."""


def recipe() -> Recipe:
    """The ViT-B/32, with open_clip's settings."""
    optim = Adam(
        lr=5e-4,
        betas=(0.9, 0.98),
        eps=1e-6,
        weight_decay=0.2,
        groups=(ParamGroup(pattern=NO_DECAY),),
        warmup=0.005,
        decay="cosine",
        clip_norm=None,
    )
    return Recipe(
        name="clip",
        citation="Radford et al. 2021, arXiv:2103.00020",
        assumptions=(
            "warm-up over 0.5% of the steps; the paper's is 2,000 steps",
            "weights start as open_clip's do",
        ),
        vocabulary=CLIP,
        inputs=Inputs(max_length=77, closing_sep=False, pixels=PixelSpec(size_px=224, crop=0.9)),
        towers=Towers(),
        objectives=(Contrastive(),),
        # Every other text of a step is a mismatch: none needs to be made.
        pairing=RandomNegatives(negative=0.0),
        init=Init(bert=None),
        stages=(Stage(name="pretraining", epochs=32.0, batch_pairs=32_768, optim=optim),),
    )


def shrink() -> Recipe:
    """Small enough for two CPU cores and a minute a stage on a thousand pairs."""
    full = recipe()
    stage = full.stages[0]
    optim = dataclasses.replace(stage.optim, lr=1e-3, warmup=0.05, weight_decay=0.05)
    return dataclasses.replace(
        full,
        inputs=dataclasses.replace(
            full.inputs, max_length=32, pixels=PixelSpec(size_px=64, crop=0.9)
        ),
        towers=Towers(
            embed_dim=64,
            vision=VisionTower(image_size=64, patch_size=8, width=96, layers=3, head_width=32),
            text=TextTower(context_length=32, width=64, heads=4, layers=2),
        ),
        stages=(dataclasses.replace(stage, epochs=60.0, batch_pairs=64, optim=optim),),
    )
