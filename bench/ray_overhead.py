"""What does Ray cost once a run is running, against the bare loop?

    python bench/ray_overhead.py [--steps 40] [--pairs 32] [--layers 6] [--hidden 384]

The same stage, one worker, rounds in turn: once by `pretrain.run.run_stages` in a plain process,
once by `lait.train.pretrain`. Counted between the same two steps are

- the CPU seconds of the process that trains, against the plain one's: what a step costs more.
  Goal: under 3 %;
- the CPU seconds of all else that Ray has running (its servers, the driver that watches the
  metrics), by wall second, for they work by the clock, on whatever core is free;
- wall seconds, which say something only where nothing else runs.
"""

import argparse
import dataclasses
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from pretrain.collate import Inputs
from pretrain.encoders.gated import EncoderSpec
from pretrain.encoders.sublayers import single
from pretrain.journal import read_journal
from pretrain.plan import Plan, StageData, plan_from_plain, plan_to_plain, prepare
from pretrain.recipe import Init, Recipe, load
from pretrain.regions.regions import Missing, Regions
from pretrain.regions.write import write_regions
from pretrain.run import run_stages
from pretrain.workers import Workers
from shards.config import ShardsConfig
from shards.pack import pack
from shards.sample import Sample

FIRST_STEP = 5
REGIONS = 36


class Spent(NamedTuple):
    """Seconds."""

    worker_s: float
    """CPU, of the process that trains."""
    others_s: float
    """CPU, of all else of that side."""
    wall_s: float


class Noise:
    """36 regions of noise for every picture."""

    name = "noise"
    settings = ()
    files = ()
    classes = tuple(f"class {i}" for i in range(80))
    attributes = ()
    feature_dim = 1392

    def detect(self, samples: Sequence[Sample]) -> list[Regions | Missing]:
        rng = np.random.default_rng(0)
        low = rng.uniform(0, 0.5, size=(REGIONS, 2))
        found = Regions(
            boxes_R4=np.concatenate((low, low + 0.4), axis=-1).astype(np.float32),
            features_RD=rng.normal(size=(REGIONS, self.feature_dim)).astype(np.float16),
            probs_RK=np.full((REGIONS, 80), 1 / 80, dtype=np.float16),
        )
        return [found] * len(samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--side", nargs=2, metavar=("SIDE", "PLAN"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        run_side(*args.side)
        return
    with tempfile.TemporaryDirectory(prefix="ray-overhead-") as folder:
        root = Path(folder)
        data = make_data(root, args.pairs)
        recipe = recipe_of(args.steps, args.pairs, args.layers, args.hidden)
        spent: dict[str, list[Spent]] = {"bare": [], "ray": []}
        for number in range(args.rounds):
            for side, found in spent.items():
                plan = Plan(recipe=recipe, stages=(data,), out=root / f"{side}-{number}", seed=0)
                found.append(measured(side, plan, args.steps))
                print(f"round {number}, {side}: {found[-1]}", flush=True)
    bare, ray = spent["bare"], spent["ray"]
    own, theirs = (statistics.median(each.worker_s for each in side) for side in (bare, ray))
    wall, its_wall = (statistics.median(each.wall_s for each in side) for side in (bare, ray))
    beside = statistics.median(each.others_s / each.wall_s for each in ray)
    print(f"{args.steps - FIRST_STEP} steps of {args.pairs} pairs, {args.layers}x{args.hidden}")
    print(f"bare loop         {own:7.2f} CPU s   {wall:7.2f} s")
    print(f"worker of Ray     {theirs:7.2f} CPU s   {its_wall:7.2f} s")
    print(
        f"overhead          {theirs / own - 1:+7.1%} (goal: under 3 %)  {its_wall / wall - 1:+.1%}"
    )
    print(f"all else of Ray   {beside:7.3f} CPU s a second")


def run_side(side: str, file: str) -> None:
    """In a process of its own."""
    torch.set_num_threads(1)
    plan = plan_from_plain(json.loads(Path(file).read_text()))
    if side == "bare":
        prepare(plan, 1)
        run_stages(plan, Workers(), torch.device("cpu"))
        return
    from lait.train import pretrain

    pretrain(plan.recipe, plan.stages, plan.out, workers=1, seed=plan.seed)


def measured(side: str, plan: Plan, n_steps: int) -> Spent:
    """What a side spends between two steps."""
    file = plan.out.with_suffix(".json")
    file.write_text(json.dumps(plan_to_plain(plan)))
    command = [sys.executable, __file__, "--side", side, str(file)]
    with subprocess.Popen(command) as process:
        start = wait_for(process, plan, FIRST_STEP)
        end = wait_for(process, plan, n_steps)
    return Spent(*(after - before for before, after in zip(start, end, strict=True)))


def wait_for(process: subprocess.Popen[bytes], plan: Plan, step: int) -> Spent:
    """What is spent so far, as soon as a step is in the metrics."""
    while True:
        lines = read_journal(plan.out / "bench")
        if lines and lines[-1]["step"] >= step:
            return spent_by(process.pid)
        assert process.poll() is None, "the run ended early"
        time.sleep(0.05)


def spent_by(root: int) -> Spent:
    """By a process and all that descend from it, ended ones included."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    training: set[int] = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            title = (folder / "cmdline").read_bytes()
        except OSError:  # it has just ended
            continue
        process = int(folder.name)
        parents[process] = int(fields[1])
        ticks[process] = sum(map(int, fields[11:15]))
        if b"RayTrainWorker" in title:
            training.add(process)
    own = [process for process in ticks if descends(process, root, parents)]
    workers = training.intersection(own) or {root}
    seconds = {process: ticks[process] / os.sysconf("SC_CLK_TCK") for process in own}
    worker_s = sum(seconds[process] for process in workers)
    return Spent(worker_s, sum(seconds.values()) - worker_s, time.monotonic())


def descends(process: int, root: int, parents: dict[int, int]) -> bool:
    while process != root and process in parents:
        process = parents[process]
    return process == root


def make_data(root: Path, n: int) -> StageData:
    """As many pictures as a step shows."""
    loose = root / "loose"
    loose.mkdir()
    rng, lines = np.random.default_rng(0), []
    for i in range(n):
        pixels = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(pixels, "PNG")
        (loose / f"{i}.png").write_bytes(pixels.getvalue())
        words = " ".join(rng.choice(["dog", "tree", "boat", "house", "street", "lamp"], 17))
        lines.append(json.dumps({"image": f"{i}.png", "text": f"{i} {words}"}))
    (loose / "pairs.jsonl").write_text("\n".join(lines))
    pack(loose / "pairs.jsonl", root / "shards", ShardsConfig())
    write_regions(root / "shards", root / "regions", detector=Noise())
    return StageData(name="bench", shards=root / "shards", regions=root / "regions")


def recipe_of(steps: int, pairs: int, layers: int, hidden: int) -> Recipe:
    recipe = load("imagebert")
    stage = dataclasses.replace(
        recipe.stages[0],
        name="bench",
        epochs=float(steps),
        batch_pairs=pairs,
        log_every=1,
        checkpoint_every=10 * steps,
    )
    return dataclasses.replace(
        recipe,
        inputs=Inputs(max_length=144, max_regions=REGIONS),
        encoder=EncoderSpec(
            sublayers=single(layers), hidden=hidden, heads=hidden // 32, feed_forward=4 * hidden
        ),
        init=Init(bert=None),
        stages=(stage,),
    )


if __name__ == "__main__":
    main()
