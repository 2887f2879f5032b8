"""Does the hash stay close under re-encoding and resizing, and far between pictures?"""

import io

import numpy as np
import pytest
from PIL import Image

from filter.decode import Decoded, DecodeLimits, decode
from filter.phash import distance, phash

LIMITS = DecodeLimits(min_bytes=0, max_bytes=2**25, max_pixels=64_000_000)


def test_distance() -> None:
    assert distance("0" * 16, "0" * 16) == 0
    assert distance("0" * 16, "f" * 16) == 64
    assert distance("8000000000000001", "0" * 16) == 2


def test_hash_of_a_flat_picture_is_nothing() -> None:
    assert phash(Image.new("RGB", (50, 50))) == "0" * 16


def test_a_brighter_left_half_sets_what_a_darker_one_clears() -> None:
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    one, other = (int(phash(Image.fromarray(a)), 16) for a in (ramp, ramp[:, ::-1].copy()))
    # The horizontal frequencies of odd order change sign, the brightness does not.
    assert (one ^ other).bit_count() >= 4
    assert one >> 63 == other >> 63 == 1


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_close_and_others_far(picture, seed) -> None:
    original = decode(picture(800, 600, seed=seed, quality=92), LIMITS)
    assert isinstance(original, Decoded)
    image = Image.open(io.BytesIO(picture(800, 600, seed=seed, kind="PNG")))
    for size, kind, options in (
        ((800, 600), "JPEG", {"quality": 40}),
        ((400, 300), "WEBP", {"quality": 60}),
        ((1200, 900), "PNG", {}),
    ):
        out = io.BytesIO()
        image.resize(size, Image.Resampling.LANCZOS).save(out, kind, **options)
        copy = decode(out.getvalue(), LIMITS)
        assert isinstance(copy, Decoded)
        assert distance(original.facts.phash, copy.facts.phash) <= 4
    other = decode(picture(800, 600, seed=seed + 100), LIMITS)
    assert isinstance(other, Decoded)
    assert distance(original.facts.phash, other.facts.phash) >= 12
