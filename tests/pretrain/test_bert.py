"""Do a BERT's weights arrive where they belong?"""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pretrain.bert import load_bert, start_from_bert
from pretrain.encoders.sublayers import single
from pretrain.network import DataSizes, Network
from pretrain.recipe import Init, Recipe, load
from pretrain.tokens import packaged_bert

SIZES = DataSizes(vocabulary=30_522, feature_dim=8, classes=3)


def as_wide_as_packaged(n_layers: int) -> Recipe:
    recipe = load("imagebert", shrink=True)
    encoder = dataclasses.replace(
        recipe.encoder, sublayers=single(n_layers), hidden=384, heads=12, feed_forward=1536
    )
    return dataclasses.replace(recipe, encoder=encoder)


def test_packaged_weights_start_chosen_layers() -> None:
    network = Network(as_wide_as_packaged(2), SIZES)
    fresh = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    start_from_bert(network, Init(bert="packaged", layers=(1, 5)))
    source = load_file(packaged_bert() / "model.safetensors")
    sublayers = network.encoder.sublayers
    key = source["encoder.layer.5.attention.self.key.weight"]
    assert torch.equal(sublayers[2].text.qkv.weight[384:768], key)
    inner = source["encoder.layer.1.intermediate.dense.weight"]
    assert torch.equal(sublayers[1].text.inner.weight, inner)
    assert torch.equal(network.text.word.weight, source["embeddings.word_embeddings.weight"])
    changed = {n for n, tensor in network.state_dict().items() if not torch.equal(tensor, fresh[n])}
    kept = {name for name in fresh if name not in changed}
    assert all(name.startswith(("heads.", "region.")) for name in kept), kept


def test_all_random_is_left_alone() -> None:
    network = Network(as_wide_as_packaged(1), SIZES)
    before = network.text.word.weight.clone()
    start_from_bert(network, Init(bert=None))
    assert torch.equal(network.text.word.weight, before)


def test_weights_of_a_whole_bert_model_are_found_under_its_prefix(tmp_path: Path) -> None:
    save_file({"bert.embeddings.x": torch.ones(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    assert list(load_bert(str(tmp_path))) == ["embeddings.x"]


def test_weights_that_do_not_fit_are_refused_by_option(tmp_path: Path) -> None:
    small = Network(load("imagebert", shrink=True), SIZES)
    with pytest.raises(ValueError, match=r"encoder\.hidden"):
        start_from_bert(small, Init(bert="packaged"))
    wide = Network(as_wide_as_packaged(2), SIZES)
    with pytest.raises(ValueError, match=r"init\.layers"):
        start_from_bert(wide, Init(bert="packaged", layers=(1,)))
    with pytest.raises(ValueError, match=r"no tensor encoder\.layer\.9"):
        start_from_bert(wide, Init(bert="packaged", layers=(1, 9)))
    with pytest.raises(ValueError, match=r"no model\.safetensors"):
        start_from_bert(wide, Init(bert=str(tmp_path)))
    save_file({"x": torch.ones(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(ValueError, match="not a BERT"):
        start_from_bert(wide, Init(bert=str(tmp_path)))
