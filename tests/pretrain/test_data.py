"""Are samples, regions and texts joined rightly, and is what does not belong together refused?"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pretrain.batch import View
from pretrain.data import ShardSet, TrainingSet, captions_of, check_regions
from pretrain.network import DataSizes, Network
from pretrain.objectives.mrfr import Mrfr
from pretrain.recipe import Recipe
from pretrain.region_start import start_regions
from pretrain.regions.write import write_regions
from shards.read import ShardReader
from shards.sample import Sample
from tests.pretrain.helpers import CountingDetector, packed, regions_of


def test_samples_meet_their_regions_by_key(tmp_path: Path) -> None:
    shards = packed(tmp_path / "shards", 9, n_texts=3, samples_per_shard=4)
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    for cached_bytes in (10**9, 0):
        data = ShardSet(shards, tmp_path / "regions", cached_bytes=cached_bytes)
        with ShardReader(shards) as reader:
            assert len(data) == 9
            for i in (3, 0, 3):
                sample = reader.sample(i)
                (expected,) = regions_of(CountingDetector(), sample.image)
                example = data.example(i)
                assert np.array_equal(example.regions.features_RD, expected.features_RD)
                assert example.captions[0] == sample.text
                assert len(example.captions) == 3


def test_what_was_taken_down_is_not_read(tmp_path: Path) -> None:
    shards = packed(tmp_path / "shards", 9, samples_per_shard=4)
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    with ShardReader(shards) as reader:
        gone, texts = reader.key(3), {reader.sample(i).text for i in range(9) if i != 3}
    stone = {"kind": "key", "value": gone, "reason": "asked for", "date": "2026-01-31"}
    (tmp_path / "stones.jsonl").write_text(json.dumps(stone) + "\n")
    whole = ShardSet(shards, tmp_path / "regions")
    left = ShardSet(shards, tmp_path / "regions", tombstones=[tmp_path / "stones.jsonl"])
    assert {left.example(i).captions[0] for i in range(len(left))} == texts
    assert left.digest != whole.digest


def test_samples_without_regions_are_left_out_under_a_digest_of_their_own(tmp_path: Path) -> None:
    shards = packed(tmp_path / "shards", 9, samples_per_shard=4)
    with ShardReader(shards) as reader:
        keys = [reader.key(i) for i in range(9)]
    detector = CountingDetector(blind=frozenset({keys[0], keys[5]}))
    write_regions(shards, tmp_path / "regions", detector=detector)
    data = ShardSet(shards, tmp_path / "regions")
    with ShardReader(shards) as reader:
        texts = [reader.sample(i).text for i in range(9) if i not in (0, 5)]
        assert [data.example(i).captions[0] for i in range(len(data))] == texts
        assert data.digest != reader.manifest.digest
    write_regions(shards, tmp_path / "all", detector=CountingDetector())
    with ShardReader(shards) as reader:
        assert ShardSet(shards, tmp_path / "all").digest == reader.manifest.digest


def test_regions_of_another_set_are_refused_by_hash(tmp_path: Path) -> None:
    shards, other = packed(tmp_path / "a", 4), packed(tmp_path / "b", 4, first=50)
    write_regions(other, tmp_path / "regions", detector=CountingDetector())
    with pytest.raises(ValueError, match="were made from the shard set"):
        check_regions(shards, tmp_path / "regions")
    with pytest.raises(ValueError, match="holds no regions"):
        check_regions(shards, other)
    (shards / "manifest.json").unlink()
    with pytest.raises(ValueError, match=r"no manifest\.json"):
        check_regions(shards, tmp_path / "regions")


@pytest.mark.parametrize(
    ("record", "captions"),
    [
        ({}, ("the text",)),
        ({"texts": ["the text", "another", "the text"]}, ("the text", "another")),
        ({"texts": [{"source": "alt", "text": "spam", "score": 0.1}]}, ("the text",)),
    ],
)
def test_only_texts_known_to_be_true_are_captions(
    record: dict[str, object], captions: tuple[str, ...]
) -> None:
    sample = Sample(
        key="0" * 32, image=b"", extension="jpg", text="the text", record=json.dumps(record)
    )
    assert captions_of(sample) == captions


def test_region_projection_starts_centred_and_of_even_spread(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    data = memory_set(64)
    torch.manual_seed(0)
    network, plain = Network(tiny, sizes), Network(tiny, sizes)
    plain.load_state_dict(network.state_dict())
    start_regions(network, data)
    features = np.concatenate([data.example(i).regions.features_RD for i in range(len(data))])
    features_ND = torch.from_numpy(features.astype(np.float32))
    standard_ND = (features_ND - features_ND.mean(0)) / features_ND.std(0, unbiased=False)
    expected = standard_ND @ plain.region.feature.weight.T
    assert torch.allclose(network.region.feature(features_ND), expected, atol=1e-4)


def test_a_tied_head_starts_at_the_scale_of_the_features(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    """Red when each dimension is divided by its own spread: the error is then that of the least."""
    data = memory_set(64)
    for example in (data.example(i) for i in range(len(data))):
        example.regions.features_RD[:, 0] *= 1e-3
    tied = dataclasses.replace(tiny, objectives=(Mrfr(tied=True),))
    torch.manual_seed(0)
    network = Network(tied, sizes)
    start_regions(network, data)
    features = np.concatenate([data.example(i).regions.features_RD for i in range(len(data))])
    features_ND = torch.from_numpy(features.astype(np.float32))
    hidden_NH = torch.randn(len(features), tied.encoder.hidden)
    back_ND = network.heads["mrfr"](hidden_NH, network.region.feature.weight)
    assert (back_ND - features_ND).square().mean() < 10 * features_ND.square().mean()
    assert torch.allclose(network.region.feature(features_ND).mean(0), torch.zeros(()), atol=1e-4)


def test_a_view_of_a_batch_hides_nothing(make_batch: Callable[..., object]) -> None:
    batch = make_batch(3)
    view = View.of(batch)  # type: ignore[arg-type]
    assert not view.masked_tokens_BL.any()
    assert not view.masked_regions_BR.any()
