"""Do two workers make the step that one makes? (G6.)"""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pretrain import checkpoint
from pretrain.checkpoint import Snapshot
from pretrain.network import DataSizes, Network
from pretrain.optim import build_optimizer
from pretrain.recipe import Recipe
from pretrain.regions.write import write_regions
from pretrain.tokens import WordPiece
from shards.order import Position
from tests.pretrain.helpers import CountingDetector, packed

ROOT = Path(__file__).resolve().parents[2]


def test_g6_two_workers_have_the_gradients_of_one(
    tiny: Recipe, wordpiece: WordPiece, tmp_path: Path
) -> None:
    """Two micro-batches each; few masked words, so that the workers' counts differ."""
    shards = packed(tmp_path / "shards", 24)
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    part = dataclasses.replace(tiny.stages[0], micro_batches=2)
    recipe = dataclasses.replace(tiny, stages=(part,))
    sizes = DataSizes(vocabulary=wordpiece.vocabulary, feature_dim=3, classes=2)
    torch.manual_seed(0)
    network = Network(recipe, sizes)
    snapshot = Snapshot(
        recipe=recipe,
        sizes=sizes,
        stage="first",
        step=0,
        total_steps=1,
        seed=0,
        position=Position(manifest_digest="0" * 64),
        shards_digest="0" * 64,
        regions_digest="0" * 64,
    )
    optimizer = build_optimizer(network, part.optim)
    saved = checkpoint.save(tmp_path, 1, snapshot, network, optimizer)
    for size in (1, 2):
        (tmp_path / str(size)).mkdir()
    runs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.pretrain.two_workers",
                *map(str, (saved, shards, tmp_path / "regions", tmp_path / str(size), rank, size)),
            ],
            cwd=ROOT,
        )
        for size in (1, 2)
        for rank in range(size)
    ]
    assert [run.wait(timeout=240) for run in runs] == [0, 0, 0]
    one, two = (load_file(tmp_path / str(size) / "gradients.safetensors") for size in (1, 2))
    assert one.keys() == two.keys()
    assert max(gradient.abs().max() for gradient in one.values()) > 0.01
    for name, gradient in one.items():
        assert (gradient - two[name]).abs().max() <= 1e-5, name
    scores = [json.loads((tmp_path / str(size) / "scores.json").read_text()) for size in (1, 2)]
    for name, score in scores[0].items():
        assert score == pytest.approx(scores[1][name], rel=1e-5), name
