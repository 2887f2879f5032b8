"""How many images a second does `lait regions` look at, beside the bare forward of its networks?

    OMP_NUM_THREADS=1 python bench/regions.py ../shared/data/models/yolox_nano.onnx \
        ../shared/data/captions/images [--images 96]

Images per CPU-second, both networks on one thread an image. `lait regions` is the whole command on
a finished shard set: verify, read, decode, letterbox, detect, suppress, pool features from
EfficientNet-lite0, write and read back the archive. The peers get their inputs ready made, from
the same images decoded beforehand: `detector` is the ONNX network alone, `both networks` adds the
maps that features are pooled from, in the same batches. In turn, in one process; medians.
"""

import argparse
import json
import sys
import tempfile
from itertools import count
from pathlib import Path

import numpy as np
import onnxruntime
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.turns import in_turn
from pretrain.regions.answers import SAMPLES_PER_CALL
from pretrain.regions.backbone import EfficientNetLite0
from pretrain.regions.build import Choice, build
from pretrain.regions.pictures import opened
from pretrain.regions.write import write_regions
from pretrain.regions.yolox import letterboxed
from shards.config import ShardsConfig
from shards.pack import pack
from shards.read import ShardReader

ROUNDS = 5


def packed(folder: Path, n_images: int, out: Path) -> None:
    """A shard set of some of the pictures, spread over the whole folder."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png"))
    some = paths[:: max(1, len(paths) // n_images)][:n_images]
    lines = [json.dumps({"image": str(path.resolve()), "text": path.stem}) for path in some]
    pairs = out.with_suffix(".jsonl")
    pairs.write_text("\n".join(lines))
    pack(pairs, out, ShardsConfig())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=96)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        packed(asked.folder, asked.images, root / "set")
        detector = build(Choice(detector="yolox", weights=asked.weights))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        network = onnxruntime.InferenceSession(str(asked.weights), options)
        (taken,) = network.get_inputs()
        backbone = EfficientNetLite0(224)
        with ShardReader(root / "set") as reader:
            n = len(reader)
            pictures = [opened(reader.sample(i).image, taken.shape[-1]) for i in range(n)]
        inputs = [letterboxed(picture, taken.shape[-1])[0] for picture in pictures]
        n_bytes: list[int] = []
        numbers = count()

        def whole() -> None:
            out = root / f"regions-{next(numbers)}"
            write_regions(root / "set", out, detector=detector)
            n_bytes.append((out / "00000.tar").stat().st_size)

        def alone() -> None:
            for one in inputs:
                network.run(None, {taken.name: one})

        def both() -> None:
            alone()
            for at in range(0, n, SAMPLES_PER_CALL):
                backbone.maps(pictures[at : at + SAMPLES_PER_CALL])

        mine, bare, two = (n / seconds for seconds in in_turn(whole, alone, both, rounds=ROUNDS))
    assert len(set(n_bytes)) == 1, n_bytes
    sizes = np.array([picture.size for picture in pictures])
    print(f"{n} images of {np.median(sizes, axis=0).tolist()} pixels, images per CPU-second")
    print(f"lait regions   {mine:6.1f}")
    print(f"detector       {bare:6.1f}   lait is {mine / bare:.2f} of it")
    print(f"both networks  {two:6.1f}   lait is {mine / two:.2f} of it")


if __name__ == "__main__":
    main()
