"""How does every image meet every text, with nothing embedded twice and little padding?"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pretrain.batch import Batch, View
from pretrain.collate import Pair, collate, fit
from pretrain.data import Example
from pretrain.encoders.streams import Streams
from pretrain.network import Network
from pretrain.recipe import Recipe
from pretrain.tokens import Pieces, load_wordpiece

_PAIRS_PER_PASS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Images with R regions and texts with L tokens, embedded, to be scored each with each."""

    images: Sequence[int]
    texts: Sequence[int]
    image_IRH: Tensor
    text_TLH: Tensor

    def streams(self) -> Streams:
        """All pairs, image by image."""
        n_images, n_texts = len(self.images), len(self.texts)
        text = self.text_TLH.expand(n_images, -1, -1, -1).flatten(0, 1)
        image = self.image_IRH[:, None].expand(-1, n_texts, -1, -1).flatten(0, 1)
        real = torch.ones(len(text), text.shape[1] + image.shape[1], dtype=torch.bool)
        return Streams.join(text, real[:, : text.shape[1]], image, real[:, text.shape[1] :])


def blocks(
    network: Network,
    recipe: Recipe,
    token: int | None,
    examples: Sequence[Example],
    pieces: Sequence[Pieces],
) -> Iterator[Block]:
    """Images and texts embedded once, only those of equal lengths together.

    Args:
        network: Whose region embedder does not speak to words.
        recipe: How pairs are laid out.
        token: The task's own, if it has one.
        examples: The images.
        pieces: All texts.
    """
    # The pool takes blocks as fast as they come: keep them small objects, views where possible.
    wordpiece = load_wordpiece(recipe.vocabulary)

    @torch.inference_mode()
    def embedded(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
        batch = collate(pairs, recipe.inputs, wordpiece)
        view = _shown(batch, token)
        return network.embed_text(batch, view), network.embed_image(batch, view)

    n_regions = [min(len(e.regions), recipe.inputs.max_regions) for e in examples]
    for R, images in _grouped(n_regions):
        # Where a text is cut depends on how many regions stand beside it.
        n_pieces = [len(fit(p, R, recipe.inputs).ids) for p in pieces]
        beside = examples[images[0]].regions
        _, image_IRH = embedded(
            [Pair(pieces=pieces[0], regions=examples[i].regions, match=True) for i in images]
        )
        for _, texts in _grouped(n_pieces):
            text_TLH, _ = embedded(
                [Pair(pieces=pieces[t], regions=beside, match=True) for t in texts]
            )
            n_texts = max(1, _PAIRS_PER_PASS // len(images))
            for at in range(0, len(texts), n_texts):
                yield Block(
                    images=images,
                    texts=texts[at : at + n_texts],
                    image_IRH=image_IRH,
                    text_TLH=text_TLH[at : at + n_texts],
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class WholePairs:
    """One image with several texts, to be embedded as pairs."""

    network: Network
    images: Sequence[int]
    texts: Sequence[int]
    batch: Batch
    view: View

    def streams(self) -> Streams:
        """All pairs."""
        return self.network.streams(self.batch, self.view)


def whole_pairs(
    network: Network,
    recipe: Recipe,
    token: int | None,
    examples: Sequence[Example],
    pieces: Sequence[Pieces],
) -> Iterator[WholePairs]:
    """Each image with all texts, for networks whose words carry the image; see `blocks`."""
    wordpiece = load_wordpiece(recipe.vocabulary)
    for image, example in enumerate(examples):
        for at in range(0, len(pieces), _PAIRS_PER_PASS):
            texts = range(at, min(at + _PAIRS_PER_PASS, len(pieces)))
            pairs = [Pair(pieces=pieces[t], regions=example.regions, match=True) for t in texts]
            batch = collate(pairs, recipe.inputs, wordpiece)
            view = _shown(batch, token)
            yield WholePairs(network=network, images=[image], texts=texts, batch=batch, view=view)


def _shown(batch: Batch, token: int | None) -> View:
    return dataclasses.replace(View.of(batch), task=token)


def _grouped(sizes: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Numbers of the items of each size."""
    groups: dict[int, list[int]] = {}
    for number, size in enumerate(sizes):
        groups.setdefault(size, []).append(number)
    return sorted(groups.items())
