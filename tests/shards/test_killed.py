"""Twenty times killed at random moments of a write: is what is there whole, and the rerun exact?"""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shards.manifest import read_manifest
from shards.verify import verify

N_KILLS = 20
PACK = """
import sys
from pathlib import Path
from shards.config import ShardsConfig
from shards.pack import pack

print("go", flush=True)
pack(Path(sys.argv[1]), Path(sys.argv[2]), ShardsConfig(samples_per_shard=20))
print("done", flush=True)
"""


def start(pairs: Path, out: Path) -> subprocess.Popen[bytes]:
    """The write, from the moment on at which it begins."""
    process = subprocess.Popen(
        [sys.executable, "-c", PACK, str(pairs), str(out)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"go\n"
    return process


def finish(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.read() == b"done\n"
    assert process.wait() == 0
    process.stdout.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_kills(tmp_path: Path, picture) -> None:
    rng = random.Random(0)
    lines = []
    for n in range(160):
        # Bytes after the end of the picture are passed through like all others.
        body = picture(n % 9, "jpg") + rng.randbytes(300_000)
        (tmp_path / f"{n}.jpg").write_bytes(body)
        lines.append(json.dumps({"image": f"{n}.jpg", "text": f"picture number {n}"}))
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("\n".join(lines))

    process = start(pairs, tmp_path / "whole")
    began_s = time.perf_counter()
    finish(process)
    takes_s = time.perf_counter() - began_s
    whole = contents(tmp_path / "whole")
    assert len([name for name in whole if name.endswith(".tar")]) == 8

    killed, n_midway, out = 0, 0, tmp_path / "out"
    while killed < N_KILLS:
        process = start(pairs, out)
        time.sleep(rng.uniform(0, takes_s))
        process.kill()
        assert process.stdout is not None
        finished = process.stdout.read() == b"done\n"
        process.wait()
        process.stdout.close()
        if finished:
            continue
        killed += 1
        there = contents(out) if out.exists() else {}
        named = {name: data for name, data in there.items() if not name.startswith(".")}
        n_midway += any(name.endswith(".tar") for name in named)
        for name, data in named.items():
            assert data == whole[name], (name, killed)
        if "manifest.json" in named:
            assert verify(out) == []
        else:
            with pytest.raises(ValueError, match="not a finished shard set"):
                read_manifest(out)
        finish(start(pairs, out))
        assert contents(out) == whole
    assert n_midway > N_KILLS // 4, n_midway
