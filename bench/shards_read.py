"""How fast are samples read, verified and resumed, against webdataset and sha256sum?

    python bench/shards_read.py [--samples 1000]

Prints samples per CPU-second with and without decoding, verification speed, and the time to the
first batch of a run resumed in the middle of an epoch. Ours reads in random order, webdataset in
file order (it can do no other). Decoded means on both sides: a uint8 tensor [3, height, width] of
the same pixels, which is checked; ours lies in memory channels last, webdataset's channels first.
webdataset decodes as its documentation says, `.decode("torchrgb8")`. The last reading asks for a
picture whose shorter side has at least 224 pixels, which webdataset has no option for: it decodes
all and would still have to shrink it.
"""

import argparse
import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset as wds
from PIL import Image

from shards.config import ShardsConfig
from shards.manifest import read_manifest
from shards.order import Position, global_batches
from shards.pack import pack
from shards.pixels import to_tensor
from shards.read import ShardReader
from shards.verify import total_bytes, verify

ROUNDS = 3


def make_set(folder: Path, n: int) -> Path:
    """Pictures of 640 x 480 with some detail: about 100 KB each."""
    rng = np.random.default_rng(0)
    with (folder / "pairs.jsonl").open("w") as lines:
        for i in range(n):
            coarse = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
            noise = rng.integers(-12, 12, (480, 640, 3))
            pixels = np.clip(np.asarray(image).astype(np.int16) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.jpg", quality=85)
            lines.write(json.dumps({"image": f"{i}.jpg", "text": f"picture {i}"}) + "\n")
    pack(folder / "pairs.jsonl", folder / "set", ShardsConfig(samples_per_shard=250))
    return folder / "set"


def lait_pass(folder: Path, decode: bool, min_side_px: int | None = None) -> int:
    n = 0
    with ShardReader(folder) as reader:
        for i in reader.order(0, 0).tolist():
            sample = reader.sample(i)
            json.loads(sample.record)
            if decode:
                to_tensor(sample, min_side_px=min_side_px)
            n += 1
    return n


def webdataset_pass(folder: Path, decode: bool) -> int:
    return sum(1 for _ in webdataset_samples(folder, decode))


def webdataset_samples(folder: Path, decode: bool) -> Iterator[tuple[Any, ...]]:
    urls = [str(folder / shard.name) for shard in read_manifest(folder).shards]
    data = wds.WebDataset(urls, shardshuffle=False)
    if decode:
        decoded = data.decode("torchrgb8")
    else:
        handlers = ("txt", bytes.decode), ("json", json.loads)
        decoded = data.decode(*(wds.handle_extension(*handler) for handler in handlers))
    return iter(decoded.to_tuple("jpg", "txt", "json"))


def check_same_pixels(folder: Path) -> None:
    with ShardReader(folder) as reader:
        for i, (theirs, text, _) in enumerate(islice(webdataset_samples(folder, True), 20)):
            sample = reader.sample(i)
            ours = to_tensor(sample)
            assert sample.text == text, (sample.text, text)
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
            assert ours.equal(theirs), sample.key


def cpu_s_of(job: Callable[[], object]) -> float:
    """CPU time of this process and its children, best of a few."""
    best = float("inf")
    for _ in range(ROUNDS):
        start_s = sum(_cpu_times())
        job()
        best = min(best, sum(_cpu_times()) - start_s)
    return best


def _cpu_times() -> list[float]:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(kind) for kind in kinds]
    return [seconds for usage in usages for seconds in (usage.ru_utime, usage.ru_stime)]


def resume_s(n_samples: int) -> float:
    """Wall time to the first batch in the middle of an epoch of a set of this many samples."""
    position = Position(manifest_digest="d", epoch=3, samples_seen=n_samples // 2)
    start_s = time.perf_counter()
    next(
        global_batches(
            n_samples=n_samples,
            manifest_digest="d",
            position=position,
            rank=1,
            world_size=3,
            batch_size_per_rank=64,
        )
    )
    return time.perf_counter() - start_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    n = parser.parse_args().samples
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = make_set(Path(name), n)
        check_same_pixels(folder)
        for decode in (False, True):
            ours = n / cpu_s_of(partial(lait_pass, folder, decode))
            theirs = n / cpu_s_of(partial(webdataset_pass, folder, decode))
            what = "decoded" if decode else "as bytes"
            print(
                f"read {what:8}: lait {ours:7.0f}, webdataset {theirs:7.0f} samples/CPU-s", end=""
            )
            print(f"   lait is {ours / theirs:.2f}x (verifying included)")
        ours = n / cpu_s_of(partial(lait_pass, folder, True, 224))
        print(f"read at 224 px: lait {ours:7.0f} samples/CPU-s   {ours / theirs:.2f}x decoding all")
        archives = [str(path) for path in sorted(folder.glob("*.tar"))]
        megabytes = total_bytes(folder) / 1e6
        ours = megabytes / cpu_s_of(lambda: verify(folder))
        theirs = megabytes / cpu_s_of(
            lambda: subprocess.run(["sha256sum", *archives], check=True, capture_output=True)
        )
        print(f"verify: lait {ours:.0f}, sha256sum {theirs:.0f} MB/CPU-s   {ours / theirs:.2f}x")
    for n_samples in (10**5, 10**6, 10**7):
        print(f"resume in mid-epoch of {n_samples:>10,} samples: {resume_s(n_samples):.3f} s")


if __name__ == "__main__":
    main()
