"""A small finished run on disk, with as hostile words as a test wants."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image, ImageDraw

from filter.config import FilterConfig
from filter.ledger import SCHEMA, THUMBNAIL_SCHEMA, write_table
from shards.manifest import FunnelRow, Manifest, write_manifest

Row = dict[str, Any]
RunMaker = Callable[..., Path]

DEFAULTS: Row = {
    "page_url": "https://news.example/story",
    "image_url": "https://news.example/story.jpg",
    "alternative_urls": [],
    "page_file": "web/00000.warc.gz",
    "page_offset": 1234,
    "language": "en",
    "language_score": 0.93,
    "main_score": 0.7,
    "is_main": True,
    "opt_out": [],
    "texts": [],
    "kept": True,
}


def row(n: int, **fields: Any) -> Row:
    """The n-th candidate; what is not said is like any kept one."""
    digest = hashlib.sha256(f"candidate {n}".encode()).hexdigest()[:32]
    found = DEFAULTS | {"candidate_id": digest} | fields
    found["kept"] = found.get("reason") is None
    return {name: found.get(name) for name in SCHEMA.names}


def jpeg(n: int, size: tuple[int, int] = (128, 96)) -> bytes:
    """A picture that differs with n."""
    picture = Image.new("RGB", size, ((n * 53) % 200 + 40, (n * 97) % 200 + 40, 120))
    ImageDraw.Draw(picture).ellipse((20, 10, size[0] - 20, size[1] - 10), fill=(245, 235, 200))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    return out.getvalue()


def several_fates(per_fate: int = 20) -> list[Row]:
    """Rows of a plausible cascade: five fates, scores spread around their thresholds."""
    rows = []
    for n in range(per_fate):
        share = n / per_fate
        words = {"texts": [{"source": "alt", "text": "a red bus in a street", "score": 0.8}]}
        pixels = {"width_px": 640 + n, "height_px": 480, "n_bytes": 20_000 + 999 * n}
        chosen = {"text": f"a red bus number {n} in a street", "text_source": "alt"} | words
        rows += [
            row(5 * n, language_score=0.4 * share, stage="page", reason="language",
                detail="de | en", language="de"),
            row(5 * n + 1, stage="text", reason="text_short", value=1.0 + n % 2, threshold=3.0,
                texts=[{"source": "alt", "text": "bus"[: 1 + n % 3], "drop": "text_short"}]),
            row(5 * n + 2, stage="size", reason="min_side", value=300.0 - n, threshold=300.0,
                width_px=500, height_px=300 - n, n_bytes=9_000, **words),
            row(5 * n + 3, stage="relevance", reason="relevance", value=0.5 * share,
                threshold=0.5, relevance=0.5 * share, **chosen, **pixels),
            row(5 * n + 4, relevance=0.5 + 0.5 * share, **chosen, **pixels),
        ]  # fmt: skip
    return rows


@pytest.fixture
def make_run(tmp_path: Path) -> RunMaker:
    """Writes a finished run of the given rows (default: several fates) and returns its folder."""

    def make(
        rows: Sequence[Row] | None = None,
        thumbnails: dict[str, bytes] | None = None,
        name: str = "run",
        files: int = 2,
    ) -> Path:
        rows = several_fates() if rows is None else rows
        folder = tmp_path / name
        for n in range(files):
            table = pa.Table.from_pylist(list(rows[n::files]), schema=SCHEMA)
            write_table(folder / "ledger" / f"{n:05d}.parquet", table)
        pictures = [
            {"candidate_id": key, "reason": "", "thumbnail": picture}
            for key, picture in (thumbnails or {}).items()
        ]
        write_table(
            folder / "thumbnails" / "00000.parquet",
            pa.Table.from_pylist(pictures, schema=THUMBNAIL_SCHEMA),
        )
        config = {"config": {"filter": FilterConfig().model_dump()}, "config_hash": "0" * 64}
        (folder / "config.json").write_text(json.dumps(config))
        write_counts(folder, rows)
        return folder

    return make


def write_counts(folder: Path, rows: Sequence[Row]) -> None:
    """The manifest of a run: its counts are those of the rows, its shards do not matter here."""
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    fates = Counter((r["stage"], r["reason"]) for r in rows if not r["kept"])
    funnel = tuple(
        FunnelRow(stage=stage, reason=reason, count=count)
        for (stage, reason), count in sorted(fates.items())
    )
    manifest = Manifest(
        config_hash="0" * 64,
        code_version="0.1.0",
        shards=(),
        seen=len(rows),
        kept=len(rows) - sum(fates.values()),
        funnel=funnel,
        tombstone_version=1,  # a takedown may leave fewer samples than were kept: here, none
    )
    write_manifest(folder / "shards", manifest)
