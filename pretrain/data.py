"""How do a shard set and its regions become examples: images, and what is said about them?"""

import hashlib
import json
import logging
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pretrain.links import Phrase, phrases_of
from pretrain.network import DataSizes
from pretrain.recipe import Recipe
from pretrain.regions.npz import from_npz
from pretrain.regions.regions import Regions
from pretrain.sentences import Question, questions_of
from pretrain.tokens import load_wordpiece
from shards.manifest import Manifest, read_manifest
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
    phrases: tuple[Phrase, ...] = ()
    """Of the captions, whose place in the image is known."""


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
            phrases=phrases_of(sample),
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
