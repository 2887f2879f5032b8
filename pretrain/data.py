"""How do a shard set and its regions become the batches of a stage?"""

import hashlib
import json
import logging
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

from pretrain.batch import Batch
from pretrain.collate import Inputs, Pair, collate
from pretrain.draws import Draws
from pretrain.network import DataSizes
from pretrain.pairing import Pairing
from pretrain.recipe import Recipe, Stage
from pretrain.regions.npz import from_npz
from pretrain.regions.regions import Regions
from pretrain.sentences import Question, asker_of, questions_of, sentences
from pretrain.tokens import WordPiece, load_wordpiece
from shards.manifest import Manifest, read_manifest
from shards.order import GlobalBatch, Position, global_batches
from shards.read import RegionsReader, ShardReader
from shards.sample import Sample

logger = logging.getLogger(__name__)

CACHED_BYTES = 2 * 2**30
"""Sets whose regions are smaller are held in memory, decoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One image: its regions, and everything that is truly said about it."""

    regions: Regions
    captions: tuple[str, ...]
    image: bytes = b""
    """As it was encoded, where it was asked for."""
    questions: tuple[Question, ...] = ()


class TrainingSet(Protocol):
    """Images by number."""

    @property
    def digest(self) -> str:
        """Of the sample set: the order of an epoch follows from it."""
        ...

    def __len__(self) -> int:
        """How many images."""
        ...

    def example(self, i: int) -> Example:
        """Image `i`."""
        ...


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


def check_regions(shards: Path, regions: Path) -> Manifest:
    """The manifest of `regions`, once it is sure that they were made from `shards`.

    Raises:
        ValueError: one of them is not finished, or they do not belong together.
    """
    source, made = read_manifest(shards), read_manifest(regions)
    if made.regions is None:
        raise ValueError(f"{regions} holds no regions: make them with `lait regions {shards}`")
    if made.regions.source_digest != source.digest:
        raise ValueError(
            f"regions {regions} were made from the shard set {made.regions.source_digest[:12]}, "
            f"{shards} is {source.digest[:12]}: make them again with `lait regions {shards}`"
        )
    return made


def data_sizes(recipe: Recipe, regions: Manifest | None) -> DataSizes:
    """The widths that a network for this data has; None: for pixels alone."""
    vocabulary = load_wordpiece(recipe.vocabulary).vocabulary
    if regions is None:
        return DataSizes(vocabulary=vocabulary, feature_dim=0, classes=0)
    assert regions.regions is not None, regions
    return DataSizes(
        vocabulary=vocabulary,
        feature_dim=regions.regions.feature_dim,
        classes=len(regions.regions.class_names),
        attributes=len(regions.regions.attribute_names),
    )


class ShardSet:
    """Samples joined with their regions by key; a small set is read once and kept.

    Samples that have no regions are left out, and the set then has a digest of its own.
    """

    def __init__(
        self,
        shards: Path,
        regions: Path | None,
        *,
        images: bool = False,
        tombstones: Sequence[Path] = (),
        cached_bytes: int = CACHED_BYTES,
    ) -> None:
        """See `check_regions` for what is refused.

        Args:
            shards: The samples.
            regions: Of these; None: no detector has looked at them.
            images: Give out the encoded images, too.
            tombstones: Files that name samples to be left out.
            cached_bytes: Sets whose parts that are used are smaller are kept.
        """
        self._samples = ShardReader(shards, tombstones=tombstones)
        self._images = images
        self._regions: RegionsReader | None = None
        self._numbers: Sequence[int] = range(len(self._samples))
        self.digest = self._samples.digest
        used = [self._samples.manifest] if images else []
        if regions is not None:
            made = check_regions(shards, regions)
            used.append(made)
            self._leave_out(RegionsReader(regions), made, shards)
        small = sum(shard.n_bytes for each in used for shard in each.shards) <= cached_bytes
        self._kept: dict[int, Example] | None = {} if small else None

    def _leave_out(self, regions: RegionsReader, made: Manifest, shards: Path) -> None:
        """Samples that have no regions are not of the set."""
        self._regions = regions
        n_without = self._samples.manifest.n_samples - made.n_samples
        if n_without:
            logger.warning("%s: %d samples have no regions and are left out", shards, n_without)
            self._numbers = [i for i in self._numbers if self._samples.key(i) in regions]
            # Another order belongs to another number of samples, and so do other positions.
            self.digest = hashlib.sha256((self.digest + made.digest).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._numbers)

    def example(self, i: int) -> Example:
        """See `TrainingSet.example`."""
        if self._kept is not None and i in self._kept:
            return self._kept[i]
        sample = self._samples.sample(self._numbers[i])
        regions = self._regions
        example = Example(
            regions=Regions.none() if regions is None else from_npz(regions.npz(sample.key)),
            captions=captions_of(sample),
            image=sample.image if self._images else b"",
            questions=questions_of(sample),
        )
        if self._kept is not None:
            self._kept[i] = example
        return example

    def has(self, key: str) -> bool:
        """Whether there is an image of that key."""
        return self._find(key) is not None

    def by_key(self, key: str) -> Example:
        """The image of that key.

        Raises:
            ValueError: the set has no such sample, or no regions of it.
        """
        i = self._find(key)
        if i is None:
            raise ValueError(f"no sample {key}, or none with regions, in set {self.digest[:12]}")
        return self.example(i)

    def _find(self, key: str) -> int | None:
        number = self._samples.find(key)
        if number is None:
            return None
        i = bisect_left(self._numbers, number)
        return i if i < len(self._numbers) and self._numbers[i] == number else None


def captions_of(sample: Sample) -> tuple[str, ...]:
    """All true texts of a sample.

    A packed set lists several in its record as plain strings; a curated one lists what was found
    around the image, scored, of which only the chosen text is known to be about it.
    """
    listed = [text for text in json.loads(sample.record).get("texts", ()) if isinstance(text, str)]
    return tuple(dict.fromkeys((sample.text, *listed)))


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
            )
            for choice in choices
        ]


def _longest(pairs: Sequence[Pair]) -> int:
    return max(len(p.pieces.ids) + (len(p.second.ids) if p.second else 0) for p in pairs)
