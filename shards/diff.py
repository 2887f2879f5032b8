"""In what do two shard sets differ?"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shards.manifest import Manifest, read_manifest, shard_folder
from shards.stream import Row, rows

_EXAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something about a whole set that differs."""

    name: str
    a: str
    b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A sample that differs."""

    key: str
    a: str
    """Its text, or what else differs; '' where it is missing."""
    b: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two sets do not share."""

    same: int
    only_a: int
    only_b: int
    other_text: int
    other_record: int
    """Samples in both with equal texts, whose records (scores, provenance) differ."""
    fields: tuple[tuple[str, int], ...]
    """Fields of the records of samples in both, and in how many samples they differ; most first."""
    examples: tuple[Example, ...]
    """The first few of each kind, in key order."""
    facts: tuple[Fact, ...]
    """Settings, code, counts, funnel, shard layout."""

    @property
    def same_samples(self) -> bool:
        """Whether the samples are the same, however they are cut into shards."""
        return not (self.only_a or self.only_b or self.other_text or self.other_record)


def diff(a: Path, b: Path) -> Difference:
    """Compares two finished sets by their Parquet files; memory does not grow with the sets.

    Images are equal when their keys are, which `verify` holds. Raises ValueError when one is no
    finished set of samples or a Parquet file is not the manifest's.
    """
    folders = [shard_folder(path) for path in (a, b)]
    manifests = [read_manifest(folder) for folder in folders]
    for folder, manifest in zip(folders, manifests, strict=True):
        if manifest.kind != "samples":
            raise ValueError(f"{folder} holds {manifest.kind}, samples are compared")
    tally = _Tally()
    for one, other in _pairs(rows(folders[0], manifests[0]), rows(folders[1], manifests[1])):
        tally.add(one, other)
    return tally.difference(tuple(_facts(*manifests)))


def _pairs(a: Iterator[Row], b: Iterator[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    one, other = next(a, None), next(b, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.key < other.key):
            yield one, None
            one = next(a, None)
        elif one is None or other.key < one.key:
            yield None, other
            other = next(b, None)
        else:
            yield one, other
            one, other = next(a, None), next(b, None)


class _Tally:
    """The difference while it is counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._fields: Counter[str] = Counter()
        self._examples: list[Example] = []

    def add(self, one: Row | None, other: Row | None) -> None:
        if one is None or other is None:
            kind = "only_b" if one is None else "only_a"
            texts = ("" if row is None else row.text for row in (one, other))
        elif one == other:
            self._counts["same"] += 1
            return
        else:
            kind = "other_record" if one.text == other.text else "other_text"
            names = _differing(one, other)
            self._fields.update(names)
            texts = (
                (row.text if kind == "other_text" else ", ".join(names)) for row in (one, other)
            )
        self._counts[kind] += 1
        if self._counts[kind] <= _EXAMPLES:
            row = one or other
            assert row is not None
            first, second = texts
            self._examples.append(Example(key=row.key, a=first, b=second))

    def difference(self, facts: tuple[Fact, ...]) -> Difference:
        ranked = sorted(self._fields.items(), key=lambda item: (-item[1], item[0]))
        names = ("same", "only_a", "only_b", "other_text", "other_record")
        return Difference(
            **{name: self._counts[name] for name in names},
            fields=tuple(ranked),
            examples=tuple(self._examples),
            facts=facts,
        )


def _differing(one: Row, other: Row) -> list[str]:
    """Names of the record's fields that differ, and `extension`."""
    found = [] if one.extension == other.extension else ["extension"]
    a, b = json.loads(one.record), json.loads(other.record)
    missing = object()
    return found + [
        name for name in sorted(a.keys() | b.keys()) if a.get(name, missing) != b.get(name, missing)
    ]


def _facts(a: Manifest, b: Manifest) -> Iterator[Fact]:
    for name, look in _LOOKS.items():
        one, other = look(a), look(b)
        if one != other:
            yield Fact(name=name, a=str(one), b=str(other))
    funnels = [{(r.stage, r.reason): r.count for r in m.funnel} for m in (a, b)]
    for stage, reason in dict.fromkeys((*funnels[0], *funnels[1])):
        counts = [funnel.get((stage, reason), 0) for funnel in funnels]
        if counts[0] != counts[1]:
            yield Fact(name=f"dropped: {stage} {reason}", a=str(counts[0]), b=str(counts[1]))


_LOOKS: dict[str, Any] = {
    "samples": lambda m: m.n_samples,
    "shards": lambda m: len(m.shards),
    "settings": lambda m: m.config_hash,
    "code": lambda m: m.code_version,
    "seen": lambda m: m.seen,
    "inputs": lambda m: ", ".join(f"{one.name} {(one.sha256 or '')[:12]}" for one in m.inputs),
    "made from": lambda m: ", ".join(one.digest[:12] for one in m.sources),
    "takedown version": lambda m: m.tombstone_version,
    "digest": lambda m: m.digest,
}
