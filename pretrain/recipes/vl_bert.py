"""VL-BERT: Pre-training of Generic Visual-Linguistic Representations.

Su, Zhu, Cao, Li, Lu, Wei, Dai. 2019 (ICLR 2020), arXiv:1908.08530. A single-stream BERT-base in
which every element carries something visual: words the feature of the whole image, regions their
own. Masked words and masked regions' classes, a corpus of text alone mixed in one to one, and no
question whether text and image belong together. The authors trained on 16 V100, the CNN included.

Numbers are those of the released code where it and the paper differ.
"""

import dataclasses

from pretrain.collate import Inputs
from pretrain.embed.everywhere import VisualEverywhere
from pretrain.embed.pixels import PixelSpec
from pretrain.embed.region_pixels import Resnet
from pretrain.embed.text import TextSpec
from pretrain.encoders.gated import EncoderSpec
from pretrain.encoders.sublayers import single
from pretrain.masking.regions import RegionMasker
from pretrain.masking.tokens import TokenMasker
from pretrain.objectives.mlm import Mlm
from pretrain.objectives.mvrc import Mvrc
from pretrain.optim import Adam
from pretrain.pairing import RandomNegatives
from pretrain.recipe import Init, Recipe, Stage
from pretrain.task_plans.auxiliary import MasterAndAuxiliary
from pretrain.task_plans.joint import Joint
from pretrain.task_plans.task_plan import Task
from pretrain.text_set import NAME as TEXT
from pretrain.tokens import PACKAGED


def recipe() -> Recipe:
    """As in the released code, with precomputed features; see `end_to_end`."""
    optim = Adam(
        lr=1e-7 * 256, eps=1e-6, weight_decay=1e-4, groups=(), warmup=0.062, clip_norm=10.0
    )
    return Recipe(
        name="vl_bert",
        citation="Su et al. 2019, arXiv:1908.08530",
        assumptions=(
            "no sentence-image task: the first version of the paper lists one, the code has it off",
            "a masked region is asked for the detector's whole distribution, not for its class",
            "a step has 128 images with their texts and as many pieces of running text; the rate "
            "is 1e-7 times both together",
            "warm-up over 6.2% of the steps: 16,000 of ten epochs of 3.3 million pairs",
            "the 64 of text and boxes count neither [CLS] and [SEP] nor the whole image and [END]",
            "images are not flipped: captions say left and right",
            "features are precomputed; then the appearance of a masked box alone is replaced, and "
            "its pixels may still show in a box that overlaps it",
        ),
        vocabulary=PACKAGED,
        inputs=Inputs(max_length=66, max_regions=100, closing_sep=False, cut="longer"),
        text=TextSpec(segments=3),
        region=VisualEverywhere(),
        encoder=EncoderSpec(
            sublayers=single(12), hidden=768, heads=12, feed_forward=3072, dropout=0.1
        ),
        objectives=(
            Mlm(corruption=TokenMasker(select=0.15, mask=0.8, random=0.1, unit="word"), gate="all"),
            Mvrc(corruption=RegionMasker(select=0.15, zero=0.9)),
        ),
        pairing=RandomNegatives(negative=0.0),
        init=Init(bert="bert-base-uncased"),
        stages=(
            Stage(
                name="pretraining",
                epochs=10.0,
                batch_pairs=128,
                optim=optim,
                tasks=MasterAndAuxiliary(helpers=(Task(data=TEXT, asked=("mlm",)),)),
            ),
        ),
    )


def end_to_end() -> Recipe:
    """Features from pixels: what a masked region shows is gone before the CNN sees it."""
    full = recipe()
    return dataclasses.replace(
        full,
        inputs=dataclasses.replace(full.inputs, pixels=PixelSpec(size_px=640, crop=None)),
        region=VisualEverywhere(cnn=Resnet(depth="resnet101")),
    )


def shrink() -> Recipe:
    """Small enough for two CPU cores and a minute a stage on a thousand pairs; no running text."""
    full = recipe()
    optim = Adam(lr=4e-3, warmup=0.05, clip_norm=None)
    return dataclasses.replace(
        full,
        inputs=dataclasses.replace(full.inputs, max_regions=20),
        encoder=EncoderSpec(
            sublayers=single(2),
            hidden=64,
            heads=4,
            feed_forward=256,
            dropout=0.0,
            init_std=0.125,
        ),
        objectives=(
            Mlm(corruption=TokenMasker(unit="word"), gate="all", weight=0.1),
            Mvrc(weight=0.2),
        ),
        init=Init(bert=None),
        stages=(
            Stage(name="pretraining", epochs=90.0, batch_pairs=64, optim=optim, tasks=Joint()),
        ),
    )
