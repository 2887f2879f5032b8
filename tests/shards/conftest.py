"""Small shard sets on disk, of as many samples as a test wants."""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shards.manifest import Manifest, begin, shard_stem, write_manifest
from shards.sample import Sample
from shards.write import n_shards_for, shard_of, write_shard

SampleMaker = Callable[..., list[Sample]]
SetMaker = Callable[..., Manifest]


@pytest.fixture
def make_samples() -> SampleMaker:
    """`make_samples(n, seed=0)`: n samples in key order; their images are noise, not pictures."""
    return _samples


@pytest.fixture
def make_set() -> SetMaker:
    """`make_set(folder, samples, per_shard=4)`: a finished set of those samples."""
    return _set


@pytest.fixture
def picture() -> Callable[[int, str], bytes]:
    """`picture(n, "jpg")`: an encoded picture that differs with n, 40 + n pixels wide, 30 high."""
    return _picture


def _samples(n: int, seed: int = 0, image_bytes: int = 700) -> list[Sample]:
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(n):
        image = rng.bytes(image_bytes + i % 700)
        sha256 = hashlib.sha256(image).hexdigest()
        record = {
            "height_px": 400,
            "relevance": (i % 10) / 10,
            "sha256": sha256,
            "text_source": "alt",
            "texts": [f"a cat on mat {i}", "überall 猫"],
            "width_px": 301 + i,
        }
        samples.append(
            Sample(
                key=sha256[:32],
                image=image,
                extension=("jpg", "png", "webp")[i % 3],
                text=f"a cat on mat {i} 猫",
                record=json.dumps(
                    record, sort_keys=True, ensure_ascii=False, separators=(",", ":")
                ),
            )
        )
    return sorted(samples, key=lambda sample: sample.key)


def _set(folder: Path, samples: list[Sample], per_shard: int = 4) -> Manifest:
    begin(folder)
    n_shards = n_shards_for(len(samples), per_shard)
    shards = tuple(
        write_shard(folder, shard_stem(i), [s for s in samples if shard_of(s.key, n_shards) == i])
        for i in range(n_shards)
    )
    manifest = Manifest(
        config_hash="c" * 64,
        code_version="0.1.0",
        shards=shards,
        seen=len(samples),
        kept=len(samples),
    )
    write_manifest(folder, manifest)
    return manifest


def _picture(n: int, extension: str) -> bytes:
    out = io.BytesIO()
    image = Image.new("RGB", (40 + n, 30), (n * 53 % 256, n * 97 % 256, 120))
    image.save(out, {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[extension])
    return out.getvalue()
