"""LXMERT: Learning Cross-Modality Encoder Representations from Transformers.

Tan, Bansal. EMNLP 2019, arXiv:1908.07490. An encoder of words (9 layers), one of 36 regions (5) and
one in which they meet (5), whose cross-attention is one module for both directions; masked words,
regions' objects, attributes and features, matching, and answers to questions. Everything is learned
from the start, on COCO, Visual Genome, VQA, GQA and VG-QA. The authors trained 20 epochs, 8.5 days
on 4 GPUs.
"""

import dataclasses

from pretrain.collate import Inputs
from pretrain.embed.region import RegionSpec
from pretrain.embed.text import TextSpec
from pretrain.encoders.gated import EncoderSpec
from pretrain.encoders.sublayers import lxmert
from pretrain.masking.regions import RegionMasker
from pretrain.masking.tokens import TokenMasker
from pretrain.objectives.detected import SELECT, Detected
from pretrain.objectives.itm import Itm
from pretrain.objectives.mlm import Mlm
from pretrain.objectives.qa import Qa
from pretrain.optim import Adam
from pretrain.pairing import RandomNegatives
from pretrain.pooling.first import FirstToken
from pretrain.recipe import Init, Recipe, Stage
from pretrain.tokens import PACKAGED

BACKGROUND = 0
"""First of the 1,601 classes of the Visual Genome detector, which LXMERT leaves out."""


WORLD_ANSWERS = (
    "yes no 0 1 2 3 4 5 above below left right plain checked spotted striped "
    "black blue green orange purple red white yellow beach city desert field night room snow "
    "ball balloon bird boat car cat cup fish flower heart house mushroom rocket square star tree "
    "triangle umbrella"
)
"""What the demo world answers to its own questions."""


def recipe() -> Recipe:
    """As the authors' code trains it, where it differs from the paper."""
    optim = Adam(
        lr=1e-4,
        variant="bert",
        eps=1e-6,
        weight_decay=0.01,
        groups=(),
        warmup=0.05,
        decay="linear",
        clip_norm=1.0,
    )
    return Recipe(
        name="lxmert",
        citation="Tan and Bansal 2019, arXiv:1908.07490",
        assumptions=(
            "object and attribute are asked of all regions, weighed by the detector's confidence, "
            "as the authors trained it; objectives.detected.masked_only=true is the paper's text",
            "of the masked regions 80% are zeroed, 10% show another region, 10% are kept (code)",
            "questions are answered from the first epoch on (code); the table of 9,500 answers is "
            "not part of lait: objectives.qa.answers",
            "the random feature of a masked region comes from a pair of the same forward pass",
            "weight decay is on all parameters (code)",
        ),
        vocabulary=PACKAGED,
        inputs=Inputs(max_length=56, max_text=20, max_regions=36, closing_sep=False),
        text=TextSpec(),
        region=RegionSpec(position=None, location=4, combine="mean_of_norms"),
        encoder=EncoderSpec(
            sublayers=lxmert(n_text=9, n_image=5, n_cross=5),
            hidden=768,
            heads=12,
            feed_forward=3072,
            dropout=0.1,
        ),
        pooling=FirstToken(tanh=True),
        objectives=(
            Mlm(corruption=TokenMasker(select=0.15, mask=0.8, random=0.1), gate="all"),
            Itm(logits=2),
            Detected(
                weight=1.0 / SELECT,
                corruption=RegionMasker(select=SELECT, zero=0.8, other=0.1),
                background=BACKGROUND,
            ),
            Qa(n_answers=9500),
        ),
        pairing=RandomNegatives(negative=0.5, random_text=1.0),
        init=Init(bert=None),
        stages=(
            Stage(name="pretraining", epochs=20.0, batch_pairs=256, micro_batches=4, optim=optim),
        ),
    )


def shrink() -> Recipe:
    """Small enough for two CPU cores and a minute a stage on a thousand pairs."""
    full = recipe()
    optim = Adam(lr=2e-3, warmup=0.05, clip_norm=None)
    corruption = RegionMasker(select=SELECT, zero=0.8, other=0.1)
    return dataclasses.replace(
        full,
        inputs=Inputs(max_length=64, max_regions=20, closing_sep=False),
        # Two layers in which the streams meet: in the first a word compares itself with what it
        # finds, in the second [CLS] sees how that went. Five attentions, each of which makes the
        # words more alike, start weaker than ImageBERT's two.
        encoder=EncoderSpec(
            sublayers=lxmert(n_text=1, n_image=1, n_cross=2),
            hidden=64,
            heads=4,
            feed_forward=256,
            dropout=0.0,
            init_std=0.08,
        ),
        # Masked words weigh most: they keep the words apart and make them look for their regions;
        # matching alone, before it knows anything, makes all words the same. The demo world's
        # detector knows no background.
        objectives=(
            Mlm(gate="all"),
            Itm(logits=2),
            Detected(weight=0.5, corruption=corruption),
            Qa(weight=0.5, answers=tuple(WORLD_ANSWERS.split()), n_answers=64),
        ),
        stages=(Stage(name="pretraining", epochs=90.0, batch_pairs=64, optim=optim),),
    )
