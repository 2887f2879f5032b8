"""How long does a training step of LXMERT take, beside Hugging Face's of the same widths?

    python bench/lxmert_step.py [--pairs 32] [--hidden 384] [--paper]

Both sides make the same step in turn, in one process on one thread: forward, the five losses,
backward, gradients clipped, AdamW. 20 word pieces and 36 regions a pair, features of 2,048
dimensions, 1,600 objects, 400 attributes, 9,500 answers. Reported are medians of CPU seconds. The
peer gets its batch ready made; ours is collated and masked within the step. The layers are the
paper's (9, 5 and 5) with `--paper`, else 3, 2 and 2. Goal: 0.9 of the peer's time.
"""

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import LxmertConfig, LxmertForPreTraining

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.turns import in_turn
from pretrain.collate import Inputs
from pretrain.data import Example
from pretrain.encoders.gated import EncoderSpec
from pretrain.encoders.sublayers import lxmert
from pretrain.loader import Loader
from pretrain.network import DataSizes, Network
from pretrain.optim import Adam, build_optimizer
from pretrain.recipe import Recipe, Stage, load
from pretrain.regions.regions import Regions
from pretrain.stage import run
from pretrain.tokens import load_wordpiece
from pretrain.workers import Workers

FEATURE_DIM, OBJECTS, ATTRIBUTES, ANSWERS = 2048, 1600, 400, 9500
REGIONS, PIECES, ROUNDS = 36, 20, 5
WORDS = ("dog", "tree", "boat", "house", "street", "lamp", "bird", "child", "hill", "water")


class Pairs:
    """Pairs at random, in memory, of 18 words and 36 regions each."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(0)
        low = rng.uniform(0, 0.5, size=(n, REGIONS, 2))
        boxes = np.concatenate((low, low + 0.4), axis=-1).astype(np.float32)
        self.digest = "0" * 64
        self._examples = [
            Example(
                regions=Regions(
                    boxes_R4=boxes[i],
                    features_RD=rng.normal(size=(REGIONS, FEATURE_DIM)).astype(np.float16),
                    probs_RK=rng.random((REGIONS, 1 + OBJECTS)).astype(np.float16),
                    attributes_RA=rng.random((REGIONS, ATTRIBUTES)).astype(np.float16),
                ),
                captions=(f"{i} " + " ".join(rng.choice(WORDS, PIECES - 3)),),
            )
            for i in range(n)
        ]

    def __len__(self) -> int:
        return len(self._examples)

    def example(self, i: int) -> Example:
        return self._examples[i]


def recipe_of(pairs: int, layers: tuple[int, int, int], hidden: int) -> Recipe:
    """The recipe, narrower, and in one optimiser step a round of `pairs`."""
    n_text, n_image, n_cross = layers
    optim = Adam(lr=1e-4, weight_decay=0.01, groups=(), clip_norm=1.0)
    stage = Stage(name="bench", epochs=float(ROUNDS + 2), batch_pairs=pairs, optim=optim)
    return dataclasses.replace(
        load("lxmert"),
        inputs=Inputs(
            max_length=PIECES + REGIONS, max_text=PIECES, max_regions=REGIONS, closing_sep=False
        ),
        encoder=EncoderSpec(
            sublayers=lxmert(n_text, n_image, n_cross),
            hidden=hidden,
            heads=hidden // 64,
            feed_forward=4 * hidden,
        ),
        stages=(stage,),
    )


def our_step(recipe: Recipe, data: Pairs) -> Callable[[], object]:
    """A function that makes the next step."""
    sizes = DataSizes(
        vocabulary=load_wordpiece().vocabulary,
        feature_dim=FEATURE_DIM,
        classes=1 + OBJECTS,
        attributes=ATTRIBUTES,
    )
    network, stage = Network(recipe, sizes), recipe.stages[0]
    loader = Loader(data=data, recipe=recipe, stage=stage, seed=0)
    reports = run(
        network,
        build_optimizer(network, stage.optim),
        loader,
        Workers(),
        torch.device("cpu"),
        first_step=0,
        position=loader.start(),
    )
    return lambda: next(reports)


def their_step(pairs: int, layers: tuple[int, int, int], hidden: int) -> Callable[[], object]:
    """The peer's step, its batch ready."""
    n_text, n_image, n_cross = layers
    config = LxmertConfig(
        vocab_size=load_wordpiece().vocabulary,
        hidden_size=hidden,
        num_attention_heads=hidden // 64,
        intermediate_size=4 * hidden,
        l_layers=n_text,
        r_layers=n_image,
        x_layers=n_cross,
        visual_loss_normalizer=1 / 0.15,
    )
    network = LxmertForPreTraining(config).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    batch = their_batch(pairs, config.vocab_size)

    def step() -> object:
        optimizer.zero_grad(set_to_none=True)
        network(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        return optimizer.step()

    return step


def their_batch(pairs: int, vocabulary: int) -> dict[str, object]:
    """15% of words and regions masked, half of the pairs mismatched, no answers as with ours."""
    tokens = torch.randint(1000, vocabulary, (pairs, PIECES))
    masked = torch.rand(pairs, PIECES) < 0.15
    masked_regions = (torch.rand(pairs, REGIONS) < 0.15).float()
    features = torch.randn(pairs, REGIONS, FEATURE_DIM)
    confidence: Tensor = torch.rand(pairs, REGIONS)
    return {
        "input_ids": tokens.masked_fill(masked, load_wordpiece().mask),
        "attention_mask": torch.ones(pairs, PIECES, dtype=torch.long),
        "visual_feats": features * (1 - masked_regions)[:, :, None],
        "visual_pos": torch.rand(pairs, REGIONS, 4),
        "labels": tokens.masked_fill(~masked, -100),
        "matched_label": torch.randint(0, 2, (pairs,)),
        "obj_labels": {
            "obj": (torch.randint(0, OBJECTS, (pairs, REGIONS)), confidence),
            "attr": (torch.randint(0, ATTRIBUTES, (pairs, REGIONS)), confidence),
            "feat": (features, masked_regions),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--paper", action="store_true", help="9, 5 and 5 layers")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    layers = (9, 5, 5) if args.paper else (3, 2, 2)
    data = Pairs(args.pairs)
    ours, theirs = in_turn(
        our_step(recipe_of(args.pairs, layers, args.hidden), data),
        their_step(args.pairs, layers, args.hidden),
        rounds=ROUNDS,
    )
    print(f"{args.pairs} pairs, layers {layers} of {args.hidden}, one thread, CPU seconds")
    print(f"LxmertForPreTraining   {theirs:7.3f} s")
    print(f"ours, the same         {ours:7.3f} s   {ours / theirs:.2f} of it (goal 0.90)")


if __name__ == "__main__":
    main()
