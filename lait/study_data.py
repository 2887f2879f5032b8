"""Which data sets does a study need beside those of the demo?"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from crawl.bodies import BodyTooLarge
from crawl.config import CrawlConfig
from crawl.transforms import Readers
from filter.config import FilterConfig
from filter.decode import decode
from filter.fetch import file_name
from filter.ledger import read_columns
from filter.recipe import lait as lait_recipe
from filter.verdict import Drop
from lait.demo import STAGES, Layout
from lait.train import StageData
from pretrain.data import captions_of
from pretrain.regions.detector import Detector
from pretrain.regions.world import WorldDetector
from pretrain.regions.write import write_regions
from shards.config import ShardsConfig
from shards.manifest import NAME
from shards.pack import pack
from shards.read import ShardReader

Picture = tuple[bytes, tuple[str, ...]]
"""Image bytes, and all that is said to be true of them."""

_LEDGER_COLUMNS: Final = ["candidate_id", "texts", "image_file", "image_offset", "image_status"]


def union_set(layout: Layout, folder: Path) -> StageData:
    """Both stages' sets as one: the single stage that ImageBERT's curriculum is held against."""
    return make_set(folder, "union", _of_shards(layout), detector=_of_world(layout))


def uncurated_set(layout: Layout, folder: Path) -> StageData:
    """Every image of the demo's web that has an alt text and can be decoded at all.

    That is LAION's rule for a candidate, before any model has looked: no main image, no size, no
    language, no relevance. What the run's ledger lists is read from the archives again.
    """
    return make_set(folder, "uncurated", _of_ledger(layout), detector=_of_world(layout))


def make_set(
    folder: Path, name: str, pictures: Iterable[Picture], *, detector: Detector
) -> StageData:
    """The set as shards with regions under `folder`; what an earlier call finished is kept."""
    shards, regions = folder / "shards", folder / "regions"
    if not (shards / NAME).is_file():
        loose = folder / "loose"
        shutil.rmtree(loose, ignore_errors=True)
        pack(_write_loose(loose, pictures), shards, ShardsConfig())
        shutil.rmtree(loose)
    write_regions(shards, regions, detector=detector)
    return StageData(name=name, shards=shards, regions=regions)


def _of_shards(layout: Layout) -> Iterator[Picture]:
    for name in STAGES:
        with ShardReader(layout.shards(name)) as reader:
            for i in range(len(reader)):
                sample = reader.sample(i)
                yield sample.image, captions_of(sample)


def _of_ledger(layout: Layout) -> Iterator[Picture]:
    limits = lait_recipe(FilterConfig(min_image_bytes=0), CrawlConfig()).limits
    readers, web = Readers(), layout.world / "web"
    rows = [row for t in read_columns(layout.curated, _LEDGER_COLUMNS) for row in t.to_pylist()]
    rows.sort(key=lambda row: str(row["candidate_id"]))
    try:
        for row in rows:
            alts = tuple(text["text"] for text in row["texts"] if text["source"] == "alt")
            if not alts or row["image_status"] != 200:
                continue
            try:
                archive = str(web / file_name(row["image_file"]))
                image = readers.body(archive, row["image_offset"], limits.max_bytes)
            except (BodyTooLarge, ValueError):
                continue  # no pair: there is no picture
            if not isinstance(decode(image, limits), Drop):
                yield image, alts[:1]
    finally:
        readers.close()


def _of_world(layout: Layout) -> WorldDetector:
    return WorldDetector(layout.world / "annotations.jsonl")


def _write_loose(folder: Path, pictures: Iterable[Picture]) -> Path:
    """Pictures as files beside a list of lines, which is what `pack` reads."""
    folder.mkdir(parents=True)
    lines = []
    for image, texts in pictures:
        name = hashlib.sha256(image).hexdigest()
        (folder / name).write_bytes(image)
        lines.append(json.dumps({"image": name, "texts": list(texts)}, ensure_ascii=False))
    listed = folder / "pairs.jsonl"
    listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return listed
