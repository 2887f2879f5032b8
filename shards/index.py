"""Where in an archive does each sample lie?"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shards.tar import IMAGE_EXTENSIONS, REGIONS_EXTENSION, Member, entries


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardIndex:
    """Compact, so that the indexes of thousands of shards fit in memory. S samples, M members."""

    keys: NDArray[np.bytes_]
    """[S], in file order, which is ascending."""
    extensions: NDArray[np.bytes_]
    """[S], of the first member: `jpg`, `png`, `webp`, or `regions.npz`."""
    offsets: NDArray[np.int64]
    """[S, M] of the first byte of each body."""
    sizes: NDArray[np.int64]
    """[S, M]. Members are image, txt, json (M = 3), or regions.npz alone (M = 1)."""


def index_archive(fd: int, shard: str, kind: Literal["samples", "regions"]) -> ShardIndex:
    """Reads the headers of an open archive, about 5 us a member.

    Raises ValueError as `shards.tar.entries` does, for a sample that lacks a member or has a
    strange one, and for keys that do not rise.
    """
    rows: list[list[Member]] = []
    previous = ""
    for key, group in entries(fd, shard):
        if key <= previous:
            raise ValueError(f"shard {shard}: sample {key} comes after {previous}; keys must rise")
        previous = key
        rows.append(_members(key, group, shard, kind))
    n_members = 3 if kind == "samples" else 1
    return ShardIndex(
        keys=np.array([row[0].key.encode() for row in rows], dtype=np.bytes_),
        extensions=np.array([row[0].extension.encode() for row in rows], dtype=np.bytes_),
        offsets=_table([[member.offset for member in row] for row in rows], n_members),
        sizes=_table([[member.n_bytes for member in row] for row in rows], n_members),
    )


def _members(key: str, group: dict[str, Member], shard: str, kind: str) -> list[Member]:
    found = list(group)
    if kind == "regions":
        fits = found == [REGIONS_EXTENSION]
    else:
        fits = found[1:] == ["txt", "json"] and found[0] in IMAGE_EXTENSIONS
    if not fits:
        needed = REGIONS_EXTENSION if kind == "regions" else "an image, txt and json, in this order"
        raise ValueError(f"shard {shard}: {key} has {', '.join(found)}; it must have {needed}")
    return list(group.values())


def _table(rows: list[list[int]], n_columns: int) -> NDArray[np.int64]:
    return np.array(rows, dtype=np.int64).reshape(-1, n_columns)
