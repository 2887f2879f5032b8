"""Was it asked that this page, this image or this sample be taken down?

A takedown leaves a tombstone: enough to recognise what was taken down wherever it turns up again,
and nothing that leads back to it. Of an address only its sha256 is kept; a host stands in clear,
because all of it was asked for. Curation, loaders and every command on shard sets obey them.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final, Literal
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from crawl.candidate import Candidate, DomFeatures
from filter.verdict import Drop, ImageFacts, Verdict

NAME: Final = "tombstones.jsonl"
"""Of the file beside a shard set's manifest."""
TAKEDOWN: Final = "takedown"
"""Reason of candidates that fall here."""
MAX_DISTANCE: Final = 16
Kind = Literal["url", "host", "sha256", "phash", "key"]
VALUES: Final[dict[Kind, re.Pattern[str]]] = {
    "url": re.compile(r"[0-9a-f]{64}"),
    "host": re.compile(r"[^\s/:@?#]{1,253}|\[[0-9a-f:.]+\]"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "phash": re.compile(r"[0-9a-f]{16}"),
    "key": re.compile(r"[A-Za-z0-9_-]{1,64}"),
}
"""What the value of each kind looks like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """One thing that was taken down."""

    kind: Kind
    value: str
    """Of `url` its sha256; of `host` the name, which stands for its subdomains too."""
    distance: int = 0
    """Bits in which a perceptual hash may differ."""
    reason: str
    date: str
    """Of the takedown, YYYY-MM-DD."""
    digest: str = ""
    """Of a sample: the shard set that held it; with the next two it tells which checkpoints saw
    it."""
    index: int = 0
    """Its place in that set."""
    n_samples: int = 0
    """How many that set held."""

    def __post_init__(self) -> None:
        if not VALUES[self.kind].fullmatch(self.value) or not 0 <= self.distance <= MAX_DISTANCE:
            raise ValueError(f"{self.value[:80]!r} at distance {self.distance} is no {self.kind}")


_TOMBSTONE: Final = TypeAdapter(Tombstone)


class Tombstones:
    """What some tombstones say, ready to be asked; each answer is the kind that hit, or None."""

    def __init__(self, stones: Iterable[Tombstone]) -> None:
        self.stones: tuple[Tombstone, ...] = tuple(dict.fromkeys(stones))
        of_kind: dict[Kind, set[str]] = {kind: set() for kind in VALUES}
        for stone in self.stones:
            of_kind[stone.kind].add(stone.value)
        self.keys = frozenset(of_kind["key"]) | {sha256[:32] for sha256 in of_kind["sha256"]}
        self._urls, self._hosts = frozenset(of_kind["url"]), frozenset(of_kind["host"])
        self.phashes = tuple(
            (int(stone.value, 16), stone.distance) for stone in self.stones if stone.kind == "phash"
        )

    def __bool__(self) -> bool:
        return bool(self.stones)

    @property
    def asks_urls(self) -> bool:
        """Whether any of them is about addresses."""
        return bool(self._urls or self._hosts)

    def of_address(self, *urls: str | None) -> Kind | None:
        """Of the page and the image, normalised, and whatever else leads to it."""
        for url in urls:
            if url and self._urls and url_hash(url) in self._urls:
                return "url"
            if url and self._hosts and self._is_host(url):
                return "host"
        return None

    def of_key(self, key: str) -> Kind | None:
        """Of a sample."""
        return "key" if key in self.keys else None

    def of_bytes(self, sha256: str) -> Kind | None:
        """Of an image's bytes."""
        return "sha256" if sha256[:32] in self.keys else None

    def of_look(self, phash: str, crops: Sequence[str] = ()) -> Kind | None:
        """Of an image's perceptual hash, and those of its crops."""
        own = [int(one, 16) for one in (phash, *crops) if one] if self.phashes else []
        near = ((mine ^ asked).bit_count() <= d for asked, d in self.phashes for mine in own)
        return "phash" if any(near) else None

    def _is_host(self, url: str) -> bool:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            return False
        parts = host.split(".")
        return any(".".join(parts[i:]) in self._hosts for i in range(len(parts)))


def url_hash(url: str) -> str:
    """What is kept of an address."""
    return hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()


def read_tombstones(path: Path) -> tuple[Tombstone, ...]:
    """The tombstones of a file, or of a shard set or run (none when it has no such file).

    Raises ValueError, naming file and line, for what is no list of tombstones.
    """
    if path.is_dir():
        inner = path if (path / NAME).is_file() else path / "shards"
        return read_tombstones(inner / NAME) if (inner / NAME).is_file() else ()
    found = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a list of tombstones: {error}") from error
    for number, line in enumerate(lines, start=1):
        try:
            found.append(_TOMBSTONE.validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(
                f"{path}, line {number} is no tombstone: {place or 'line'}: {first['msg']}"
            ) from error
    return tuple(found)


def to_bytes(stones: Iterable[Tombstone]) -> bytes:
    """The file of some tombstones: one JSON object a line, in order of date, each once."""
    ordered = sorted(
        dict.fromkeys(stones), key=lambda stone: (stone.date, *map(str, asdict(stone).values()))
    )
    return b"".join(json.dumps(asdict(stone), sort_keys=True).encode() + b"\n" for stone in ordered)


def digest_of(sources: Sequence[str]) -> str:
    """sha256 over the tombstones of some files, for the configuration of a run; '' of none."""
    stones = [stone for source in sources for stone in read_tombstones(Path(source))]
    return hashlib.sha256(to_bytes(stones)).hexdigest() if sources else ""


@lru_cache(maxsize=8)
def load(sources: tuple[str, ...], digest: str) -> Tombstones:
    """The tombstones of some files, kept in this process.

    Raises ValueError when they are not those that `digest` was made from.
    """
    if digest != digest_of(sources):
        raise ValueError(f"{', '.join(sources)}: the tombstones have changed since the run began")
    return Tombstones(stone for source in sources for stone in read_tombstones(Path(source)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTakenDown:
    """Drops candidates by their addresses, before anything else is asked of them."""

    stage: ClassVar[str] = TAKEDOWN
    sources: tuple[str, ...]
    digest: str

    def __call__(self, item: Candidate, /) -> Drop | None:
        stones = load(self.sources, self.digest)
        kind = stones.of_address(item.page_url, item.image_url, *item.alternative_urls)
        return Drop(reason=TAKEDOWN, value=kind) if kind else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNotTakenDown:
    """Drops images by their bytes and their look."""

    stage: ClassVar[str] = TAKEDOWN
    sources: tuple[str, ...]
    digest: str

    def __call__(self, item: ImageFacts, /) -> Drop | None:
        stones = load(self.sources, self.digest)
        kind = stones.of_bytes(item.sha256) or stones.of_look(item.phash, item.phash_crops)
        return Drop(reason=TAKEDOWN, value=kind) if kind else None


def forgotten(verdict: Verdict) -> Verdict:
    """The fate of a candidate that was taken down, without what it was about."""
    return Verdict(
        candidate=blank(verdict.candidate.candidate_id),
        kept=verdict.kept,
        stage=verdict.stage,
        reason=verdict.reason,
        value=verdict.value,
    )


def blank(candidate_id: str) -> Candidate:
    """A candidate of which nothing is told."""
    return Candidate(
        candidate_id=candidate_id,
        page_url="",
        image_url="",
        alternative_urls=(),
        texts=(),
        dom=_NO_DOM,
        main_score=0.0,
        is_main=False,
        language="",
        language_score=0.0,
        opt_out=(),
        page_file="",
        page_offset=0,
        page_digest="",
        fetched_at="",
    )


_ZERO: Final[dict[Any, Any]] = {bool: False, int: 0, float: 0.0, int | None: None}
_NO_DOM: Final = DomFeatures(**{field.name: _ZERO[field.type] for field in fields(DomFeatures)})
