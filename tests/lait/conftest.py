"""Real runs over the small world that several tests ask questions of."""

from pathlib import Path

import pytest

from lait.config import load_config
from lait.curate import curate
from lait.world.build import TINY, build_world

LOOSE = (
    "filter.require_main_image=false",
    "filter.min_side_px=32",
    "filter.min_image_bytes=100",
    "filter.max_aspect_ratio=50",
    "filter.min_words=1",
    "filter.max_oov_share=1",
    "filter.max_images_per_text=1000",
    "filter.max_phash_distance=null",
)
"""Settings under which nearly every image is decoded, so that a replay can judge it."""


@pytest.fixture(scope="session")
def some_archives(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Half of the small world."""
    world = build_world(tmp_path_factory.mktemp("world") / "world", size=TINY, seed=0)
    return [str(path) for path in world.archives[:2]]


@pytest.fixture(scope="session")
def strict_run(some_archives: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with the default settings."""
    out = tmp_path_factory.mktemp("strict") / "run"
    curate(some_archives, out, config=load_config(), relevance=None)
    return out


@pytest.fixture(scope="session")
def loose_run(some_archives: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over the same archives that drops little."""
    out = tmp_path_factory.mktemp("loose") / "run"
    curate(some_archives, out, config=load_config(None, LOOSE), relevance=None)
    return out
