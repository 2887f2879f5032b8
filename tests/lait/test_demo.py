"""Does the main job run end to end, and again without doing anything twice?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def demo(out: Path) -> str:
    lait = [sys.executable, "-c", "from lait.cli import main; main()"]
    arguments = ["demo", "--size", "tiny", "--out", str(out)]
    done = subprocess.run([*lait, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_whole_demo_twice(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    first = demo(out)
    for title in ("Funnel", "Against the gold", "Training", "Retrieval"):
        assert title in first
    report = json.loads((out / "retrieval.json").read_text())
    assert report["n_images"] == 8
    manifest = (out / "curated" / "shards" / "manifest.json").read_bytes()
    checkpoints = sorted(out.glob("model/*/checkpoints/*"))
    demo(out)
    assert (out / "curated" / "shards" / "manifest.json").read_bytes() == manifest
    assert sorted(out.glob("model/*/checkpoints/*")) == checkpoints
