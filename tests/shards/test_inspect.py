"""Are counts and histograms those of the samples?"""

import math
from pathlib import Path

import pytest

from shards.inspect import PIXEL_EDGES, SCORE_EDGES, Histogram, inspect
from shards.write import write_regions_shard


def test_counts_are_those_of_the_samples(tmp_path: Path, make_samples, make_set) -> None:
    samples = make_samples(30)
    manifest = make_set(tmp_path, samples)
    summary = inspect(tmp_path)
    assert (summary.n_samples, summary.n_shards) == (30, len(manifest.shards))
    assert summary.n_bytes == sum(shard.n_bytes for shard in manifest.shards)
    assert summary.extensions == (("jpg", 10), ("png", 10), ("webp", 10))
    assert summary.text_sources == (("alt", 30),)
    assert summary.languages == ()
    # "a cat on mat 7 猫" has six words.
    assert summary.words.counts == (0, 0, 0, 30, 0, 0, 0, 0, 0)
    # Widths are 301..330: all above 300, below 400.
    assert summary.width_px.counts[1] == 30
    assert PIXEL_EDGES[1:3] == (301, 400)
    assert sum(summary.image_bytes.counts) == 30


def test_scores_fall_between_their_edges(tmp_path: Path, make_samples, make_set) -> None:
    make_set(tmp_path, make_samples(20))
    expected = [0] * 10
    for i in range(20):
        score = (i % 10) / 10
        expected[max(j for j in range(10) if SCORE_EDGES[j] <= score)] += 1
    assert inspect(tmp_path).relevance == Histogram(
        edges=SCORE_EDGES, counts=tuple(expected), n_missing=0
    )


def test_a_set_of_nothing(tmp_path: Path, make_set) -> None:
    make_set(tmp_path, [])
    summary = inspect(tmp_path)
    assert summary.n_samples == sum(summary.words.counts) == 0
    assert summary.words.edges[-1] == math.inf


def test_regions_are_not_samples(tmp_path: Path, make_set) -> None:
    from dataclasses import replace

    from shards.manifest import write_manifest

    manifest = make_set(tmp_path, [])
    shard = write_regions_shard(tmp_path, "00000", [])
    write_manifest(tmp_path, replace(manifest, kind="regions", shards=(shard,)))
    with pytest.raises(ValueError, match="holds regions, not samples"):
        inspect(tmp_path)
