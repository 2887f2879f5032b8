"""ViLBERT: Pretraining Task-Agnostic Visiolinguistic Representations.

Lu, Batra, Parikh, Lee. NeurIPS 2019, arXiv:1908.02265. A BERT-base over word pieces beside a
narrower stream over up to 36 regions and one for the whole image, which exchange keys and values in
six co-attention blocks; masked words, the detector's soft classes of masked regions, and matching.
Trained on the 3.1 to 3.3 million pairs of Conceptual Captions, 10 epochs on 8 GPUs.
"""

import dataclasses

from pretrain.bert import started_by_bert
from pretrain.collate import Inputs
from pretrain.embed.region import RegionSpec
from pretrain.embed.text import TextSpec
from pretrain.encoders.gated import CrossSpec, EncoderSpec, StreamSpec
from pretrain.encoders.sublayers import Sublayer, vilbert
from pretrain.masking.regions import RegionMasker
from pretrain.masking.tokens import TokenMasker
from pretrain.objectives.itm import Itm
from pretrain.objectives.mlm import Mlm
from pretrain.objectives.mrc_kl import MrcKl
from pretrain.optim import NO_DECAY, Adam, ParamGroup
from pretrain.pairing import RandomNegatives
from pretrain.pooling.fused import Fused
from pretrain.recipe import Init, Recipe, Stage
from pretrain.tokens import PACKAGED


def recipe() -> Recipe:
    """As the authors' code trains it, with weight decay as the paper has it."""
    sublayers = vilbert(n_text=12, n_image=6)
    return Recipe(
        name="vilbert",
        citation="Lu et al. 2019, arXiv:1908.02265",
        assumptions=(
            "the three losses have weight 1 and count on mismatched pairs too",
            "what BERT starts learns at a tenth of the rate (code)",
            "weight decay is on weights alone; the first code had it on biases and norms alone",
            "a mismatch is never the image's own caption; the code did not exclude that",
            "the whole image's feature is the mean of the regions as shown, masked ones as zeros",
        ),
        vocabulary=PACKAGED,
        inputs=Inputs(max_length=72, max_text=36, max_regions=36, closing_sep=False),
        text=TextSpec(),
        region=RegionSpec(position=None, location=5, combine="sum", whole_image=True),
        encoder=EncoderSpec(
            sublayers=sublayers,
            hidden=768,
            heads=12,
            feed_forward=3072,
            image=StreamSpec(hidden=1024, heads=8, feed_forward=1024),
            cross=CrossSpec(hidden=1024, heads=8),
            dropout=0.1,
        ),
        pooling=Fused(hidden=1024, fusion="product"),
        objectives=(
            Mlm(corruption=TokenMasker(select=0.15, mask=0.8, random=0.1), gate="all"),
            MrcKl(corruption=RegionMasker(select=0.15, zero=0.9), gate="all"),
            Itm(logits=2),
        ),
        pairing=RandomNegatives(negative=0.5, random_text=1.0),
        init=Init(bert="bert-base-uncased"),
        stages=(
            Stage(
                name="pretraining",
                epochs=10.0,
                batch_pairs=512,
                micro_batches=8,
                optim=_optim(sublayers),
            ),
        ),
    )


def _optim(sublayers: tuple[Sublayer, ...]) -> Adam:
    ours = started_by_bert(sublayers)
    return Adam(
        lr=1e-4,
        variant="bert",
        eps=1e-6,
        weight_decay=0.01,
        groups=(
            ParamGroup(pattern=f"{ours}.*{NO_DECAY}", lr_scale=0.1),
            ParamGroup(pattern=ours, lr_scale=0.1, weight_decay=0.01),
            ParamGroup(pattern=NO_DECAY),
        ),
        warmup=0.1,
        decay="linear",
        clip_norm=1.0,
        clip="each",
    )


def shrink() -> Recipe:
    """Small enough for two CPU cores and a minute a stage on a thousand pairs."""
    full = recipe()
    optim = Adam(lr=2e-3, warmup=0.05, clip_norm=None)
    return dataclasses.replace(
        full,
        inputs=Inputs(max_length=64, max_regions=20, closing_sep=False),
        encoder=EncoderSpec(
            sublayers=vilbert(n_text=2, n_image=1),
            hidden=64,
            heads=4,
            feed_forward=256,
            image=StreamSpec(hidden=48, heads=4, feed_forward=96),
            cross=CrossSpec(hidden=48, heads=4),
            dropout=0.0,
            init_std=0.125,
        ),
        pooling=Fused(hidden=64),
        # Words keep their whole weight: nothing else holds the text's own stream up. With the
        # weights and the rate of ImageBERT's small version all texts become one vector, and a
        # product of two ReLUs, one of them always 0, passes no gradient that could mend it.
        objectives=(Mlm(gate="all"), MrcKl(weight=0.2), Itm(logits=2)),
        init=Init(bert=None),
        stages=(Stage(name="pretraining", epochs=90.0, batch_pairs=32, optim=optim),),
    )
