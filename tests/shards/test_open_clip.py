"""Does open_clip's own training loop take our shards as they are?"""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lait.world.build import TINY, build_world
from shards.config import ShardsConfig
from shards.manifest import read_manifest
from shards.pack import pack

PEERS = Path(__file__).resolve().parents[2] / ".venv-peers" / "bin"
"""open_clip's training extra needs a webdataset older than ours: an environment of its own."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_open_clip_trains_on_them(tmp_path: Path) -> None:
    """The command of its README (Multi-GPU, single node), of one process and a small model.

    https://github.com/mlfoundations/open_clip#single-node
    """
    if not (PEERS / "torchrun").is_file():
        pytest.skip("make peers has not been run")
    world = build_world(tmp_path / "world", size=replace(TINY, n_supervised=64), seed=0)
    pack(world.supervised, tmp_path / "set", ShardsConfig(samples_per_shard=16))
    manifest = read_manifest(tmp_path / "set")
    last = len(manifest.shards) - 1
    done = subprocess.run(
        [
            str(PEERS / "torchrun"), "--nproc_per_node", "1", "-m", "open_clip_train.main",
            "--train-data", f"{tmp_path / 'set'}/{{00000..{last:05d}}}.tar",
            "--train-num-samples", str(manifest.n_samples),
            "--dataset-type", "webdataset",
            "--batch-size", "8",
            "--precision", "fp32",
            "--workers", "2",
            "--model", "ViT-S-32-alt",
            "--epochs", "2",
            "--warmup", "2",
            "--name", "ours",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    losses = [float(found) for found in re.findall(r"Contrastive_loss: ([\d.]+)", said)]
    assert len(losses) >= 2, said[-3000:]
    assert losses[-1] < losses[0], losses
    for epoch in (1, 2):
        assert (tmp_path / "logs" / "ours" / "checkpoints" / f"epoch_{epoch}.pt").is_file()
    # What it cannot decode it skips with a warning: there must be none.
    assert "Handling webdataset error" not in said
