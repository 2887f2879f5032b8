"""Are copies found that others miss, are look-alikes told apart, and does the time grow gently?

    python bench/dedup.py ../shared/data/captions [--every 8]

Prints, for every distance in bits: recall over copies of real pictures (re-encoded, resized,
cropped, framed, marked, tinted), the distinct pictures taken for copies, the precision over both,
and the same for imagehash's phash where that package is installed. Then the time of the comparison
for growing numbers of random hashes.
"""

import argparse
import importlib.util
import io
import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from filter.dedup import Print, keys, near_copies
from filter.phash import prints

DISTANCES = (0, 2, 4, 6, 8, 10)
Hashes = NDArray[np.uint64]
"""[H] of one picture: the whole first, then its crops."""

SAME = """\
5f0eef99d3f3cb1a 1fb6a72e221590ce|be42971668873599 d553fb5fdea5e2ff
ed9a939be40ac31e 81e4d59470215a49|e6bdd40cbe8996a3 8440df2307bf4a16
07dd8f846719edb9 a20ec0b93fde7a2a|ffff413543a2b5c9 7dc4a2c9f5b4dc6e
c68773bfffa1d232 88212ad1ced9b791|fdcb4b3c4ee8a738 30b5a127c31f2cf0
7eab35df14e96c11 40b4d1dee110a58b|c981eeb08fe6b947 35e796ed0d39ca92 f5739455c58ad080
ebdd213c2bca3e77 de9cc47d357b8dee|ba0b6812f134e7ed 487c63cf90c90591
29ee6b83070e6589 c3c0486571dd451f|c1fbf3f6fab3ad89 0e6afa37f4b21174
64e2afa0f408f741 ffbd1dfa436f5bb0|50534ee7c88c7fa2 e817b54747d0c606
ef5238a77ba9c944 1d0c50fef8a25d18|009f8348e534c99f e1bbdced0a4277bb
16b3d898e452d932 06bc9efac1038c67|4a1b9c8d326a3108 c918036cb13f8026
2cff2da31e17b8e2 2d623c0e459c89a3|1822a17e05d2592b 081d20bb67dbbefc 92c48519c00e59be
82fb9bc67acbf95e f43b7544912b3d44|11d425ee56ec6619 cb52a32311d63631
e8624babf6e8ecbc fe31e2fe13b68d0d|f9820a1f054b0d9f d3a7b8b8d6212c98
e908f0dbaa00fc94 439315a06480e0a0|19631ae2a03041d4 61fc6b10a0c424d4
d48e942f1abdf5a0 8fd305e87120a6b0|e2e0a8a8565d066f c380caf1c18f47a0
705af7c5839aa063 75d8587628e04e54|05213a57d9cbb808 4ab8ee3bfd971057"""
"""Pictures of the collection that are one picture (ids, by looking at all pairs within 8 bits);
every other pair counts as distinct, look-alike maps, tables and diagrams among them."""


def recode(kind: str, quality: int) -> Callable[[Image.Image], Image.Image]:
    def change(image: Image.Image) -> Image.Image:
        out = io.BytesIO()
        image.save(out, kind, quality=quality)
        return Image.open(out).convert("RGB")

    return change


def scaled(factor: float, how: Image.Resampling) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.resize(
        (round(image.width * factor), round(image.height * factor)), how
    )


def cropped(
    left: float, top: float, right: float, bottom: float
) -> Callable[[Image.Image], Image.Image]:
    def change(image: Image.Image) -> Image.Image:
        width, height = image.size
        box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
        return image.crop(tuple(round(edge) for edge in box))

    return change


def framed(share: float, colour: tuple[int, int, int]) -> Callable[[Image.Image], Image.Image]:
    return lambda image: ImageOps.expand(image, max(2, round(image.height * share)), colour)


def small_mark(image: Image.Image) -> Image.Image:
    image, (width, height) = image.copy(), image.size
    draw = ImageDraw.Draw(image)
    draw.text((0.55 * width, 0.88 * height), "(c) example.org", "white", font_size=height // 18)
    return image


def large_mark(image: Image.Image) -> Image.Image:
    layer, (width, height) = Image.new("RGBA", image.size, (0, 0, 0, 0)), image.size
    place, faint = (0.1 * width, 0.4 * height), (255, 255, 255, 110)
    ImageDraw.Draw(layer).text(place, "example stock", faint, font_size=height // 6)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half size": scaled(0.5, Image.Resampling.BICUBIC),
    "3/4 size, bilinear": scaled(0.75, Image.Resampling.BILINEAR),
    "1.5 x size": scaled(1.5, Image.Resampling.LANCZOS),
    "JPEG quality 50": recode("JPEG", 50),
    "JPEG quality 25": recode("JPEG", 25),
    "WebP quality 50": recode("WEBP", 50),
    "crop 2 %": cropped(0.01, 0.01, 0.01, 0.01),
    "crop 5 %": cropped(0.025, 0.025, 0.025, 0.025),
    "crop 5 % left": cropped(0.05, 0, 0, 0),
    "crop 5 % bottom": cropped(0, 0, 0, 0.05),
    "crop 3 % top": cropped(0, 0.03, 0, 0),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "small watermark": small_mark,
    "large watermark": large_mark,
    "white border 2 %": framed(0.02, (255, 255, 255)),
    "black border 5 %": framed(0.05, (0, 0, 0)),
    "brighter by 15 %": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "contrast 85 %": lambda image: ImageEnhance.Contrast(image).enhance(0.85),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
}


def ours(image: Image.Image) -> Hashes:
    whole, crops = prints(image)
    return np.array([int(one, 16) for one in (whole, *crops)], dtype=np.uint64)


def peer() -> Callable[[Image.Image], Hashes] | None:
    if importlib.util.find_spec("imagehash") is None:
        return None
    import imagehash

    return lambda image: np.array([int(str(imagehash.phash(image)), 16)], dtype=np.uint64)


def nearest(one: Hashes, other: Hashes) -> int:
    """Bits between two pictures: whole against whole and crops, either way."""
    there = np.bitwise_count(one[0] ^ other).min()
    back = np.bitwise_count(one ^ other[0]).min()
    return int(min(there, back))


def close_pairs(all_hashes: Hashes) -> list[tuple[int, int, int]]:
    """(bits, place, place) of all pairs of [N, H] pictures that are closer than any distance."""
    found = []
    for place in range(1, len(all_hashes)):
        there = np.bitwise_count(all_hashes[:place, :1] ^ all_hashes[place]).min(axis=1)
        back = np.bitwise_count(all_hashes[:place] ^ all_hashes[place, 0]).min(axis=1)
        bits = np.minimum(there, back)
        near = np.flatnonzero(bits <= max(DISTANCES))
        found += [(int(bits[other]), int(other), place) for other in near]
    return found


def same_pictures() -> dict[str, int]:
    groups = [group.split() for line in SAME.splitlines() for group in line.split("|")]
    return {name: number for number, group in enumerate(groups) for name in group}


def measure(
    folder: Path, every: int, hash_of: Callable[[Image.Image], Hashes]
) -> tuple[dict[str, list[int]], list[int], float]:
    """Bits of each copy by change, bits of each close pair of distinct pictures, CPU ms a hash."""
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    bits: dict[str, list[int]] = defaultdict(list)
    hashes, cpu_s = [], 0.0
    for place, row in enumerate(rows):
        with Image.open(folder / row["image"]) as source:
            image = source.convert("RGB")
        start_s = time.process_time()
        hashes.append(hash_of(image))
        cpu_s += time.process_time() - start_s
        if place % every == 0:
            for name, change in CHANGES.items():
                bits[name].append(nearest(hash_of(change(image)), hashes[-1]))
    same = same_pictures()
    distinct = [
        n_bits
        for n_bits, one, other in close_pairs(np.array(hashes))
        if same.get(rows[one]["id"], -1) != same.get(rows[other]["id"], -2)
    ]
    return bits, distinct, 1000 * cpu_s / len(rows)


def show(title: str, bits: dict[str, list[int]], distinct: list[int], cpu_ms: float) -> None:
    print(f"\n{title}, {cpu_ms:.2f} CPU-ms a picture")
    print(f"{'bits at most':22}", *(f"{bound:7}" for bound in DISTANCES))
    for name, found in bits.items():
        print(f"{name:22}", *(f"{share(found, bound):7.3f}" for bound in DISTANCES))
    everything = [n_bits for found in bits.values() for n_bits in found]
    print(f"{'recall':22}", *(f"{share(everything, bound):7.3f}" for bound in DISTANCES))
    wrong = [sum(n_bits <= bound for n_bits in distinct) for bound in DISTANCES]
    right = [sum(n_bits <= bound for n_bits in everything) for bound in DISTANCES]
    print(f"{'distinct pairs taken':22}", *(f"{n:7}" for n in wrong))
    precision = [r / max(r + w, 1) for r, w in zip(right, wrong, strict=True)]
    print(f"{'precision':22}", *(f"{p:7.4f}" for p in precision))


def share(found: list[int], bound: int) -> float:
    return sum(n_bits <= bound for n_bits in found) / len(found)


def growth(sizes: tuple[int, ...], max_distance: int) -> None:
    """Time to find all copies among random hashes; one in twenty is a copy of another."""
    print(f"\n{'images':>10} {'CPU-s':>8} {'us/image':>9} {'largest group':>14}")
    rng = np.random.default_rng(0)
    for n_images in sizes:
        hashes = rng.integers(0, 2**64, (n_images, 6), dtype=np.uint64)
        hashes[::20, 0] = hashes[1::20, 0] ^ np.uint64(5)
        start_s = time.process_time()
        groups: dict[bytes, list[Print]] = defaultdict(list)
        for number, row in enumerate(hashes.tolist()):
            rank = (0.0, "", number, "", "")
            for place, bits in enumerate(row):
                one = Print(rank=rank, candidate_id=str(number), bits=bits, cropped=place > 0)
                for key in keys(bits, max_distance):
                    groups[key].append(one)
        copies = {copy for group in groups.values() for copy, _ in near_copies(group, max_distance)}
        cpu_s = time.process_time() - start_s
        assert len(copies) >= n_images // 20, len(copies)
        largest = max(map(len, groups.values()))
        print(f"{n_images:10,} {cpu_s:8.1f} {1e6 * cpu_s / n_images:9.0f} {largest:14,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--every", type=int, default=8, help="change every n-th picture")
    arguments = parser.parse_args()
    show("lait, whole and crops", *measure(arguments.captions, arguments.every, ours))
    show(
        "lait, whole alone",
        *measure(arguments.captions, arguments.every, lambda image: ours(image)[:1]),
    )
    theirs = peer()
    if theirs is None:
        print("\nimagehash is not installed: no peer")
    else:
        show("imagehash.phash", *measure(arguments.captions, arguments.every, theirs))
    growth((5_000, 10_000, 20_000, 40_000), max_distance=4)


if __name__ == "__main__":
    main()
