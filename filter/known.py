"""Which images are known already: those of evaluation sets, of earlier runs, or known to be bad?

Hashes are held in memory, about 300 bytes an image. A perceptual look-up touches only the hashes
that agree with the one asked for in one of `d + 1` blocks of bits (`filter.dedup`): none is missed.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filter.dedup import HASH_BITS
from filter.ledger import ledger_files
from filter.verdict import ImageFacts

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PHASH: Final = re.compile(r"[0-9a-f]{16}")
_MAX_LINE: Final = 4096
EXACT: Final = -1
"""What `bits_to` gives for equal bytes: nearer than any perceptual distance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One known image, as far as its source tells."""

    sha256: str = ""
    """'' when only its look is known."""
    phash: str = ""
    """'' when only its bytes are known."""
    phash_crops: tuple[str, ...] = ()


def read_known(source: str) -> Iterator[Known]:
    """The images that a source names, read anew each time.

    A source is a list (one sha256 of 64, or one perceptual hash of 16 hex digits a line; `#`
    begins a comment), a Parquet file of `lait hashes`, a finished run (its kept images) or a folder
    of shards. Raises ValueError, naming source and line, for anything else.
    """
    path = Path(source)
    if path.is_dir() and ledger_files(path):
        for file in ledger_files(path):
            yield from _rows(file, only_kept=True)
    elif path.is_dir():
        yield from _shards(path)
    elif path.suffix == ".parquet":
        yield from _rows(path, only_kept=False)
    else:
        yield from _lines(path)


def _rows(file: Path, *, only_kept: bool) -> Iterator[Known]:
    names = ["sha256", "phash", "phash_crops"]
    table = pq.ParquetFile(file)
    missing = [name for name in names if name not in table.schema_arrow.names]
    if missing:
        raise ValueError(f"{file} has no column {missing[0]}: another version of lait wrote it")
    for batch in table.iter_batches(columns=[*names, *(["kept"] if only_kept else [])]):
        for row in batch.to_pylist():
            if not only_kept or row["kept"]:
                yield Known(
                    sha256=row["sha256"] or "",
                    phash=row["phash"] or "",
                    phash_crops=tuple(row["phash_crops"] or ()),
                )


def _shards(folder: Path) -> Iterator[Known]:
    inner = folder / "shards" if (folder / "shards").is_dir() else folder
    files = sorted(inner.glob("*.parquet"))
    if not files:
        raise ValueError(f"{folder} is neither a list of hashes, nor a run, nor a folder of shards")
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(columns=["key", "record"]):
            for row in batch.to_pylist():
                record = json.loads(row["record"])
                if "phash" not in record:
                    raise ValueError(
                        f"{folder} was packed without looking at its pictures: make a list of it "
                        "with `lait hashes`, and name that"
                    )
                yield Known(
                    sha256=record["sha256"],
                    phash=record["phash"],
                    phash_crops=tuple(record.get("phash_crops", ())),
                )


def _lines(path: Path) -> Iterator[Known]:
    try:
        with path.open(encoding="ascii") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(_MAX_LINE), ""), start=1):
                word = line.partition("#")[0].strip().lower()
                if _SHA256.fullmatch(word):
                    yield Known(sha256=word)
                elif _PHASH.fullmatch(word):
                    yield Known(phash=word)
                elif word:
                    raise ValueError(
                        f"{path}, line {number}: {word[:40]!r} is no sha256 (64 hex digits) and no "
                        "perceptual hash (16)"
                    )
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a list of hashes: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownImages:
    """An index of known images. W hashes of wholes, C of wholes and crops, D = distance + 1."""

    sha256: frozenset[bytes]
    wholes_DW: NDArray[np.uint64]
    """Each row sorted, and turned so that one block of bits comes first."""
    all_DC: NDArray[np.uint64]
    max_distance: int | None

    def has(self, sha256: str) -> bool:
        """Whether these very bytes are known."""
        return bytes.fromhex(sha256) in self.sha256

    def bits_to(self, image: ImageFacts) -> int | None:
        """Bits to the nearest known image within the distance, `EXACT` for equal bytes, or None."""
        if self.has(image.sha256):
            return EXACT
        if self.max_distance is None:
            return None
        whole = int(image.phash, 16)
        found = [_nearest(self.all_DC, whole)]
        found += [_nearest(self.wholes_DW, int(crop, 16)) for crop in image.phash_crops]
        nearest = min(found)
        return nearest if nearest <= self.max_distance else None

    @property
    def digest(self) -> str:
        """sha256 over what is known, whatever files it came from."""
        found = hashlib.sha256(b"".join(sorted(self.sha256)))
        for hashes in (self.wholes_DW, self.all_DC):
            found.update(b"|")
            found.update(hashes[:1].astype(">u8").tobytes())
        return found.hexdigest()


def index(known: Iterator[Known], max_distance: int | None) -> KnownImages:
    """Everything in memory, ready to be asked."""
    sha256: set[bytes] = set()
    wholes: set[int] = set()
    crops: set[int] = set()
    for one in known:
        if one.sha256:
            sha256.add(bytes.fromhex(one.sha256))
        if one.phash:
            wholes.add(int(one.phash, 16))
            crops.update(int(crop, 16) for crop in one.phash_crops)
    n_blocks = 1 if max_distance is None else max_distance + 1
    return KnownImages(
        sha256=frozenset(sha256),
        wholes_DW=_turned(wholes, n_blocks),
        all_DC=_turned(wholes | crops, n_blocks),
        max_distance=max_distance,
    )


def _edges(n_blocks: int) -> list[int]:
    return [block * HASH_BITS // n_blocks for block in range(n_blocks + 1)]


def _turn(bits: NDArray[np.uint64], by: int) -> NDArray[np.uint64]:
    """Bits rotated to the left."""
    return (bits << np.uint64(by)) | (bits >> np.uint64(HASH_BITS - by)) if by else bits


def _turned(hashes: set[int], n_blocks: int) -> NDArray[np.uint64]:
    bits = np.array(sorted(hashes), dtype=np.uint64)
    return np.stack([np.sort(_turn(bits, edge)) for edge in _edges(n_blocks)[:-1]])


def _nearest(hashes_DN: NDArray[np.uint64], bits: int) -> int:
    """Bits to the nearest of the hashes that agree in a block; 64 when there is none."""
    edges, best = _edges(len(hashes_DN)), HASH_BITS
    for row, start, stop in zip(hashes_DN, edges[:-1], edges[1:], strict=True):
        asked = _turn(np.array([bits], dtype=np.uint64), start)[0]
        rest = HASH_BITS - (stop - start)
        first = (int(asked) >> rest) << rest
        ends = np.array([first, first | ((1 << rest) - 1)], dtype=np.uint64)
        left, right = np.searchsorted(row, ends[0], "left"), np.searchsorted(row, ends[1], "right")
        if left < right:
            best = min(best, int(np.bitwise_count(row[left:right] ^ asked).min()))
    return best


@lru_cache(maxsize=8)
def load(sources: tuple[str, ...], max_distance: int | None, digest: str) -> KnownImages:
    """The index over some sources, kept in this process.

    Raises ValueError when a source cannot be read, or when `digest` is not '' and they hold other
    hashes than it says.
    """
    found = index((one for source in sources for one in read_known(source)), max_distance)
    if digest and found.digest != digest:
        raise ValueError(f"{', '.join(sources)}: the hashes have changed since the run began")
    return found


def digest_of(sources: Sequence[str], max_distance: int | None) -> str:
    """The digest of some sources; '' of none."""
    return load(tuple(sources), max_distance, "").digest if sources else ""
