"""A small world of words and regions for the training tests."""

import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pretrain.batch import Batch
from pretrain.collate import Inputs, Pair, collate
from pretrain.data import Example
from pretrain.encoders.sublayers import single
from pretrain.network import DataSizes, Network
from pretrain.optim import Adam
from pretrain.recipe import Init, Recipe, Stage, load
from pretrain.regions.regions import Regions
from pretrain.tokens import WordPiece, load_wordpiece

WORDS = [
    "ball",
    "bird",
    "boat",
    "car",
    "cat",
    "cup",
    "fish",
    "flower",
    "house",
    "star",
    "tree",
    "rocket",
    "red",
    "green",
    "blue",
    "white",
    "black",
    "a",
    "the",
    "and",
    "of",
    "with",
    "near",
    "on",
]
FEATURE_DIM, CLASSES = 24, 12


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WordPiece vocabulary of a few words, so that small networks learn it in seconds."""
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    path.write_text("\n".join([*special, *WORDS, "##s", "##ing"]) + "\n")
    return path


@pytest.fixture
def wordpiece(vocabulary: Path) -> WordPiece:
    return load_wordpiece(str(vocabulary))


@pytest.fixture
def sizes(wordpiece: WordPiece) -> DataSizes:
    return DataSizes(vocabulary=wordpiece.vocabulary, feature_dim=FEATURE_DIM, classes=CLASSES)


@pytest.fixture
def tiny(vocabulary: Path) -> Recipe:
    """ImageBERT with 2 layers of 64, without dropout, on the small vocabulary."""
    recipe = load("imagebert", shrink=True)
    encoder = dataclasses.replace(
        recipe.encoder,
        sublayers=single(2),
        hidden=64,
        heads=4,
        feed_forward=256,
        dropout=0.0,
        init_std=0.125,
    )
    optim = Adam(lr=2e-3, warmup=0.05, clip_norm=None)
    stage = Stage(
        name="first", epochs=4.0, batch_pairs=16, optim=optim, log_every=2, checkpoint_every=4
    )
    return dataclasses.replace(
        recipe,
        vocabulary=str(vocabulary),
        inputs=Inputs(max_length=48, max_regions=20),
        encoder=encoder,
        objectives=load("imagebert").objectives,
        init=Init(bert=None),
        stages=(stage, dataclasses.replace(stage, name="second")),
    )


def make_regions(rng: np.random.Generator, labels: list[int]) -> Regions:
    """Regions whose features tell their class, with boxes at random."""
    kinds = np.random.default_rng(7).normal(size=(CLASSES, FEATURE_DIM))
    low = rng.uniform(0, 0.5, size=(len(labels), 2))
    high = low + rng.uniform(0.1, 0.5, size=low.shape)
    features = kinds[labels] + 0.1 * rng.normal(size=(len(labels), FEATURE_DIM))
    return Regions(
        boxes_R4=np.concatenate((low, high), axis=1).astype(np.float32),
        features_RD=features.astype(np.float16),
        probs_RK=np.eye(CLASSES, dtype=np.float16)[labels],
    )


def make_image(labels: list[int]) -> bytes:
    """A small picture that depends on the labels alone."""
    pixels = np.random.default_rng(labels).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_example(rng: np.random.Generator, n_captions: int = 1, most_things: int = 4) -> Example:
    """2 things or more; captions name all of them."""
    labels = rng.permutation(CLASSES)[: rng.integers(2, most_things + 1)].tolist()
    captions = []
    for _ in range(n_captions):
        order = rng.permutation(len(labels))
        words = [WORDS[int(rng.integers(12, len(WORDS)))] for _ in labels]
        things = [f"{word} {WORDS[labels[int(i)]]}" for word, i in zip(words, order, strict=True)]
        captions.append(" and ".join(things))
    return Example(
        regions=make_regions(rng, labels), captions=tuple(captions), image=make_image(labels)
    )


@dataclass(frozen=True)
class MemorySet:
    """A `TrainingSet` in memory."""

    examples: tuple[Example, ...]
    digest: str = "0" * 64

    def __len__(self) -> int:
        return len(self.examples)

    def example(self, i: int) -> Example:
        return self.examples[i]


@pytest.fixture
def memory_set() -> Callable[..., MemorySet]:
    """Make a set: `memory_set(32)`."""

    def make(n: int, *, seed: int = 0, n_captions: int = 1, most_things: int = 4) -> MemorySet:
        rng = np.random.default_rng(seed)
        examples = (make_example(rng, n_captions, most_things) for _ in range(n))
        return MemorySet(examples=tuple(examples))

    return make


@pytest.fixture
def make_batch(wordpiece: WordPiece) -> Callable[..., Batch]:
    """Make a batch of pairs: `make_batch(8, match=True)`."""

    def make(n: int, *, match: bool = True, seed: int = 0, inputs: Inputs | None = None) -> Batch:
        rng = np.random.default_rng(seed)
        examples = [make_example(rng) for _ in range(n)]
        pieces = wordpiece.encode([example.captions[0] for example in examples])
        pairs = [
            Pair(pieces=p, regions=e.regions, match=match)
            for p, e in zip(pieces, examples, strict=True)
        ]
        return collate(pairs, inputs or Inputs(max_length=48), wordpiece)

    return make


@pytest.fixture
def network(tiny: Recipe, sizes: DataSizes) -> Network:
    """A fresh tiny network, in evaluation mode."""
    torch.manual_seed(0)
    return Network(tiny, sizes).eval()
