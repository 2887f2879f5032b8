"""How fast does the relevance filter score, against the bare open_clip forward on the same pairs?

    python bench/relevance.py [--images 64] [--model FOLDER]

The peer is open_clip alone on one thread: its tokenizer, `encode_image` and `encode_text` on
batches of 32 tensors that are ready. Ours starts from pixels and ends at calibrated scores. Goal:
at least 0.90 of the peer. Without --model a small one is trained first. Then `lait relevance score`
on the files, by the clock: its reading and decoding run beside the model.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import torch

from filter.relevance import backbone
from filter.relevance.config import RelevanceConfig
from filter.relevance.model import RelevanceModel
from filter.relevance.pairs import images_of, read_pairs, read_pixels
from filter.relevance.preprocess import Pixels
from filter.relevance.score import score_pairs
from filter.relevance.train import train
from lait.world.sets import write_supervised

BATCH = 32
ROUNDS = 3
TEXTS_PER_IMAGE = 3


def cpu_seconds() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def best(work: Callable[[], object], clock: Callable[[], float] = cpu_seconds) -> float:
    """Seconds of the fastest of a few rounds; by CPU other work on the machine hardly counts."""
    times = []
    for _ in range(ROUNDS):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def bare(model: RelevanceModel, folder: Path) -> Callable[[torch.Tensor, list[str]], None]:
    """open_clip's own model of the same folder, as its documentation uses it."""
    name = backbone.register(model.encoder.model_cfg, folder if model.encoder.trims else None)
    network = open_clip.create_model(name, pretrained=str(folder / backbone.WEIGHTS_FILE)).eval()
    tokenizer = open_clip.get_tokenizer(name)

    def forward(images: torch.Tensor, texts: list[str]) -> None:
        with torch.inference_mode():
            for start in range(0, len(images), BATCH):
                network.encode_image(images[start : start + BATCH], normalize=True)
            for start in range(0, len(texts), BATCH):
                network.encode_text(tokenizer(texts[start : start + BATCH]), normalize=True)

    return forward


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        write_supervised(
            Path(scratch), world_seed=3, n_images=args.images, texts_per_image=TEXTS_PER_IMAGE
        )
        pairs = Path(scratch) / "pairs.jsonl"
        folder = args.model or Path(scratch) / "model"
        if args.model is None:
            train(pairs, folder, config=RelevanceConfig(class_prior=0, epochs=2))
        measure(folder, pairs)


def measure(folder: Path, pairs: Path) -> None:
    model = RelevanceModel.load(folder)
    lines = read_pairs(pairs)
    paths = images_of(lines)
    texts = [[line.text for line in lines if line.name == name] for name in paths]
    flat = [text for own in texts for text in own]
    pixels: list[Pixels] = []

    def read() -> None:
        pixels.clear()
        for path in paths.values():
            picture = read_pixels(path, model.size_px, model.encoder.resize)
            assert not isinstance(picture, str), picture
            pixels.append(picture)

    reading = best(read)
    tensors = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    forward = bare(model, folder)
    ours = best(lambda: model.score(pixels, texts))
    peer = best(lambda: forward(tensors, flat))
    images_only = best(lambda: model.encoder.images(pixels)), best(lambda: forward(tensors, []))
    n = len(pixels)
    print(f"{n} images, {len(flat)} texts, one thread, CPU time")
    print(f"decode and resize      {n / reading:8.1f} images/s")
    print(f"ours, pixels to scores {n / ours:8.1f} images/s")
    print(f"bare open_clip         {n / peer:8.1f} images/s   ratio {peer / ours:.2f} (goal 0.90)")
    print(f"image tower alone      ratio {images_only[1] / images_only[0]:.2f}")
    scored = folder.with_name("scored.jsonl")
    whole = best(lambda: score_pairs(folder, pairs, scored), time.perf_counter)
    whole -= best(lambda: RelevanceModel.load(folder), time.perf_counter)
    bare_wall = best(lambda: forward(tensors, flat), time.perf_counter)
    read_wall = best(read, time.perf_counter)
    print("by the clock, the model loaded:")
    print(f"  decode and resize      {n / read_wall:8.1f} images/s")
    print(f"  bare open_clip         {n / bare_wall:8.1f} images/s")
    print(f"  lait relevance score   {n / whole:8.1f} images/s   ratio {bare_wall / whole:.2f}")


if __name__ == "__main__":
    main()
