"""What does a person ask to be taken down, and what is written down about it?"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from filter.tombstones import (
    MAX_DISTANCE,
    NAME,
    VALUES,
    Kind,
    Tombstone,
    read_tombstones,
    to_bytes,
    url_hash,
)
from shards.aside import publish_bytes

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One thing to take down, as a tombstone names it."""

    kind: Kind
    value: str
    distance: int = 0
    clear: str = ""
    """An address as it was given; never written."""


def asked(kind: Kind, given: str) -> Asked:
    """What somebody asks for, in the form in which samples know it.

    An address is normalised as the crawler does; a host stands for its subdomains; a perceptual
    hash may carry a distance in bits (`c3a1...0f/4`). Raises ValueError for what is no such thing.
    """
    given, distance = given.strip(), 0
    value = given
    if kind == "url":
        value = url_hash(_normal(given, given))
    elif kind == "host":
        value = urlsplit(_normal(f"http://{given}/", given)).hostname or ""
    elif kind == "phash":
        value, slash, bits = given.lower().partition("/")
        if slash and not (bits.isdecimal() and int(bits) <= MAX_DISTANCE):
            raise ValueError(f"--phash {given}: the distance must lie in 0..{MAX_DISTANCE}")
        distance = int(bits) if slash else 0
    elif kind == "sha256":
        value = given.lower()
    if not VALUES[kind].fullmatch(value):
        raise ValueError(f"--{kind} {given[:80]!r} is no {kind}")
    clear = given if kind == "url" else ""
    return Asked(kind=kind, value=value, distance=distance, clear=clear)


def read_asked(file: Path) -> list[Asked]:
    """The lines `kind value` of a file; `#` begins a comment line, blank lines are skipped.

    Raises ValueError naming file and line.
    """
    found = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--from {file} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        word, _, value = line.strip().partition(" ")
        kind = next((kind for kind in VALUES if kind == word), None)
        try:
            if kind is None:
                raise ValueError(f"{word[:20]!r} is none of {', '.join(VALUES)}")
            found.append(asked(kind, value))
        except ValueError as error:
            raise ValueError(f"--from {file}, line {number}: {error}") from error
    return found


def stones_of(wanted: Iterable[Asked], reason: str, date: str) -> list[Tombstone]:
    """The tombstones of a request.

    Raises ValueError for a reason that is empty or repeats an address, and for what is no date.
    """
    if not reason.strip() or len(reason) > 500 or not reason.isprintable():
        raise ValueError("--reason must say why, in one line of at most 500 characters")
    if not _DATE.fullmatch(date):
        raise ValueError(f"--date {date} is not of the form 2026-01-31")
    for one in wanted:
        bare = one.clear.partition("://")[2] or one.clear
        if bare and bare.rstrip("/") in reason:
            raise ValueError("--reason repeats the address that is to be forgotten: leave it out")
    return [
        Tombstone(kind=one.kind, value=one.value, distance=one.distance, reason=reason, date=date)
        for one in wanted
    ]


def unknown(stones: Iterable[Tombstone], known: Sequence[Tombstone]) -> list[Tombstone]:
    """Those that say something new; reason and date of the first time stand."""
    there = {_subject(stone) for stone in known}
    return [stone for stone in stones if _subject(stone) not in there]


def known(stones: Iterable[Tombstone], there: Sequence[Tombstone]) -> list[Tombstone]:
    """Of the tombstones that are there, those that say what `stones` do."""
    subjects = {_subject(stone) for stone in stones}
    return [stone for stone in there if _subject(stone) in subjects]


def write_down(folder: Path, stones: Iterable[Tombstone]) -> tuple[Tombstone, ...]:
    """Adds tombstones to those of a set and returns all of them."""
    before = read_tombstones(folder)
    new = unknown(stones, before)
    if new:
        publish_bytes(folder / NAME, to_bytes((*before, *new)))
    return (*before, *new)


def _subject(stone: Tombstone) -> tuple[str, str, int, str]:
    return (stone.kind, stone.value, stone.distance, stone.digest)


def _normal(url: str, given: str) -> str:
    from crawl.url import normalise

    found = normalise(url, "")
    if found is None:
        raise ValueError(f"{given[:200]!r} is no http or https address, or no host")
    return found
