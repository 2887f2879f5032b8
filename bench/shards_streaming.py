"""Does lait's loader keep level with mosaicml-streaming on the same images, resuming included?

    make peers && OMP_NUM_THREADS=1 python bench/shards_streaming.py [--samples 1000]

Both read in shuffled order, in one process, and decode to a uint8 tensor [3, height, width]; ours
compares every archive's sha256, streaming validates nothing, as is its default. Resuming: from a
saved state in the middle of an epoch, with everything opened anew, to the first batch; ours at
another world size (three ranks, saved by four), where all that is left comes exactly once.
"""

import argparse
import json
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from shards_read import cpu_s_of, lait_pass, make_set

from shards.read import Position, ShardReader, global_batches

PEER = Path(__file__).resolve().parents[1] / ".venv-peers" / "bin" / "python"


def batches(reader: ShardReader, position: Position, rank: int, world_size: int):
    return global_batches(
        n_samples=len(reader),
        manifest_digest=reader.digest,
        position=position,
        rank=rank,
        world_size=world_size,
        batch_size_per_rank=8,
        end_epoch=1,
    )


def resume(folder: Path) -> float:
    """Seconds to three ranks' first batches; raises when a sample is lost or comes twice."""
    with ShardReader(folder) as reader:
        ranks = [batches(reader, reader.start(0), rank, 4) for rank in range(4)]
        before, position = [], reader.start(0)
        while position.samples_seen < len(reader) // 2:
            shares = [next(rank) for rank in ranks]
            before += [int(i) for share in shares for i in share.indices]
            position = shares[0].position
    start_s = time.perf_counter()
    with ShardReader(folder) as reader:
        ranks = [batches(reader, position, rank, 3) for rank in range(3)]
        first = [next(rank) for rank in ranks]
        for share in first:
            for i in share.indices.tolist():
                reader.sample(i)
        took_s = time.perf_counter() - start_s
        after = [int(i) for share in first for i in share.indices]
        for shares in zip(*ranks, strict=True):
            after += [int(i) for share in shares for i in share.indices]
        assert before + after == reader.order(0, 0).tolist()
    return took_s


def ask_peer(shards: Path, converted: Path, task: str) -> float:
    script = Path(__file__).with_name("streaming_peer.py")
    done = subprocess.run(
        [str(PEER), str(script), task, str(shards), str(converted)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    n = parser.parse_args().samples
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = make_set(Path(name), n)
        ours = {
            "bytes": n / cpu_s_of(partial(lait_pass, folder, False)),
            "decoded": n / cpu_s_of(partial(lait_pass, folder, True)),
            "resume_s": min(resume(folder) for _ in range(3)),
        }
        peer = partial(ask_peer, folder, Path(name) / "mds")
        assert peer("convert") == n
        theirs = {what: n / min(peer(what) for _ in range(2)) for what in ("bytes", "decoded")}
        peer("save")
        theirs["resume_s"] = min(peer("resume_s") for _ in range(2))
    for what in ("bytes", "decoded"):
        ratio = ours[what] / theirs[what]
        print(f"read {what:8}: lait {ours[what]:7.0f}, streaming {theirs[what]:7.0f} samples/CPU-s")
        print(f"               lait is {ratio:.2f}x (verifying included)")
    print(f"resume: lait {ours['resume_s']:.3f} s (world 4 to 3), ", end="")
    print(f"streaming {theirs['resume_s']:.3f} s (same world)")


if __name__ == "__main__":
    main()
