"""Do phrases of a packed set reach the batch as links of words and regions? (VisualBERT, VS6.)"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from pretrain import recipe as recipes
from pretrain.data import Example, ShardSet
from pretrain.links import links
from pretrain.loader import Loader
from pretrain.pairing import Matching
from pretrain.regions.regions import Regions
from pretrain.tokens import WordPiece
from shards.config import ShardsConfig
from shards.pack import pack
from tests.pretrain.conftest import MemorySet
from tests.pretrain.helpers import picture

SAID, OTHER = "a cats boat, red star", "the star"
LEFT, CORNER = [0, 0, 0.5, 0.9], [0.5, 0.5, 1, 1]


@pytest.fixture
def example(tmp_path: Path) -> Example:
    """An image of two captions, in lines of their own, with what a detector has found."""
    (tmp_path / "0.png").write_bytes(picture(0))
    lines = [
        {
            "image": "0.png",
            "text": SAID,
            "phrases": [
                {"text": SAID, "start": 2, "end": 6, "box": LEFT},
                {"text": SAID, "start": 13, "end": 21, "box": CORNER},
            ],
        },
        {
            "image": "0.png",
            "text": OTHER,
            "phrases": [{"text": OTHER, "start": 4, "end": 8, "box": CORNER}],
        },
    ]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pack(tmp_path / "pairs.jsonl", tmp_path / "set", ShardsConfig())
    boxes = np.array([[0, 0, 1, 1], CORNER, [0, 0, 0.5, 1]], dtype=np.float32)
    found = Regions(
        boxes_R4=boxes,
        features_RD=np.zeros((3, 3), np.float16),
        probs_RK=np.zeros((3, 2), np.float16),
    )
    return dataclasses.replace(ShardSet(tmp_path / "set", None).example(0), regions=found)


def test_words_are_found_by_their_characters_and_regions_by_their_overlap(
    example: Example, wordpiece: WordPiece
) -> None:
    """a cats boat , red star: the comma is a word, two pieces of one are not."""
    found = links(example.phrases, SAID, example.regions, wordpiece)
    assert found == ((2, 1), (1, 4), (1, 5))
    assert links(example.phrases, OTHER, example.regions, wordpiece) == ((1, 1),)
    assert links(example.phrases, "another text", example.regions, wordpiece) == ()
    assert links(example.phrases, SAID, example.regions.top(1), wordpiece) == ()


def test_the_loader_links_the_caption_that_it_shows(example: Example, vocabulary: Path) -> None:
    small = recipes.load("visualbert", shrink=True)
    recipe = dataclasses.replace(small, vocabulary=str(vocabulary), pairing=Matching())
    stage = dataclasses.replace(small.stages[0], batch_pairs=1, epochs=20.0)
    load = Loader(data=MemorySet(examples=(example,)), recipe=recipe, stage=stage, seed=0)
    seen = set()
    for step in load.steps(0, load.start()):
        batch = step.parts[0].batch
        assert batch.aligned_BRL is not None
        places = batch.aligned_BRL[0].nonzero().tolist()
        seen.add(tuple((region, int(batch.words_BL[0, at])) for region, at in places))
    # `cats` is of two pieces.
    assert seen == {((1, 4), (1, 5), (2, 1), (2, 1)), ((1, 1),)}
