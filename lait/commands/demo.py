"""How does a person see the main job run on the embedded world?"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from lait import screen

DEMO_EPILOG = """Examples:

  lait demo

  lait demo --out elsewhere --seed 7

Afterwards: lait shards inspect out/demo/curated, or open review/review.ipynb.
"""
WORLD_EPILOG = """Examples:

  lait world world

  lait world world --size tiny --seed 3
"""
Size = Annotated[Literal["demo", "tiny"], typer.Option(help="tiny: everything once, for tests.")]
Seed = Annotated[int, typer.Option(help="Another seed, another world.", min=0, max=9999)]


def register(app: typer.Typer) -> None:
    """Put `demo` and `world` on the command line."""
    app.command(epilog=DEMO_EPILOG)(demo)
    app.command(epilog=WORLD_EPILOG)(world)


def world(
    out: Annotated[Path, typer.Argument(help="Folder of the world.")],
    size: Size = "demo",
    seed: Seed = 0,
) -> None:
    """Make the demo world: web archives with their gold answers, and sets of pairs."""
    from lait.demo import SIZES
    from lait.world.build import build_world

    built = build_world(out, size=SIZES[size], seed=seed)
    rows = list(built.counts.items())
    screen.out.print(screen.table(f"World of seed {seed}: {out}", ("", "#count"), rows))


def demo(
    out: Annotated[Path, typer.Option(help="Folder of everything the demo makes.")] = Path(
        "out/demo"
    ),
    size: Size = "demo",
    seed: Seed = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes for Beam and Ray; two where there are two.")
    ] = None,
) -> None:
    """The main job, end to end: a web is crawled, filtered, sharded, trained on and scored."""
    from lait import demo as job
    from lait.commands.curation import show_funnel, show_judgement
    from lait.commands.relevance import show_report
    from lait.commands.training import StepMeter, show_losses, show_retrieval

    layout = job.Layout(root=out)
    workers = workers or min(2, os.cpu_count() or 1)
    started = time.monotonic()
    with step("1/7 a small synthetic web with its gold answers"):
        built = job.make_world(layout, job.SIZES[size], seed)
    with step("2/7 a weak relevance model from few supervised pairs"), screen.meter("images") as m:
        report = job.train_relevance(layout, built, m)
    show_report(report)
    with step("3/7 crawl, filter and shard the web with Beam"):
        funnel, judgement = job.curate_web(layout, built, workers)
    show_funnel(funnel)
    show_judgement(judgement)
    with step("4/7 shards of the clean in-domain pairs"):
        job.pack_pairs(layout, built)
    with step("5/7 region features"), screen.meter("images") as m:
        job.find_regions(layout, built, m)
    with step("6/7 ImageBERT in two stages under Ray"), screen.meter("steps") as m:
        result = job.pretrain_imagebert(layout, workers, seed, StepMeter(m))
    show_losses(result)
    with step("7/7 zero-shot retrieval on unseen scenes"), screen.meter("pairs") as m:
        retrieval = job.evaluate_retrieval(layout, m)
    show_retrieval(retrieval)
    screen.err.print(f"done in {time.monotonic() - started:.0f} s; all of it is in {out}")


@contextmanager
def step(title: str) -> Iterator[None]:
    """Name a step before it starts and say how long it took."""
    screen.err.rule(title, align="left")
    started = time.monotonic()
    yield
    screen.err.print(f"{time.monotonic() - started:.0f} s", style="dim", highlight=False)
