"""ImageBERT: Cross-modal Pre-training with Large-scale Weak-supervised Image-Text Data.

Qi, Su, Song, Cui, Bharti, Sacheti. 2020, arXiv:2001.07966. A single-stream BERT-base over word
pieces and 100 detected regions; four tasks at once, their masked parts on matching pairs only;
first on large weakly supervised data from the web (LAIT), then on smaller cleaner data, each stage
starting from the weights before. The authors trained 17 epochs on 4 V100.
"""

import dataclasses

from pretrain.collate import Inputs
from pretrain.embed.region import RegionSpec
from pretrain.embed.text import TextSpec
from pretrain.encoders.gated import EncoderSpec
from pretrain.encoders.sublayers import single
from pretrain.objectives.itm import Itm
from pretrain.objectives.mlm import Mlm
from pretrain.objectives.moc import Moc
from pretrain.objectives.mrfr import Mrfr
from pretrain.optim import Adam
from pretrain.pairing import RandomNegatives
from pretrain.recipe import Init, Recipe, Stage
from pretrain.tokens import PACKAGED


def recipe() -> Recipe:
    """As in the paper."""
    optim = Adam(lr=1e-4, weight_decay=0.0, warmup=0.1, decay="linear", clip_norm=1.0)
    return Recipe(
        name="imagebert",
        citation="Qi et al. 2020, arXiv:2001.07966",
        assumptions=(
            "17 epochs are those of each stage; a batch of 48 is that of all GPUs together",
            "linear warm-up over 10% of the steps, linear decay to 0, Adam's default betas, "
            "gradients clipped at norm 1, no weight decay: none is published",
            "the four losses have weight 1",
            "half of the pairs are mismatches; random texts and random images are equally likely",
            "the squared L2 distance is averaged over the feature's dimensions",
            "text comes first; a [SEP] closes the regions",
            "all regions share position 0",
        ),
        vocabulary=PACKAGED,
        inputs=Inputs(max_length=144, max_regions=100, closing_sep=True),
        text=TextSpec(),
        region=RegionSpec(position=0),
        encoder=EncoderSpec(
            sublayers=single(12), hidden=768, heads=12, feed_forward=3072, dropout=0.1
        ),
        objectives=(Mlm(), Moc(), Mrfr(reduction="mean"), Itm()),
        pairing=RandomNegatives(negative=0.5, random_text=0.5),
        init=Init(bert="bert-base-uncased"),
        stages=(
            Stage(name="out_of_domain", epochs=17.0, batch_pairs=48, micro_batches=4, optim=optim),
            Stage(name="in_domain", epochs=17.0, batch_pairs=48, micro_batches=4, optim=optim),
        ),
    )


def shrink() -> Recipe:
    """Small enough for two CPU cores and a minute a stage on a thousand pairs."""
    full = recipe()
    optim = Adam(lr=4e-3, warmup=0.05, clip_norm=None)
    stage = Stage(name="out_of_domain", epochs=90.0, batch_pairs=64, optim=optim)
    return dataclasses.replace(
        full,
        inputs=Inputs(max_length=64, max_regions=20),
        encoder=EncoderSpec(
            sublayers=single(2),
            hidden=64,
            heads=4,
            feed_forward=256,
            dropout=0.0,
            init_std=0.125,
        ),
        # In a thousand steps, matching is learned only where its gradient is not drowned by those
        # of a vocabulary of 30,000 and of a thousand feature dimensions.
        objectives=(Mlm(weight=0.03), Moc(weight=0.2), Mrfr(weight=0.03), Itm()),
        init=Init(bert=None),
        stages=(stage, dataclasses.replace(stage, name="in_domain")),
    )
