"""VisualBERT: A Simple and Performant Baseline for Vision and Language.

Li, Yatskar, Yin, Hsieh, Chang. 2019, arXiv:1908.03557. A single-stream BERT-base over two captions
and the detected regions of one image; masked words, and whether the second caption belongs to the
image too. Regions are never masked and have no coordinates. Three stages: on COCO's captions, then
on the texts of the task with masked words alone, then fine-tuning (`lait finetune`).

Numbers are those of the released code where it and the paper differ.
"""

import dataclasses

from pretrain.collate import Inputs
from pretrain.embed.aligned import AlignedRegions
from pretrain.embed.text import TextSpec
from pretrain.encoders.gated import EncoderSpec
from pretrain.encoders.sublayers import single
from pretrain.masking.tokens import TokenMasker
from pretrain.objectives.itm import Itm
from pretrain.objectives.mlm import Mlm
from pretrain.optim import Adam
from pretrain.pairing import RandomNegatives
from pretrain.pooling.first import FirstToken
from pretrain.recipe import Init, Recipe, Stage
from pretrain.task_plans.sampled import Sampled
from pretrain.task_plans.task_plan import Task
from pretrain.tokens import PACKAGED
from pretrain.two_captions import TwoCaptions


def recipe() -> Recipe:
    """As in the released code."""
    optim = Adam(
        lr=5e-5, variant="bert", weight_decay=0.01, warmup=0.1, decay="linear", clip_norm=None
    )
    stage = Stage(name="pretraining", epochs=10.0, batch_pairs=48, optim=optim)
    return Recipe(
        name="visualbert",
        citation="Li et al. 2019, arXiv:1908.03557",
        assumptions=(
            "the pooler learns; the released code leaves it out of the optimiser by mistake",
            "gradients are not clipped",
            "regions have 2048 dimensions and no coordinates; the code's other tasks use others",
            "an image with a single caption is shown with that or another image's, alone",
            "the second stage uses each task's own texts; its epochs and batch are the first's",
            "texts are cut at 128 pieces; the code reads that number and does not cut",
        ),
        vocabulary=PACKAGED,
        inputs=Inputs(max_length=228, max_text=128, max_regions=100, closing_sep=False),
        text=TextSpec(),
        region=AlignedRegions(segment=0),
        encoder=EncoderSpec(
            sublayers=single(12), hidden=768, heads=12, feed_forward=3072, dropout=0.1
        ),
        pooling=FirstToken(tanh=True),
        objectives=(
            Mlm(corruption=TokenMasker(select=0.15, mask=0.8, random=0.1), gate="all"),
            Itm(logits=2),
        ),
        pairing=TwoCaptions(negative=0.5),
        init=Init(bert="bert-base-uncased"),
        stages=(stage, _on_the_task(stage)),
    )


def _on_the_task(stage: Stage) -> Stage:
    """Masked words of true texts alone: nothing is asked about the pair."""
    return dataclasses.replace(
        stage,
        name="task",
        tasks=Sampled(tasks=(Task(asked=("mlm",)),)),
        pairing=RandomNegatives(negative=0.0),
    )


def shrink() -> Recipe:
    """Small enough for two CPU cores and a minute a stage on a thousand pairs."""
    full = recipe()
    optim = Adam(lr=2e-3, warmup=0.05, clip_norm=None)
    stage = Stage(name="pretraining", epochs=90.0, batch_pairs=32, optim=optim)
    return dataclasses.replace(
        full,
        inputs=Inputs(max_length=84, max_text=64, max_regions=20, closing_sep=False),
        encoder=EncoderSpec(
            sublayers=single(2),
            hidden=64,
            heads=4,
            feed_forward=256,
            dropout=0.0,
            init_std=0.125,
        ),
        # In a thousand steps, matching is learned only where its gradient is not drowned by that of
        # a vocabulary of 30,000.
        objectives=(Mlm(gate="all", weight=0.1), Itm(logits=2)),
        init=Init(bert=None),
        # One text an image on the task, as in the paper. That asks for words alone there; here half
        # of the few steps would then teach no matching.
        stages=(
            stage,
            dataclasses.replace(
                stage, name="task", pairing=RandomNegatives(negative=0.5, random_text=1.0)
            ),
        ),
    )
