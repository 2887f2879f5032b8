"""What is the main job, from a web to a scored model, on the demo world?"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lait.world.build import DEMO, TINY, World, WorldSize, build_world

if TYPE_CHECKING:
    from filter.funnel import Funnel
    from filter.relevance.report import Report
    from lait.train import Progress as StepProgress
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


def curate_web(layout: Layout, world: World, workers: int) -> "tuple[Funnel, Judgement]":
    """Step 3: crawl, filter and shard the web with Beam, and judge every filter by the gold."""
    from lait.config import load_config
    from lait.curate import curate
    from lait.world.judge import judge

    funnel = curate(
        [str(archive) for archive in world.archives],
        layout.curated,
        config=load_config(),
        relevance=layout.relevance,
        workers=workers,
    )
    return funnel, judge(layout.curated, layout.world)


def pack_pairs(layout: Layout, world: World) -> None:
    """Step 4: the clean in-domain set and the held-out set become shards as well."""
    from shards.config import ShardsConfig
    from shards.pack import pack

    for name, pairs in ((STAGES[1], world.clean), (HELD_OUT, world.eval)):
        pack(pairs, layout.shards(name), ShardsConfig())


def find_regions(layout: Layout, world: World, progress: Progress) -> None:
    """Step 5: region features beside every set."""
    from pretrain.regions.world import WorldDetector
    from pretrain.regions.write import write_regions

    detector = WorldDetector(world.annotations)
    for name in (*STAGES, HELD_OUT):
        write_regions(
            layout.shards(name), layout.regions(name), detector=detector, progress=progress
        )


def pretrain_imagebert(
    layout: Layout, workers: int, seed: int, progress: "Callable[[StepProgress], None]"
) -> "Result":
    """Step 6: ImageBERT in two stages under Ray."""
    from lait.train import StageData, pretrain
    from pretrain.recipe import load

    stages = [
        StageData(name=name, shards=layout.shards(name), regions=layout.regions(name))
        for name in STAGES
    ]
    recipe = load("imagebert", shrink=True)
    return pretrain(recipe, stages, layout.model, workers=workers, seed=seed, progress=progress)


def evaluate_retrieval(layout: Layout, progress: Progress) -> "RetrievalReport":
    """Step 7: zero-shot retrieval on scenes that no step has seen."""
    from pretrain.evaluate.retrieval import evaluate

    report = evaluate(
        layout.model, layout.shards(HELD_OUT), layout.regions(HELD_OUT), progress=progress
    )
    layout.report.write_text(json.dumps(report.as_dict(), indent=1) + "\n", encoding="utf-8")
    return report
