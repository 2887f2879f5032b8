"""What several tests of pretraining need."""

import dataclasses
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from pretrain import checkpoint
from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.network import DataSizes, Network, build
from pretrain.objectives.objective import Encoded
from pretrain.optim import build_optimizer
from pretrain.recipe import Recipe
from pretrain.regions.detector import Detector, Settings
from pretrain.regions.regions import Missing, Regions
from pretrain.snapshot import Snapshot
from shards.config import ShardsConfig
from shards.manifest import InputInfo
from shards.order import Position
from shards.pack import pack
from shards.sample import Sample

ROOT = Path(__file__).resolve().parents[2]


def draws(n: int, step: int = 0) -> Draws:
    """The draws of the first `n` rows."""
    return Draws(seed=0, step=step, rows=tuple(range(n)))


def encoded(network: Network, batch: Batch, view: View | None = None) -> Encoded:
    """What the network makes of a batch, by default uncorrupted."""
    return network.encode(network.streams(batch, view or View.of(batch)))


def picture(seed: int, size: tuple[int, int] = (64, 48)) -> bytes:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def sample_of(image: bytes, **record: object) -> Sample:
    """A sample of this image with this record."""
    key = hashlib.sha256(image).hexdigest()[:32]
    return Sample(key=key, image=image, extension="png", text="", record=json.dumps(record))


def regions_of(detector: Detector, *images: bytes) -> list[Regions]:
    """What a detector says about images, none of which may be without regions."""
    found = detector.detect([sample_of(image) for image in images])
    return [one for one in found if isinstance(one, Regions)]


@dataclasses.dataclass
class CountingDetector:
    """Answers from the bytes alone, and counts."""

    name: str = "counting"
    classes: tuple[str, ...] = ("a", "b")
    feature_dim: int = 3
    attributes: tuple[str, ...] = ()
    settings: Settings = ()
    files: tuple[InputInfo, ...] = ()
    blind: frozenset[str] = frozenset()
    """Keys of samples that it finds no regions in."""
    reasons: tuple[str, ...] = ("damaged",)
    """Why; which one follows from the first digit of the key."""
    scale: float = 1.0
    """Of the features."""
    seen: int = 0

    def detect(self, samples: Sequence[Sample]) -> list[Regions | Missing]:
        self.seen += len(samples)
        found: list[Regions | Missing] = []
        for sample in samples:
            if sample.key in self.blind:
                reason = self.reasons[int(sample.key[0], 16) % len(self.reasons)]
                found.append(Missing(reason=reason, detail=f"what is wrong with {sample.key}"))
                continue
            rng = np.random.default_rng(list(hashlib.sha256(sample.image).digest()))
            found.append(
                Regions(
                    boxes_R4=np.array([[0, 0, 1, 1]], dtype=np.float32),
                    features_RD=(self.scale * rng.normal(size=(1, self.feature_dim))).astype(
                        np.float16
                    ),
                    probs_RK=np.eye(1, len(self.classes), dtype=np.float16),
                )
            )
        return found


WORDS = "ball bird boat car cat cup fish flower house star tree rocket".split()  # noqa: SIM905


def packed(
    out: Path, n: int, *, first: int = 0, n_texts: int = 1, samples_per_shard: int = 1000
) -> Path:
    """A finished shard set of `n` small pictures, each with its own words."""
    folder = out.with_name(f"{out.name}-files")
    folder.mkdir(parents=True)
    lines = []
    for i in range(first, first + n):
        (folder / f"{i}.png").write_bytes(picture(i))
        rng = np.random.default_rng(i)
        texts = [" and ".join(WORDS[k] for k in rng.permutation(12)[:4]) for _ in range(n_texts)]
        lines.append(json.dumps({"image": f"{i}.png", "texts": texts}))
    (folder / "pairs.jsonl").write_text("\n".join(lines))
    pack(folder / "pairs.jsonl", out, ShardsConfig(samples_per_shard=samples_per_shard))
    return out


def one_against_two(
    recipe: Recipe, sizes: DataSizes, shards: Path, regions: Path | None, tmp_path: Path
) -> None:
    """Assert that two workers have the scores and gradients of one, in the first step."""
    torch.manual_seed(0)
    network = build(recipe, sizes)
    snapshot = Snapshot(
        recipe=recipe,
        sizes=sizes,
        stage=recipe.stages[0].name,
        step=0,
        total_steps=1,
        seed=0,
        position=Position(manifest_digest="0" * 64),
        shards_digest="0" * 64,
        regions_digest="0" * 64,
    )
    optimizer = build_optimizer(network, recipe.stages[0].optim)
    saved = checkpoint.save(tmp_path, 1, snapshot, network, optimizer)
    for size in (1, 2):
        (tmp_path / str(size)).mkdir()
    runs = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.pretrain.two_workers",
                *map(str, (saved, shards, regions or "-", tmp_path / str(size), rank, size)),
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
