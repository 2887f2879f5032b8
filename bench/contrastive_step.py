"""What does a contrastive step cost, against open_clip's own training loop?

    python bench/contrastive_step.py [--pairs 32]

One model of open_clip, a small ViT-B/32, one thread, CPU seconds, the rounds of both sides taken in
turn. Ours is a whole step of `pretrain.stage.run`, its loader included: JPEGs decoded, cropped at
random, texts cut. The peer is `open_clip_train.train.train_one_epoch` on one batch that is ready.
Goal: at most 1.05 of its time.
"""

import argparse
import dataclasses
import io
import logging
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import open_clip
import torch
from open_clip_train.train import train_one_epoch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.turns import in_turn
from pretrain.data import Example
from pretrain.dual import TextTower, Towers, VisionTower
from pretrain.loader import Loader
from pretrain.network import DataSizes, build
from pretrain.optim import build_optimizer
from pretrain.recipe import Recipe, load
from pretrain.regions.regions import Regions
from pretrain.stage import run
from pretrain.workers import Workers

ROUNDS = 7
WORDS = ("dog", "tree", "boat", "house", "street", "lamp", "bird", "child", "hill", "water")
TOWERS = Towers(
    embed_dim=256,
    vision=VisionTower(width=384, layers=8, head_width=64),
    text=TextTower(width=256, heads=4, layers=6),
)


class Pairs:
    """Pictures of 320 x 240 pixels with ten words each, in memory."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(0)
        self.digest = "0" * 64
        self._examples = []
        for i in range(n):
            small = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(small).resize((320, 240)).save(buffer, "JPEG")
            text = f"{i} " + " ".join(rng.choice(WORDS, 9))
            self._examples.append(
                Example(regions=Regions.none(), captions=(text,), image=buffer.getvalue())
            )

    def __len__(self) -> int:
        return len(self._examples)

    def example(self, i: int) -> Example:
        return self._examples[i]


def recipe_of(pairs: int) -> Recipe:
    full = load("clip")
    stage = dataclasses.replace(full.stages[0], epochs=float(ROUNDS + 2), batch_pairs=pairs)
    return dataclasses.replace(full, towers=TOWERS, stages=(stage,))


def ours(recipe: Recipe, data: Pairs) -> Callable[[], object]:
    network = build(recipe, DataSizes(vocabulary=49_408, feature_dim=0, classes=0))
    stage = recipe.stages[0]
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


class OneBatch:
    """What open_clip's loop wants of its data."""

    num_batches = 1

    def __init__(self, images: torch.Tensor, texts: torch.Tensor) -> None:
        self.num_samples = len(images)
        self.dataloader = self
        self._batch = images, texts

    def __iter__(self) -> object:
        return iter([self._batch])

    def set_epoch(self, epoch: int) -> None:
        """Always the same batch."""


def peer(recipe: Recipe, pairs: int) -> Callable[[], object]:
    model = open_clip.CLIP(**TOWERS.model_cfg(), output_dict=True)
    named = list(model.named_parameters())
    spared = {n: p.ndim < 2 or "bn" in n or "ln" in n or "bias" in n for n, p in named}
    optim = recipe.stages[0].optim
    optimizer = torch.optim.AdamW(
        [
            {
                "params": [p for (_, p), s in zip(named, spared, strict=True) if s],
                "weight_decay": 0,
            },
            {"params": [p for (_, p), s in zip(named, spared, strict=True) if not s]},
        ],
        lr=optim.lr,
        betas=optim.betas,
        eps=optim.eps,
        weight_decay=optim.weight_decay,
        fused=True,
    )
    texts = open_clip.SimpleTokenizer()([" ".join(WORDS)] * pairs)
    data = {"train": OneBatch(torch.randn(pairs, 3, 224, 224), texts)}
    args = SimpleNamespace(
        device="cpu",
        precision="fp32",
        distill=False,
        accum_freq=1,
        skip_scheduler=True,
        horovod=False,
        grad_clip_norm=None,
        log_every_n_steps=1000,
        batch_size=pairs,
        world_size=1,
        rank=0,
        local_rank=0,
        log_local=False,
        wandb=False,
    )
    loss = open_clip.ClipLoss()
    return lambda: train_one_epoch(model, data, loss, 0, optimizer, None, None, None, args)


def data_wait(recipe: Recipe, data: Pairs) -> float:
    """CPU seconds until the loader hands out a step's batch, median."""
    loader = Loader(data=data, recipe=recipe, stage=recipe.stages[0], seed=0)
    steps, waits = loader.steps(0, loader.start()), []
    for _ in range(ROUNDS + 1):
        start = time.process_time()
        next(steps)
        waits.append(time.process_time() - start)
    return statistics.median(waits[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=32)
    args = parser.parse_args()
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    recipe, data = recipe_of(args.pairs), Pairs(args.pairs)
    mine, theirs = in_turn(ours(recipe, data), peer(recipe, args.pairs), rounds=ROUNDS)
    wait = data_wait(recipe, data)
    print(f"{args.pairs} pairs of 224 pixels, one thread, CPU seconds")
    print(f"open_clip's training loop, its batch ready  {theirs:7.3f} s")
    print(f"ours, loader included                       {mine:7.3f} s   {mine / theirs:.2f} of it")
    print(f"of which the loader                         {wait:7.3f} s   {wait / mine:.1%}")


if __name__ == "__main__":
    main()
