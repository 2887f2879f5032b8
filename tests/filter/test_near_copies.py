"""Are copies of real pictures found, and are textbook figures that look alike told apart?"""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from filter.config import FilterConfig

BENCH = Path(__file__).resolve().parents[2] / "bench" / "dedup.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The changes and the labels are those of the bench."""
    spec = importlib.util.spec_from_file_location("bench_dedup", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_copies_of_real_pictures_are_found(bench, shared_data) -> None:
    """Recall over all changes and over each of them; every 50th picture of the collection."""
    folder, distance = shared_data / "captions", FilterConfig().max_phash_distance
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()[::50]
    found: dict[str, list[bool]] = {name: [] for name in bench.CHANGES}
    for line in lines:
        with Image.open(folder / json.loads(line)["image"]) as source:
            image = source.convert("RGB")
        hashes = bench.ours(image)
        for name, change in bench.CHANGES.items():
            found[name].append(bench.nearest(bench.ours(change(image)), hashes) <= distance)
    recall = {name: float(np.mean(hits)) for name, hits in found.items()}
    assert len(lines) == 57
    assert np.mean(list(recall.values())) >= 0.95
    assert min(recall.values()) >= 0.8, recall


@pytest.mark.slow
def test_recall_and_precision_over_the_whole_collection(bench, shared_data) -> None:
    distance = FilterConfig().max_phash_distance
    bits, distinct, _ = bench.measure(shared_data / "captions", 8, bench.ours)
    copies = [n_bits for found in bits.values() for n_bits in found]
    right = sum(n_bits <= distance for n_bits in copies)
    wrong = sum(n_bits <= distance for n_bits in distinct)
    assert right / len(copies) >= 0.95
    assert right / (right + wrong) >= 0.99
    assert wrong <= 15, "of four million pairs"
