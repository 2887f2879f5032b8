"""Are all pairs scored as one at a time would be, and is the report about the right data?"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pretrain import checkpoint
from pretrain.batch import View
from pretrain.collate import Inputs, Pair, collate
from pretrain.data import ShardSet, TrainingSet
from pretrain.evaluate.recall import image_retrieval, mean
from pretrain.evaluate.retrieval import evaluate, score_all
from pretrain.network import DataSizes, Network
from pretrain.objectives.ranking import Ranking
from pretrain.optim import build_optimizer
from pretrain.recipe import Recipe, load
from pretrain.regions.write import write_regions
from pretrain.snapshot import Snapshot
from pretrain.tokens import WordPiece
from shards.order import Position
from tests.pretrain.helpers import CountingDetector, encoded, packed


@pytest.mark.parametrize("max_length", [48, 13])
def test_scores_are_those_of_single_pairs(
    max_length: int,
    tiny: Recipe,
    sizes: DataSizes,
    wordpiece: WordPiece,
    memory_set: Callable[..., TrainingSet],
) -> None:
    """Also where the text must be cut, by as much as the image's regions leave."""
    inputs = Inputs(max_length=max_length, max_regions=20)
    recipe = dataclasses.replace(tiny, inputs=inputs)
    torch.manual_seed(0)
    network = Network(recipe, sizes).eval()
    data = memory_set(7, n_captions=3)
    told: list[tuple[int, int]] = []
    scores_IT, owner_T = score_all(
        network, recipe, data, progress=lambda done, total: told.append((done, total))
    )
    assert owner_T.tolist() == np.repeat(range(7), 3).tolist()
    assert told[-1] == (7 * 21, 7 * 21)
    texts = [caption for i in range(7) for caption in data.example(i).captions]
    pieces = wordpiece.encode(texts)
    with torch.no_grad():
        for image in range(7):
            regions = data.example(image).regions
            for text in range(21):
                pair = Pair(pieces=pieces[text], regions=regions, match=True)
                out = encoded(network, collate([pair], inputs, wordpiece))
                expected = network.heads["itm"](out.first).item()
                assert scores_IT[image, text] == pytest.approx(expected, abs=1e-5)


def test_a_network_of_several_tasks_is_told_that_this_is_retrieval(
    sizes: DataSizes, wordpiece: WordPiece, memory_set: Callable[..., TrainingSet], vocabulary: Path
) -> None:
    """12-in-1: as `Network.look` answers with the token of retrieval, and with no other."""
    full, small = load("twelve_in_one"), load("twelve_in_one", shrink=True)
    recipe = dataclasses.replace(
        small,
        vocabulary=str(vocabulary),
        objectives=tuple(o for o in full.objectives if o.name == "retrieval"),
        stages=full.stages[1:],
    )
    torch.manual_seed(0)
    network = Network(recipe, sizes).eval()
    data = memory_set(3)
    scores_IT, _ = score_all(network, recipe, data)
    scorer, head = recipe.objectives[0], network.heads["retrieval"]
    assert isinstance(scorer, Ranking)
    for text in range(3):
        (pieces,) = wordpiece.encode(list(data.example(text).captions))
        pair = Pair(pieces=pieces, regions=data.example(1).regions, match=True)
        batch = collate([pair], recipe.inputs, wordpiece)
        for token in (7, 8, None):
            with torch.no_grad():
                seen = network.look(batch, dataclasses.replace(View.of(batch), task=token))
                expected = scorer.score(head, seen).item()
            assert (scores_IT[1, text] == pytest.approx(expected, abs=1e-5)) == (token == 7)


def test_a_recipe_that_scores_no_pairs_is_refused(
    tiny: Recipe, network: Network, memory_set: Callable[..., TrainingSet]
) -> None:
    without = dataclasses.replace(tiny, objectives=tiny.objectives[:1])
    with pytest.raises(ValueError, match="scores pairs"):
        score_all(network, without, memory_set(2))


def test_report_on_shards(tiny: Recipe, wordpiece: WordPiece, tmp_path: Path) -> None:
    shards = packed(tmp_path / "shards", 6, n_texts=5)
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    sizes = DataSizes(vocabulary=wordpiece.vocabulary, feature_dim=3, classes=2)
    network = Network(tiny, sizes)
    snapshot = Snapshot(
        recipe=tiny,
        sizes=sizes,
        stage="first",
        step=1,
        total_steps=1,
        seed=0,
        position=Position(manifest_digest="0" * 64),
        shards_digest="0" * 64,
        regions_digest="1" * 64,
    )
    optimizer = build_optimizer(network, tiny.stages[0].optim)
    path = checkpoint.save(tmp_path / "checkpoints", 1, snapshot, network, optimizer)
    report = evaluate(tmp_path, shards, tmp_path / "regions")
    assert (report.checkpoint, report.n_images, report.n_texts) == (path, 6, 30)
    assert report.chance_image_retrieval.r1 == pytest.approx(1 / 6)
    assert report.as_dict()["n_texts"] == 30

    # Three folds of two images, each against its own ten texts only.
    folded = evaluate(tmp_path, shards, tmp_path / "regions", folds=3)
    assert (folded.n_images, folded.n_texts, folded.folds) == (6, 30, 3)
    assert folded.chance_image_retrieval.r1 == pytest.approx(1 / 2)
    data = ShardSet(shards, tmp_path / "regions")
    scores_IT, owner_T = score_all(network.eval(), tiny, data)
    by_hand = [
        image_retrieval(scores_IT[at : at + 2, at * 5 : at * 5 + 10], owner_T[:10])
        for at in (0, 2, 4)
    ]
    assert folded.image_retrieval == mean(by_hand)
    with pytest.raises(ValueError, match="--folds 7"):
        evaluate(tmp_path, shards, tmp_path / "regions", folds=7)

    write_regions(shards, tmp_path / "other", detector=CountingDetector(classes=("a", "b", "c")))
    with pytest.raises(ValueError, match="the same detector"):
        evaluate(path, shards, tmp_path / "other")
