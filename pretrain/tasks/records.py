"""How do a task's questions find their images in a shard set, and how are they kept for a run?

`OUT/records.jsonl` is what a run trains on, whatever form the published files had: workers on
other machines read it, and a rerun with other questions is noticed.
"""

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pretrain.plain import canonical
from pretrain.tasks.task import Record, Row
from shards.manifest import read_manifest, shard_folder
from shards.read import RegionsReader

_NUMBER = re.compile(r"(\d+)$")
_AMBIGUOUS = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Records whose images are in the sets, their rows naming samples by key."""

    records: tuple[Record, ...]
    n_without_image: int
    """Those that had to be left out, because an image is not there, or has no regions."""
    first_without: str
    """The image of the first record that had to be left out."""


def find_images(records: Sequence[Record], shards: Path, regions: Path | None = None) -> Found:
    """Name the images of all rows by their sample's key; with `regions`, of those that have some.

    An image is known by its key, its sha256, the path it was packed from, that path's name or
    stem, or the number that ends the stem (`COCO_val2014_000000000042.jpg` is 42).

    Raises:
        ValueError: no finished set, or a name that two of its samples have.
    """
    keys, seen = _names(shards), _seen(regions)
    kept, missing = [], list[str]()
    for record in records:
        rows = []
        for row in record.rows:
            key = keys.get(str(row.image))
            if key == _AMBIGUOUS:
                raise ValueError(
                    f"image {row.image} of {record.id}: several samples of {shards} are called so"
                )
            rows.append(dataclasses.replace(row, image=key) if key else row)
        unknown = [
            str(row.image) for row in rows if row.image not in keys or not seen(str(row.image))
        ]
        missing += unknown[:1]
        if not unknown:
            kept.append(dataclasses.replace(record, rows=tuple(rows)))
    return Found(
        records=tuple(kept),
        n_without_image=len(missing),
        first_without=missing[0] if missing else "",
    )


def as_lines(records: Sequence[Record]) -> str:
    """One canonical JSON line a record."""
    return "".join(f"{canonical(dataclasses.asdict(record))}\n" for record in records)


def write_records(path: Path, records: Sequence[Record]) -> None:
    """The lines, once.

    Raises:
        ValueError: the file is there and holds other records.
    """
    lines = as_lines(records)
    if path.is_file():
        if path.read_text(encoding="utf-8") != lines:
            raise ValueError(
                f"{path} holds other records: choose another --out, or remove it to start anew"
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(lines, encoding="utf-8")


def read_records(path: Path) -> tuple[Record, ...]:
    """What `write_records` wrote."""
    with path.open(encoding="utf-8") as lines:
        return tuple(_record(json.loads(line)) for line in lines)


def records_digest(path: Path) -> str:
    """sha256 of the file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _names(shards: Path) -> dict[str, str]:
    """Key of the sample by everything that it is called."""
    folder, manifest = shard_folder(shards), read_manifest(shards)
    keys: dict[str, str] = {}
    for shard in manifest.shards:
        columns = pq.read_table(
            folder / f"{shard.stem}.parquet", columns=["key", "sha256", "record"]
        )
        for row in columns.to_pylist():
            source = Path(str(json.loads(row["record"]).get("source", "")))
            number = _NUMBER.search(source.stem)
            called = {row["key"], row["sha256"], str(source), source.name, source.stem}
            if number:
                called.add(str(int(number[1])))
            for name in called - {None, "", "."}:
                keys[name] = row["key"] if keys.get(name, row["key"]) == row["key"] else _AMBIGUOUS
    return keys


def _seen(regions: Path | None) -> Callable[[str], bool]:
    """Whether the detector found anything in the image of a key."""
    return (lambda _key: True) if regions is None else RegionsReader(regions).__contains__


def _record(plain: dict[str, Any]) -> Record:
    rows, box = plain.pop("rows"), plain.pop("box")
    return Record(rows=tuple(Row(**row) for row in rows), box=tuple(box) if box else None, **plain)
