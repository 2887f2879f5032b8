"""How does a dual encoder score every image with every text, embedding each only once?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from pretrain.collate import Pair, collate
from pretrain.data import TrainingSet
from pretrain.dual import DualNetwork
from pretrain.embed.pixels import pixels_of
from pretrain.recipe import Recipe
from pretrain.regions.regions import Regions
from pretrain.tokens import load_wordpiece

_ROWS = 64
T = TypeVar("T")


@torch.inference_mode()
def score_dual(
    network: DualNetwork,
    recipe: Recipe,
    data: TrainingSet,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cosines [I, T] of every image with every text, and the image [T] each text belongs to."""
    wordpiece, no_pixels = load_wordpiece(recipe.vocabulary), replace(recipe.inputs, pixels=None)
    examples = [data.example(i) for i in range(len(data))]
    captions = [text for example in examples for text in example.captions]
    pieces, nowhere = wordpiece.encode(captions), Regions.none()
    total = len(examples) + len(captions)
    images, texts = [], []
    for part in _cut(examples):
        assert recipe.inputs.pixels is not None, recipe.inputs
        images.append(network.embed_image(pixels_of([e.image for e in part], recipe.inputs.pixels)))
        progress(min(total, _ROWS * len(images)), total)
    for words in _cut(pieces):
        pairs = [Pair(pieces=text, regions=nowhere, match=True) for text in words]
        texts.append(network.embed_text(collate(pairs, no_pixels, wordpiece).tokens_BL))
        progress(min(total, len(examples) + _ROWS * len(texts)), total)
    owner_T = np.repeat(np.arange(len(examples)), [len(e.captions) for e in examples])
    return (torch.cat(images) @ torch.cat(texts).T).float().numpy(), owner_T


def _cut(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), _ROWS):
        yield items[at : at + _ROWS]
