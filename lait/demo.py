"""What is the main job, from a web to a scored model, on the demo world?"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lait.world.build import DEMO, TINY, World, WorldSize, build_world

if TYPE_CHECKING:
    from filter.funnel import Funnel
    from filter.relevance.evaluate import Report
    from lait.train import Result
    from lait.world.judge import Judgement
    from pretrain.evaluate.retrieval import RetrievalReport

SIZES = {"demo": DEMO, "tiny": TINY}
STAGES = ("web", "clean")
"""Out-of-domain first, in-domain after: ImageBERT's curriculum."""
HELD_OUT = "eval"

Progress = Callable[..., None]
"""Called with (done, total)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the parts of a demo lie."""

    root: Path

    @property
    def world(self) -> Path:
        return self.root / "world"

    @property
    def relevance(self) -> Path:
        return self.root / "relevance"

    @property
    def curated(self) -> Path:
        return self.root / "curated"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def report(self) -> Path:
        return self.root / "retrieval.json"

    def shards(self, name: str) -> Path:
        """The shard set of a stage, or of the held-out set."""
        return self.curated if name == STAGES[0] else self.root / name

    def regions(self, name: str) -> Path:
        """Its regions."""
        return self.root / "regions" / name


def make_world(layout: Layout, size: WorldSize, seed: int) -> World:
    """Step 1: a small synthetic web, its gold answers, and the supervised and clean sets."""
    return build_world(layout.world, size=size, seed=seed)


def train_relevance(layout: Layout, world: World, progress: Progress) -> "Report":
    """Step 2: the weak relevance model, from a small supervised set."""
    from filter.relevance.config import RelevanceConfig
    from filter.relevance.train import train

    return train(world.supervised, layout.relevance, config=RelevanceConfig(), progress=progress)
