"""Unicoder-VL: A Universal Encoder for Vision and Language by Cross-modal Pre-training.

Li, Duan, Fang, Gong, Jiang. 2019 (AAAI 2020), arXiv:1908.06066. A single-stream BERT-base over word
pieces and up to 100 detected regions; masked words, masked region classes and matching, the masked
ones on matching pairs only. The authors trained 10 epochs on 3.8 million pairs with 4 V100.

UNVERIFIED: no code was released, and the numbers below are from descriptions of the paper, not from
the paper itself. Each is one line, to be corrected in place.
"""

import dataclasses

from pretrain.collate import Inputs
from pretrain.embed.region import RegionSpec
from pretrain.embed.text import TextSpec
from pretrain.encoders.gated import EncoderSpec
from pretrain.encoders.sublayers import single
from pretrain.masking.regions import RegionMasker
from pretrain.masking.tokens import TokenMasker
from pretrain.objectives.itm import Itm
from pretrain.objectives.mlm import Mlm
from pretrain.objectives.moc import Moc
from pretrain.optim import Adam
from pretrain.pairing import RandomNegatives
from pretrain.recipe import Init, Recipe, Stage
from pretrain.tokens import PACKAGED

BACKGROUND = 0
"""First of the 1,601 classes of the Visual Genome detector: nothing is there."""


def recipe() -> Recipe:
    """As it is described."""
    optim = Adam(lr=1e-4, weight_decay=0.0, warmup=0.1, decay="linear", clip_norm=1.0)
    return Recipe(
        name="unicoder_vl",
        citation="Li et al. 2019, arXiv:1908.06066",
        assumptions=(
            "every number is unverified: taken from descriptions, no code was released",
            "linear warm-up over 10% of the steps, linear decay to 0, Adam's default betas, "
            "gradients clipped at norm 1, no weight decay: none is known",
            "the three losses have weight 1",
            "half of the pairs are mismatches; random texts and random images are equally likely",
            "a region is LN(W_f feature + W_l location), without position and segment",
            "the class to be found is the detector's most probable one that is not background",
            "no [SEP] closes the regions",
        ),
        vocabulary=PACKAGED,
        inputs=Inputs(max_length=144, max_regions=100, closing_sep=False),
        text=TextSpec(),
        region=RegionSpec(position=None),
        encoder=EncoderSpec(
            sublayers=single(12), hidden=768, heads=12, feed_forward=3072, dropout=0.1
        ),
        objectives=(
            Mlm(corruption=TokenMasker(select=0.15, mask=0.8, random=0.1), gate="positives"),
            Moc(
                corruption=RegionMasker(select=0.15, zero=0.9),
                gate="positives",
                background=BACKGROUND,
            ),
            Itm(),
        ),
        pairing=RandomNegatives(negative=0.5, random_text=0.5),
        init=Init(bert="bert-base-uncased"),
        stages=(
            Stage(name="pretraining", epochs=10.0, batch_pairs=192, micro_batches=4, optim=optim),
        ),
    )


def shrink() -> Recipe:
    """Small enough for two CPU cores and a minute a stage on a thousand pairs."""
    full = recipe()
    optim = Adam(lr=4e-3, warmup=0.05, clip_norm=None)
    return dataclasses.replace(
        full,
        inputs=Inputs(max_length=64, max_regions=20, closing_sep=False),
        encoder=EncoderSpec(
            sublayers=single(2),
            hidden=64,
            heads=4,
            feed_forward=256,
            dropout=0.0,
            init_std=0.125,
        ),
        # As for ImageBERT's small version; and the demo world's detector knows no background.
        objectives=(Mlm(weight=0.03), Moc(weight=0.2), Itm()),
        init=Init(bert=None),
        stages=(Stage(name="pretraining", epochs=90.0, batch_pairs=64, optim=optim),),
    )
