"""Does a pretrained network find the text of an image, and the image of a text?"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pretrain.checkpoint import find, load_any
from pretrain.data import Example, ShardSet, TrainingSet, check_regions, data_sizes
from pretrain.dual import DualNetwork
from pretrain.embed.image import SpeaksToWords
from pretrain.evaluate.blocks import Block, WholePairs, blocks, whole_pairs
from pretrain.evaluate.dual import score_dual
from pretrain.evaluate.recall import Recall, chance, image_retrieval, mean, text_retrieval
from pretrain.network import Network
from pretrain.objectives.objective import Encoded
from pretrain.recipe import Recipe
from pretrain.tasks.heads import token_of
from pretrain.tokens import load_wordpiece

_Scored = Callable[
    [TrainingSet, Callable[[int, int], None]], tuple[NDArray[np.float32], NDArray[np.int64]]
]


@runtime_checkable
class Scorer(Protocol):
    """An objective that says how well a text and an image fit."""

    @property
    def name(self) -> str:
        """Key of its head."""
        ...

    def score(self, head: nn.Module, encoded: Encoded) -> Tensor:
        """[B], higher = fits better."""
        ...


def score_all(
    network: Network,
    recipe: Recipe,
    data: TrainingSet,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Scores [I, T] of every image with every text, and the image [T] that each text belongs to.

    A network that tells its tasks apart is told that this is retrieval.

    Raises:
        ValueError: no objective of the recipe scores pairs.
    """
    examples = [data.example(i) for i in range(len(data))]
    captions = [text for example in examples for text in example.captions]
    pieces = load_wordpiece(recipe.vocabulary).encode(captions)
    scorer = next((o for o in recipe.objectives if isinstance(o, Scorer)), None)
    if scorer is None:
        raise ValueError(
            f"no objective of {recipe.name} scores pairs; retrieval needs one like itm"
        )
    head, token = network.heads[scorer.name], token_of(recipe, scorer.name)
    scores_IT = np.zeros((len(examples), len(captions)), dtype=np.float32)

    @torch.inference_mode()
    def fill(block: Block | WholePairs) -> int:
        scores_N = scorer.score(head, network.encode(block.streams())).numpy()
        shape = len(block.images), len(block.texts)
        scores_IT[np.ix_(block.images, block.texts)] = scores_N.reshape(shape)
        return scores_N.size

    done, n_threads = 0, torch.get_num_threads()
    torch.set_num_threads(1)  # the pool's threads take one core each
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            # Where words carry the image, a text cannot be embedded before it has one.
            together = isinstance(network.region, SpeaksToWords)
            made = (whole_pairs if together else blocks)(network, recipe, token, examples, pieces)
            for n_scored in pool.map(fill, made):
                done += n_scored
                progress(done, scores_IT.size)
    finally:
        torch.set_num_threads(n_threads)
    owner_T = np.repeat(np.arange(len(examples)), [len(e.captions) for e in examples])
    return scores_IT, owner_T


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalReport:
    """Retrieval on one set, both directions, beside what guessing would reach."""

    checkpoint: Path
    shards: Path
    n_images: int
    n_texts: int
    folds: int
    """Into how many parts the images were cut, each scored on its own; recalls are their means."""
    text_retrieval: Recall
    """Image to text: any of the image's own texts counts."""
    image_retrieval: Recall
    """Text to image."""
    chance_text_retrieval: Recall
    """Of scores drawn at random."""
    chance_image_retrieval: Recall

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            **asdict(self),
            "checkpoint": str(self.checkpoint),
            "shards": str(self.shards),
        }


def evaluate(
    checkpoint: Path,
    shards: Path,
    regions: Path | None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    folds: int = 1,
    averaged: bool = False,
) -> RetrievalReport:
    """Score every image of a set with every text of it.

    The field's protocols: Flickr30k and COCO 5k score the whole test set; COCO 1k cuts its 5,000
    images into five folds and reports the mean. Folds here are equal runs of the set's own order,
    which is by hash.

    Args:
        checkpoint: A checkpoint, or a stage's or run's folder: its last one is taken.
        shards: Samples with one or more texts each (usually five).
        regions: Of these shards, by the detector that training used; a dual encoder needs none.
        progress: Called with (pairs scored, pairs in all), fold after fold.
        folds: Parts that are scored on their own.
        averaged: Take the average of the weights, where training kept it.

    Raises:
        ValueError: no complete checkpoint, the data does not fit it, or fewer images than folds.
    """
    path = find(checkpoint)
    scored, data = _scored(path, shards, regions, averaged)
    if not 1 <= folds <= len(data):
        raise ValueError(f"--folds {folds}: {shards} has {len(data)} images")
    recalls: list[tuple[Recall, ...]] = []
    n_texts = 0
    for fold in range(folds):
        part = _Part(
            data=data, first=len(data) * fold // folds, end=len(data) * (fold + 1) // folds
        )
        scores_IT, owner_T = scored(part, progress)
        recalls.append(
            (
                text_retrieval(scores_IT, owner_T),
                image_retrieval(scores_IT, owner_T),
                *chance(owner_T, len(scores_IT)),
            )
        )
        n_texts += len(owner_T)
    by_text, by_image, text_chance, image_chance = map(mean, zip(*recalls, strict=True))
    return RetrievalReport(
        checkpoint=path,
        shards=shards,
        n_images=len(data),
        n_texts=n_texts,
        folds=folds,
        text_retrieval=by_text,
        image_retrieval=by_image,
        chance_text_retrieval=text_chance,
        chance_image_retrieval=image_chance,
    )


def _scored(
    path: Path, shards: Path, regions: Path | None, averaged: bool
) -> tuple[_Scored, ShardSet]:
    """How a checkpoint scores a set, and the set as it wants it."""
    network, snapshot = load_any(path, averaged=averaged)
    if isinstance(network, DualNetwork):
        return partial(score_dual, network, snapshot.recipe), ShardSet(shards, None, images=True)
    if regions is None:
        raise ValueError(f"{path} looks at regions: make them with `lait regions`, give --regions")
    sizes = data_sizes(snapshot.recipe, check_regions(shards, regions))
    if sizes != snapshot.sizes:
        raise ValueError(
            f"{regions} has regions of {sizes.feature_dim} dimensions and {sizes.classes} classes, "
            f"{path} was trained on {snapshot.sizes.feature_dim} and {snapshot.sizes.classes}: "
            "make them with the same detector"
        )
    return partial(score_all, network, snapshot.recipe), ShardSet(shards, regions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A run of images of a set, as a set."""

    data: TrainingSet
    first: int
    end: int

    @property
    def digest(self) -> str:
        return self.data.digest

    def __len__(self) -> int:
        return self.end - self.first

    def example(self, i: int) -> Example:
        return self.data.example(self.first + i)
