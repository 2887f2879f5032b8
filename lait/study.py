"""Does it pay? The same small model on different data, at equal compute, over several seeds.

Two questions can be asked of a finished demo: does ImageBERT's curriculum (out-of-domain first,
in-domain after) beat one stage, and do curated pairs teach more than uncurated ones? The first can
be asked of real pairs, too: of the figures of textbooks.
"""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lait.demo import HELD_OUT, STAGES, Layout
from lait.study_data import uncurated_set, union_set
from lait.study_real import real_recipe, real_sets
from lait.train import StageData, pretrain, ray_session
from pretrain.evaluate.plot import Bar, bars
from pretrain.evaluate.retrieval import evaluate
from pretrain.recipe import Recipe, load, staged, with_settings
from shards.aside import publish_bytes
from shards.manifest import read_manifest

if TYPE_CHECKING:
    from lait.train import Progress
    from pretrain.evaluate.retrieval import RetrievalReport

QUESTIONS: Final = ("curriculum", "curation", "real")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to spend the same number of pairs."""

    name: str
    stages: tuple[StageData, ...]
    pairs: tuple[int, ...]
    """Images shown in each stage; their sum is the same for all arms of a study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a question is asked of."""

    recipe: Recipe
    arms: tuple[Arm, ...]
    held_out: StageData


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one arm reached, over the seeds."""

    arm: str
    n_images: int
    """Distinct images the arm has seen."""
    text_r1: tuple[float, ...]
    """Recall at 1 of image to text, one a seed."""
    image_r1: tuple[float, ...]
    """Of text to image."""
    both_r10: tuple[float, ...]
    """Recall at 10, the mean of both directions, one a seed."""
    chance_r1: float
    chance_r10: float

    @property
    def both(self) -> tuple[float, ...]:
        """The mean of both directions, one a seed."""
        return tuple((t + i) / 2 for t, i in zip(self.text_r1, self.image_r1, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A finished study."""

    question: str
    pairs: int
    """Images shown to every arm, repetitions counted."""
    seeds: tuple[int, ...]
    outcomes: tuple[Outcome, ...]


def run_study(
    question: str,
    source: Path,
    out: Path,
    *,
    seeds: Sequence[int],
    scale: float = 1.0,
    workers: int = 2,
    recipe: Recipe | None = None,
    tell: Callable[[str, int, int], None] = lambda arm, done, total: None,
    steps: "Callable[[Progress], None]" = lambda progress: None,
) -> Study:
    """Train every arm with every seed and score it on pairs that none has seen.

    Finished runs are kept, so an interrupted study goes on with the same call.

    Args:
        question: One of `QUESTIONS`.
        source: Folder of a finished `lait demo`; of `real`: the folder of the figures.
        out: Folder of the study: data sets, runs, `study.svg`, `study.json` last.
        seeds: One run of every arm for each.
        scale: Of the recipe's epochs: 0.5 shows every arm half as many pairs.
        workers: Processes of Ray Train.
        recipe: The model; None: ImageBERT's small version, of `real` fitted to its texts.
        tell: Called with (arm, runs done, runs in all).
        steps: Called with the progress of each run.

    Raises:
        ValueError: an unknown question, a source that is not finished or lacks a part, or no seed.
    """
    if question not in QUESTIONS:
        raise ValueError(f"study {question!r}: choose one of {', '.join(QUESTIONS)}")
    if not seeds or scale <= 0:
        raise ValueError(f"{len(seeds)} --seeds at --scale {scale}: both must be above zero")
    ground = _ground(question, source, out, recipe, scale)
    arms = ground.arms
    reports: dict[str, list[RetrievalReport]] = {arm.name: [] for arm in arms}
    total = len(arms) * len(seeds)
    # One session for all runs: to start one takes longer than a small run.
    with ray_session(workers):
        for done, (seed, arm) in enumerate((seed, arm) for seed in seeds for arm in arms):
            tell(arm.name, done, total)
            folder = out / "runs" / arm.name / f"seed-{seed}"
            fitted = _fitted(ground.recipe, arm)
            pretrain(fitted, arm.stages, folder, workers=workers, seed=seed, progress=steps)
            held_out = ground.held_out
            reports[arm.name].append(evaluate(folder, held_out.shards, held_out.regions))
    tell("", total, total)
    study = Study(
        question=question,
        pairs=sum(arms[0].pairs),
        seeds=tuple(seeds),
        outcomes=tuple(_outcome(arm, reports[arm.name]) for arm in arms),
    )
    publish_bytes(out / "study.svg", plot_of(study).encode())
    publish_bytes(out / "study.json", json.dumps(asdict(study), indent=1).encode() + b"\n")
    return study


def plot_of(study: Study) -> str:
    """Recall at 1 of every arm, the mean of both directions, as an SVG file."""
    rows = [
        Bar(
            label=outcome.arm,
            value=statistics.fmean(outcome.both),
            spread=statistics.stdev(outcome.both) if len(study.seeds) > 1 else 0.0,
            chance=outcome.chance_r1,
        )
        for outcome in study.outcomes
    ]
    return bars(f"Zero-shot R@1: {study.question}, {len(study.seeds)} seeds", rows)


def _ground(question: str, source: Path, out: Path, recipe: Recipe | None, scale: float) -> Ground:
    """The arms of a question, their data made."""
    if question == "real":
        return _real(source, out, recipe or real_recipe(), scale)
    layout = Layout(root=source)
    for name in (*STAGES, HELD_OUT):
        read_manifest(layout.shards(name))  # says what is missing
    recipe = recipe or load("imagebert", shrink=True)
    web, clean, held_out = (
        StageData(name=name, shards=layout.shards(name), regions=layout.regions(name))
        for name in (*STAGES, HELD_OUT)
    )
    if question == "curriculum":
        union = union_set(layout, out / "data" / "union")
        arms = _curriculum(recipe, scale, web, clean, union)
    else:
        uncurated = uncurated_set(layout, out / "data" / "uncurated")
        total = sum(_shown(recipe, scale, web, clean))
        arms = (
            Arm(name="curated", stages=(web,), pairs=(total,)),
            Arm(name="uncurated", stages=(uncurated,), pairs=(total,)),
        )
    return Ground(recipe=recipe, arms=arms, held_out=held_out)


def _real(source: Path, out: Path, recipe: Recipe, scale: float) -> Ground:
    sets = real_sets(source, out / "data")
    arms = _curriculum(recipe, scale, sets.captions, sets.alts, sets.union)
    return Ground(recipe=recipe, arms=arms, held_out=sets.held_out)


def _curriculum(
    recipe: Recipe, scale: float, first: StageData, then: StageData, union: StageData
) -> tuple[Arm, ...]:
    """Two stages, each of their sets alone, and one stage on both: the arms of the paper."""
    shown = _shown(recipe, scale, first, then)
    total = sum(shown)
    return (
        Arm(name=f"{first.name}, then {then.name}", stages=(first, then), pairs=shown),
        Arm(name=f"{first.name} alone", stages=(first,), pairs=(total,)),
        Arm(name=f"{then.name} alone", stages=(then,), pairs=(total,)),
        Arm(name="both in one stage", stages=(union,), pairs=(total,)),
    )


def _shown(recipe: Recipe, scale: float, *stages: StageData) -> tuple[int, ...]:
    """Images that the recipe's own epochs show in each stage."""
    own = staged(recipe, tuple(data.name for data in stages)).stages
    return tuple(
        round(stage.epochs * scale * _n_images(data))
        for stage, data in zip(own, stages, strict=True)
    )


def _fitted(recipe: Recipe, arm: Arm) -> Recipe:
    """The recipe with the arm's stages, each as long as the arm says."""
    fitted = staged(recipe, tuple(data.name for data in arm.stages))
    epochs = {
        f"stages.{data.name}.epochs": pairs / _n_images(data)
        for data, pairs in zip(arm.stages, arm.pairs, strict=True)
    }
    return with_settings(fitted, epochs)


def _outcome(arm: Arm, reports: "Iterable[RetrievalReport]") -> Outcome:
    found = list(reports)
    chances = (found[0].chance_text_retrieval, found[0].chance_image_retrieval)
    return Outcome(
        arm=arm.name,
        n_images=sum(_n_images(data) for data in arm.stages),
        text_r1=tuple(report.text_retrieval.r1 for report in found),
        image_r1=tuple(report.image_retrieval.r1 for report in found),
        both_r10=tuple((r.text_retrieval.r10 + r.image_retrieval.r10) / 2 for r in found),
        chance_r1=statistics.fmean(chance.r1 for chance in chances),
        chance_r10=statistics.fmean(chance.r10 for chance in chances),
    )


def _n_images(data: StageData) -> int:
    return read_manifest(data.shards).n_samples
