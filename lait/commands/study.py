"""How does a person ask whether the curriculum, or curation, pays?"""

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lait import screen

if TYPE_CHECKING:
    from rich.console import Group

    from lait.study import Outcome, Study
    from lait.train import Progress
    from lait.zoo_table import Zoo

EPILOG = """Examples:

  lait study curriculum --demo out/demo --out out/study/curriculum

  lait study curation --demo out/demo --out out/study/curation --seeds 0 --seeds 1

  lait study real --captions ../shared/data/captions --out out/study/real

Every arm is shown the same number of pairs. The same command again goes on where it stopped.
"""

ZOO_EPILOG = """Examples:

  lait zoo --demo out/demo --out out/zoo --page docs/recipes.md

  lait zoo --demo out/demo --out out/zoo --recipe imagebert --recipe lxmert --scale 0.5

The same command again goes on where it stopped.
"""


def register(app: typer.Typer) -> None:
    """Put `study` and `zoo` on the command line."""
    app.command(epilog=EPILOG)(study)
    app.command(epilog=ZOO_EPILOG)(zoo)


def study(
    question: Annotated[str, typer.Argument(help="`curriculum`, `curation` or `real`.")],
    out: Annotated[Path, typer.Option(help="Folder of data sets, runs and study.json.")],
    demo: Annotated[Path | None, typer.Option(help="Folder of a finished `lait demo`.")] = None,
    captions: Annotated[
        Path | None, typer.Option(help="Of `real`: folder of the textbooks' train.jsonl.")
    ] = None,
    seeds: Annotated[list[int] | None, typer.Option(help="One run of every arm each.")] = None,
    scale: Annotated[float, typer.Option(help="Of the recipe's epochs.")] = 1.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes of Ray Train.")] = 2,
) -> None:
    """Train the same small model on different data at equal compute, over several seeds."""
    from lait.study import run_study

    needed, source = ("--captions", captions) if question == "real" else ("--demo", demo)
    if source is None:
        raise ValueError(f"study {question} needs {needed} DIR")
    with screen.meter("steps") as meter:
        told = _Teller(meter)
        done = run_study(
            question,
            source,
            out,
            seeds=tuple(seeds) if seeds else (0, 1, 2),
            scale=scale,
            workers=workers,
            tell=told.arm,
            steps=told.step,
        )
    show_study(done)
    screen.err.print(f"every run: {out}", highlight=False)


def zoo(
    demo: Annotated[Path, typer.Option(help="Folder of a finished `lait demo`.")],
    out: Annotated[Path, typer.Option(help="Folder of the runs and zoo.json.")],
    recipe: Annotated[list[str] | None, typer.Option(help="Some recipes; else all.")] = None,
    page: Annotated[Path | None, typer.Option(help="Markdown file of the table.")] = None,
    scale: Annotated[float, typer.Option(help="Of the epochs.")] = 1.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes of Ray Train.")] = 2,
    seed: Annotated[int, typer.Option(help="Of every random decision.")] = 0,
) -> None:
    """Pretrain the small version of every recipe in two stages, and score all alike."""
    from lait.zoo import run_zoo
    from lait.zoo_table import page_of

    with screen.meter("steps") as meter:
        told = _Teller(meter)
        done = run_zoo(
            demo,
            out,
            recipes=recipe or (),
            scale=scale,
            workers=workers,
            seed=seed,
            tell=told.arm,
            steps=told.step,
        )
    if page is not None:
        page.write_text(page_of(done), encoding="utf-8")
    screen.out.print(zoo_table(done))
    screen.err.print(f"every run: {out}", highlight=False)


def zoo_table(done: "Zoo") -> "Group":
    """The table as a terminal shows it."""
    from lait.zoo_table import NARROW, rows_of

    first, *others = (title for title, _ in NARROW)
    columns = [first, *(f"#{title}" for title in others)]
    note = f"chance {done.chance.r1:.3f}, R@10 {done.chance.r10:.3f}"
    rows = rows_of(done, NARROW)
    return screen.table("Retrieval, both directions", columns, rows, note=note)


class _Teller:
    """Which arm runs, and how far it is, on one line."""

    def __init__(self, meter: screen.Meter) -> None:
        self._meter = meter
        self._arm = ""

    def arm(self, name: str, done: int, total: int) -> None:
        self._arm = f"run {done + 1} of {total}, {name}"

    def step(self, at: "Progress") -> None:
        loss = f"{at.stage}: loss {at.metrics['loss']:.2f}"
        self._meter(at.step, at.total_steps, f"{self._arm}, {loss}")


def show_study(study: "Study") -> None:
    """Recall at 1 of every arm: mean and standard deviation over the seeds."""
    rows = [
        (
            outcome.arm,
            outcome.n_images,
            _spread(outcome.text_r1),
            _spread(outcome.image_r1),
            _spread(outcome.both),
            _spread(outcome.both_r10),
        )
        for outcome in sorted(study.outcomes, key=_mean, reverse=True)
    ]
    columns = ("arm", "#images", "#image to text", "#text to image", "#both", "#both, R@10")
    first = study.outcomes[0]
    note = (
        f"{len(study.seeds)} seeds, {study.pairs:,} pairs shown to every arm, "
        f"mean ± standard deviation; chance {first.chance_r1:.3f}, R@10 {first.chance_r10:.3f}"
    )
    screen.out.print(screen.table(f"Zero-shot R@1: {study.question}", columns, rows, note=note))


def _mean(outcome: "Outcome") -> float:
    return statistics.fmean(outcome.both)


def _spread(values: tuple[float, ...]) -> str:
    mean = statistics.fmean(values)
    return f"{mean:.3f} ± {statistics.stdev(values):.3f}" if len(values) > 1 else f"{mean:.3f}"
