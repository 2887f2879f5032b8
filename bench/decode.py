"""How fast do JPEGs become small checked pictures, against who only decodes them?

    python bench/decode.py ../shared/data/corpora/images/exif-orientation-examples

Images per CPU-second; everybody ends with 224 x 224 pixels in RGB, the best of four rounds. The
peers take the bytes on trust: Pillow in full, Pillow's draft (decoded at a fraction), cv2 and
simplejpeg where they are installed. `checked` decodes as filter.decode does: format, size and
orientation first. `whole` is filter.decode itself, which also makes six perceptual hashes, a sha256
without the metadata, sharpness, tones and 22 numbers for the natural classifier. Goal: `checked` at
least 1.9 times Pillow in full.
"""

import argparse
import importlib
import importlib.util
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from filter.decode import (
    SCALED_SIDE_PX,
    Decoded,
    DecodeLimits,
    check_pixels,
    decode,
    sniff,
    to_small_rgb,
)
from filter.relevance.preprocess import preprocess

SIDE = (224, 224)
ROUNDS = 4
LIMITS = DecodeLimits(min_bytes=1, max_bytes=2**26, max_pixels=64_000_000)


def small(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize(SIDE, Image.Resampling.BICUBIC))


def pillow(body: bytes) -> np.ndarray:
    return small(Image.open(io.BytesIO(body)))


def draft(body: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(body))
    image.draft("RGB", (SCALED_SIDE_PX, SCALED_SIDE_PX))
    return small(image)


def checked(body: bytes) -> np.ndarray:
    assert sniff(body) == "jpeg"
    image = Image.open(io.BytesIO(body))
    assert check_pixels(image.width * image.height, "jpeg", LIMITS) is None
    scale = max(1, min(image.size) // SCALED_SIDE_PX)
    image.draft("RGB", (image.width // scale, image.height // scale))
    ImageOps.exif_transpose(image, in_place=True)
    return preprocess(to_small_rgb(image))


def whole(body: bytes) -> np.ndarray:
    found = decode(body, LIMITS)
    assert isinstance(found, Decoded), found
    return preprocess(found.image)


def peers() -> dict[str, Callable[[bytes], np.ndarray]]:
    found: dict[str, Callable[[bytes], np.ndarray]] = {"pillow": pillow, "draft": draft}
    if importlib.util.find_spec("cv2"):
        cv2 = importlib.import_module("cv2")
        cv2.setNumThreads(1)

        def by_cv2(body: bytes) -> np.ndarray:
            image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
            rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            return np.asarray(cv2.resize(rgb, SIDE, interpolation=cv2.INTER_AREA))

        found["cv2"] = by_cv2
    if importlib.util.find_spec("simplejpeg"):
        simplejpeg = importlib.import_module("simplejpeg")

        def by_simplejpeg(body: bytes) -> np.ndarray:
            least = {"min_height": SCALED_SIDE_PX, "min_width": SCALED_SIDE_PX}
            return small(Image.fromarray(simplejpeg.decode_jpeg(body, **least)))

        found["simplejpeg"] = by_simplejpeg
    return found


def per_second(work: Callable[[bytes], np.ndarray], bodies: list[bytes]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for body in bodies:
            assert work(body).shape == (*SIDE, 3)
        times.append(time.process_time() - started)
    return len(bodies) / min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    bodies = [path.read_bytes() for path in sorted(folder.rglob("*.jp*g"))]
    print(f"{len(bodies)} JPEGs, one thread, images per CPU-second")
    full = per_second(pillow, bodies)
    for name, work in {**peers(), "checked": checked, "whole": whole}.items():
        speed = full if work is pillow else per_second(work, bodies)
        print(f"{name:10s} {speed:8.1f}   {speed / full:.2f} times Pillow in full")


if __name__ == "__main__":
    main()
