"""How does the demo world get onto a disk, whole or not at all?"""

import json
import logging
import multiprocessing
import shutil
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from lait.world.annotation import Annotation
from lait.world.gold import write_gold
from lait.world.sets import write_clean, write_eval, write_supervised
from lait.world.web import Web, make_web
from lait.world.web_warc import write_warc

_LOG = logging.getLogger(__name__)

WORLD_VERSION: Final = 1
"""Raised whenever the same seed and size would give other bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSize:
    """How much of everything a world has."""

    n_pages: int
    """About as many pages; every phenomenon is there at least once whatever the number."""
    n_archives: int
    """WARC files, the last of them not compressed."""
    short_sides_px: tuple[int, ...]
    """Shorter sides of ordinary main images, at least 301."""
    n_supervised: int
    """Images of the supervised set."""
    n_clean: int
    n_eval: int


TINY: Final = WorldSize(
    n_pages=1,
    n_archives=4,
    short_sides_px=(301, 310),
    n_supervised=12,
    n_clean=12,
    n_eval=8,
)
"""For tests: every phenomenon once."""

DEMO: Final = WorldSize(
    n_pages=700,
    n_archives=5,
    short_sides_px=(310, 330, 360, 400),
    n_supervised=400,
    n_clean=400,
    n_eval=100,
)
"""For `lait demo`: about 450 pairs worth keeping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A finished demo world and where its parts lie."""

    root: Path
    size: WorldSize
    seed: int
    counts: Mapping[str, int]
    """Pages, gold rows, rows to keep, and more; as in `world.json`."""

    @property
    def archives(self) -> tuple[Path, ...]:
        return tuple(sorted((self.root / "web").iterdir()))

    @property
    def gold(self) -> Path:
        return self.root / "gold.jsonl"

    @property
    def annotations(self) -> Path:
        return self.root / "annotations.jsonl"

    @property
    def supervised(self) -> Path:
        return self.root / "supervised" / "pairs.jsonl"

    @property
    def clean(self) -> Path:
        return self.root / "clean" / "pairs.jsonl"

    @property
    def eval(self) -> Path:
        return self.root / "eval" / "pairs.jsonl"


def build_world(out: Path, *, size: WorldSize, seed: int = 0) -> World:
    """The world of a seed and a size in the folder `out`; the same options give the same bytes.

    A finished world of the same seed and size is left as it is. The world is built in a folder
    beside `out` and renamed when `world.json`, its last file, has been written: `out` is never
    half a world.

    Raises:
        ValueError: `out` is a file, holds something else or another world, or cannot be written.
    """
    found = _existing(out, size, seed)
    if found:
        return found
    partial = out.with_name(f".{out.name}.partial")
    try:
        if partial.exists():
            shutil.rmtree(partial)
        (partial / "web").mkdir(parents=True)
        world = _build(partial, size, seed)
        if out.exists():
            out.rmdir()
        partial.rename(out)
    except OSError as error:
        raise ValueError(f"cannot write the demo world to {out}: {error.strerror}") from error
    return World(root=out, size=world.size, seed=world.seed, counts=world.counts)


def _existing(out: Path, size: WorldSize, seed: int) -> World | None:
    """The world that is already there; None when the folder is free."""
    if not out.exists():
        return None
    if not out.is_dir():
        raise ValueError(f"{out} is a file: choose a folder for the demo world")
    if not any(out.iterdir()):
        return None
    marker = out / "world.json"
    if not marker.is_file():
        raise ValueError(f"{out} holds something that is no demo world: choose an empty folder")
    try:
        about = json.loads(marker.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{marker} is damaged: delete {out} or choose another folder") from error
    if {key: about.get(key) for key in ("version", "seed", "size")} != _identity(size, seed):
        raise ValueError(
            f"{out} holds another demo world (version {about.get('version')}, seed "
            f"{about.get('seed')}, {about.get('counts', {}).get('pages')} pages): "
            "choose another folder or delete it"
        )
    return World(root=out, size=size, seed=seed, counts=about["counts"])


def _build(root: Path, size: WorldSize, seed: int) -> World:
    # Drawing is what takes the time: the sets are drawn on a second core, beside the web.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        sets = pool.submit(_write_sets, root, size, seed)
        web = _write_web(root, size, seed)
        records = [*web.annotations, *sets.result()]
    with (root / "annotations.jsonl").open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    counts = _counts(web, len(records))
    about = {**_identity(size, seed), "counts": counts}
    (root / "world.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    _LOG.info("demo world: %(pages)d pages, %(candidates)d images, %(keep)d to keep", counts)
    return World(root=root, size=size, seed=seed, counts=counts)


def _write_web(root: Path, size: WorldSize, seed: int) -> Web:
    web = make_web(
        n_pages=size.n_pages,
        n_archives=size.n_archives,
        short_sides_px=size.short_sides_px,
        seed=seed,
    )
    for number, responses in enumerate(web.archives):
        suffix = ".warc" if number == size.n_archives - 1 else ".warc.gz"
        write_warc(root / "web" / f"{number:05}{suffix}", responses)
    write_gold(root / "gold.jsonl", web.rows)
    return web


def _write_sets(root: Path, size: WorldSize, seed: int) -> list[Annotation]:
    return [
        *write_supervised(root / "supervised", world_seed=seed, n_images=size.n_supervised),
        *write_clean(root / "clean", world_seed=seed, n_images=size.n_clean),
        *write_eval(root / "eval", world_seed=seed, n_images=size.n_eval),
    ]


def _identity(size: WorldSize, seed: int) -> dict[str, object]:
    """What tells worlds apart, as JSON gives it back."""
    return {
        "version": WORLD_VERSION,
        "seed": seed,
        "size": asdict(size) | {"short_sides_px": list(size.short_sides_px)},
    }


def _counts(web: Web, n_annotations: int) -> dict[str, int]:
    drops = Counter(row.drop for row in web.rows if row.drop)
    return {
        "pages": web.n_pages,
        "responses": sum(map(len, web.archives)),
        "candidates": len(web.rows),
        "keep": sum(row.keep for row in web.rows),
        "annotations": n_annotations,
        **{f"drop {reason}": drops[reason] for reason in sorted(drops)},
    }
