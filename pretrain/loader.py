"""Which pairs does each step of a stage hold, as one worker sees it?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

from pretrain.batch import Batch
from pretrain.collate import Inputs, Pair, collate
from pretrain.data import Example, TrainingSet
from pretrain.draws import Draws
from pretrain.links import links
from pretrain.pairing import Pairing
from pretrain.recipe import Recipe, Stage
from pretrain.sentences import asker_of, sentences
from pretrain.tokens import WordPiece, load_wordpiece
from shards.order import GlobalBatch, Position, global_batches


@runtime_checkable
class PairSource(Protocol):
    """A training set that knows which texts go with which images: questions of a task."""

    @property
    def rows_per_question(self) -> int:
        """Pairs made of each number; they stand together and stay together."""
        ...

    def pairs(self, i: int, inputs: Inputs, wordpiece: WordPiece) -> list[Pair]:
        """The pairs of number `i`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Pairs that go through the network together."""

    batch: Batch
    draws: Draws
    """Of the rows of `batch`."""

    @property
    def n_tokens(self) -> int:
        """Real ones: word pieces, regions and special tokens."""
        return int(self.batch.text_mask_BL.sum() + self.batch.region_mask_BR.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One worker's share of one optimiser step."""

    number: int
    """From 0."""
    parts: tuple[Part, ...]
    """Micro-batches of pairs of like length, so that little of them is padding."""
    position: Position
    """After this step."""


@dataclass(frozen=True, kw_only=True)
class Loader:
    """The steps of a stage, as seen by one worker. A pure function of its fields."""

    data: TrainingSet
    recipe: Recipe
    stage: Stage
    seed: int
    rank: int = 0
    world_size: int = 1

    @cached_property
    def total_steps(self) -> int:
        """Optimiser steps of the whole stage."""
        if self.stage.steps is not None:
            return self.stage.steps
        return max(1, round(self.stage.epochs * len(self.data) / self.stage.batch_pairs))

    @cached_property
    def wordpiece(self) -> WordPiece:
        """How texts are cut."""
        return load_wordpiece(self.recipe.vocabulary)

    @property
    def pairing(self) -> Pairing:
        """The stage's own, or the recipe's."""
        return self.stage.pairing or self.recipe.pairing

    def start(self) -> Position:
        """Where the stage begins."""
        return Position(manifest_digest=self.data.digest, seed=self.seed)

    def steps(self, first: int, position: Position) -> Iterator[Step]:
        """The steps from number `first`, whose samples begin at `position`.

        Raises:
            ValueError: the position belongs to another data set.
        """
        batches = self.batches(position)
        for number in range(first, self.total_steps):
            yield self.step(number, next(batches))

    def batches(self, position: Position) -> Iterator[GlobalBatch]:
        """Which samples the steps from `position` on hold, without end.

        Raises:
            ValueError: the position belongs to another data set.
        """
        return global_batches(
            n_samples=len(self.data),
            manifest_digest=self.data.digest,
            position=position,
            rank=0,
            world_size=1,
            batch_size_per_rank=self.stage.batch_pairs,
        )

    def step(self, number: int, batch: GlobalBatch, pairing: Pairing | None = None) -> Step:
        """Step `number` made of these samples, paired as the recipe says, or by `pairing`."""
        draws = Draws(seed=self.seed, step=number, rows=tuple(range(len(batch.indices))))
        pairing = pairing or self.pairing
        parts = tuple(self._parts(batch.indices.tolist(), draws, pairing))
        return Step(number=number, parts=parts, position=batch.position)

    def _parts(self, indices: Sequence[int], draws: Draws, pairing: Pairing) -> Iterator[Part]:
        # Every worker pairs the whole global batch, all alike, and then builds only its own rows:
        # so the step is the same whatever the number of workers.
        pairs = self._pairs(indices, draws, pairing)
        together = len(pairs) // len(indices)
        share = len(indices) // self.world_size
        mine = range(self.rank * share, (self.rank + 1) * share)
        by_length = sorted(mine, key=lambda i: (_longest(pairs[i * together :][:together]), i))
        size = -(-share // self.stage.micro_batches)
        for at in range(0, share, size):
            rows = [i * together + k for i in by_length[at : at + size] for k in range(together)]
            own = draws.only(rows)
            shown = [pairs[row] for row in rows]
            batch = collate(shown, self.recipe.inputs, self.wordpiece, own)
            yield Part(batch=batch, draws=own)

    def _pairs(self, indices: Sequence[int], draws: Draws, pairing: Pairing) -> list[Pair]:
        if isinstance(self.data, PairSource):
            inputs = self.recipe.inputs
            made = [self.data.pairs(i, inputs, self.wordpiece) for i in indices]
            return [pair for group in made for pair in group]
        examples = [self.data.example(i) for i in indices]
        which = draws.uniform("caption", 1)[:, 0].tolist()
        asker = asker_of(self.recipe.objectives)
        known = [sentences(example.captions, example.questions, asker) for example in examples]
        chosen = [each[int(u * len(each))] for each, u in zip(known, which, strict=True)]
        texts = [sentence.text for sentence in chosen]
        captions = [frozenset(sentence.text for sentence in each) for each in known]
        choices = pairing(indices, texts, captions, draws)
        shown = dict.fromkeys((*texts, *(c.second for c in choices if c.second is not None)))
        pieces = dict(zip(shown, self.wordpiece.encode(list(shown)), strict=True))
        return [
            Pair(
                pieces=pieces[texts[choice.text_row]],
                second=None if choice.second is None else pieces[choice.second],
                regions=examples[choice.image_row].regions,
                match=choice.match,
                image=examples[choice.image_row].image,
                targets=chosen[choice.text_row].targets if choice.match else (),
                links=self._links(examples[choice.image_row], texts[choice.text_row]),
            )
            for choice in choices
        ]

    def _links(self, example: Example, text: str) -> tuple[tuple[int, int], ...]:
        # Of another image's text there are none: a phrase names the text that it is of.
        return links(example.phrases, text, example.regions, self.wordpiece)


def _longest(pairs: Sequence[Pair]) -> int:
    return max(len(p.pieces.ids) + (len(p.second.ids) if p.second else 0) for p in pairs)
