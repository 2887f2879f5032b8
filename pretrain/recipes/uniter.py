"""UNITER: UNiversal Image-TExt Representation Learning.

Chen, Li, Yu, El Kholy, Ahmed, Gan, Cheng, Liu. 2019 (ECCV 2020), arXiv:1909.11740. A single-stream
BERT-base over word pieces and 10 to 100 detected regions; one of four tasks a step, each with only
one modality masked while the other is seen whole; words and regions aligned by optimal transport;
on COCO, Visual Genome, Conceptual Captions and SBU. The authors trained 200,000 steps on 8 V100.
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
from pretrain.objectives.mrc_kl import MrcKl
from pretrain.objectives.mrfr import Mrfr
from pretrain.objectives.wra import Wra
from pretrain.optim import Adam
from pretrain.pairing import Matching, RandomNegatives
from pretrain.pooling.first import FirstToken
from pretrain.recipe import Init, Recipe, Stage
from pretrain.task_plans.sampled import Sampled
from pretrain.task_plans.task_plan import Task
from pretrain.tokens import PACKAGED

FIRST_WORD = 106
"""The ids below are special tokens in the cased vocabulary: never a random word piece."""


def recipe() -> Recipe:
    """As in the paper; where the released code differs, as it was trained."""
    optim = Adam(
        lr=5e-5,
        betas=(0.9, 0.98),
        weight_decay=0.01,
        warmup=0.05,
        decay="linear",
        clip_norm=5.0,
    )
    words = TokenMasker(
        select=0.15, mask=0.8, random=0.1, at_least_one=True, random_from=FIRST_WORD
    )
    regions = RegionMasker(select=0.15, zero=1.0, at_least_one=True)
    return Recipe(
        name="uniter",
        citation="Chen et al. 2019, arXiv:1909.11740",
        assumptions=(
            "a step holds 8 GPUs x 6 batches of 10,240 tokens; at 48 tokens a pair, 10,240 pairs",
            "the four data sets are one, in which they have shares of 2:3:3:2 (COCO, VG, CC, SBU)",
            "the two inner layer norms of the region embedder are decayed, as released; all others "
            "and biases are not",
            "regression and divergence are averaged over all elements, as released; the paper sums",
            "the transport cost of mismatches is driven up, as released",
            "regions have no position",
        ),
        vocabulary="bert-base-cased",
        inputs=Inputs(max_length=160, max_text=60, max_regions=100, closing_sep=False),
        text=TextSpec(),
        region=RegionSpec(
            position=None, segment=True, location=7, combine="sum_of_norms", mask_vector=True
        ),
        encoder=EncoderSpec(
            sublayers=single(12), hidden=768, heads=12, feed_forward=3072, dropout=0.1
        ),
        pooling=FirstToken(tanh=True),
        objectives=(
            Mlm(corruption=words),
            MrcKl(corruption=regions, reduction="element"),
            Mrfr(corruption=regions, reduction="mean", tied=True),
            Itm(logits=2),
            Wra(weight=0.1, beta=0.5, iterations=50),
        ),
        pairing=RandomNegatives(negative=0.5, random_text=0.0),
        init=Init(bert="bert-base-cased"),
        stages=(
            Stage(
                name="pretraining",
                epochs=0.0,
                steps=200_000,
                batch_pairs=10_240,
                optim=optim,
                tasks=Sampled(
                    tasks=(
                        Task(asked=("mlm",), weight=12.0, pairing=Matching()),
                        Task(asked=("mrc_kl",), weight=6.0, pairing=Matching()),
                        Task(asked=("mrfr",), weight=6.0, pairing=Matching()),
                        Task(asked=("itm", "wra"), weight=9.0),
                    )
                ),
            ),
        ),
    )


def _mostly_matching(stage: Stage) -> Sampled:
    """The stage's tasks, matching asked eight times as often as otherwise."""
    tasks = (
        dataclasses.replace(
            task, weight=task.weight * (8.0 if "itm" in (task.asked or ()) else 1.0)
        )
        for task in stage.tasks.tasks
    )
    return Sampled(tasks=tuple(tasks))


def shrink() -> Recipe:
    """Small enough for two CPU cores and a minute a stage on a thousand pairs."""
    full = recipe()
    words, regions = (full.objectives[i].corruption for i in (0, 1))
    assert isinstance(words, TokenMasker), words
    assert isinstance(regions, RegionMasker), regions
    # A step has one task: without a common norm, the one with the largest gradients sets the pace.
    optim = Adam(lr=2e-3, warmup=0.05, clip_norm=1.0)
    return dataclasses.replace(
        full,
        vocabulary=PACKAGED,
        inputs=Inputs(max_length=64, max_regions=20, closing_sep=False),
        encoder=EncoderSpec(
            sublayers=single(2),
            hidden=64,
            heads=4,
            feed_forward=256,
            dropout=0.0,
            init_std=0.125,
        ),
        # As for ImageBERT's small version; but every step has one task, so all weigh alike, and
        # matching is learned only where most steps ask it.
        objectives=(
            Mlm(corruption=dataclasses.replace(words, random_from=0), weight=0.2),
            MrcKl(corruption=regions, weight=0.2),
            Mrfr(corruption=regions, tied=True, weight=0.2),
            Itm(logits=2),
            Wra(),
        ),
        init=Init(bert=None),
        stages=(
            dataclasses.replace(
                full.stages[0],
                epochs=90.0,
                steps=None,
                batch_pairs=64,
                optim=optim,
                tasks=_mostly_matching(full.stages[0]),
            ),
        ),
    )
