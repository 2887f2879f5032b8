"""Does it pay? The same small model on different data, at equal compute, over several seeds.

Two questions can be asked of a finished demo: does ImageBERT's curriculum (out-of-domain first,
in-domain after) beat one stage, and do curated pairs teach more than uncurated ones?
"""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lait.demo import HELD_OUT, STAGES, Layout
from lait.study_data import uncurated_set, union_set
from lait.train import StageData, pretrain
from pretrain.evaluate.retrieval import evaluate
from pretrain.recipe import Recipe, load, staged, with_settings
from shards.aside import publish_bytes
from shards.manifest import read_manifest

if TYPE_CHECKING:
    from lait.train import Progress
    from pretrain.evaluate.retrieval import RetrievalReport

QUESTIONS: Final = ("curriculum", "curation")
WEB, CLEAN = STAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to spend the same number of pairs."""

    name: str
    stages: tuple[StageData, ...]
    pairs: tuple[int, ...]
    """Images shown in each stage; their sum is the same for all arms of a study."""


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
    chance_r1: float

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
    demo: Path,
    out: Path,
    *,
    seeds: Sequence[int],
    scale: float = 1.0,
    workers: int = 2,
    recipe: Recipe | None = None,
    tell: Callable[[str, int, int], None] = lambda arm, done, total: None,
    steps: "Callable[[Progress], None]" = lambda progress: None,
) -> Study:
    """Train every arm with every seed and score it on the demo's held-out scenes.

    Finished runs are kept, so an interrupted study goes on with the same call.

    Args:
        question: One of `QUESTIONS`.
        demo: Folder of a finished `lait demo`.
        out: Folder of the study: data sets, runs, `study.json` last.
        seeds: One run of every arm for each.
        scale: Of the recipe's epochs: 0.5 shows every arm half as many pairs.
        workers: Processes of Ray Train.
        recipe: The model; None: ImageBERT's small version.
        tell: Called with (arm, runs done, runs in all).
        steps: Called with the progress of each run.

    Raises:
        ValueError: an unknown question, a demo that is not finished, or no seed.
    """
    if question not in QUESTIONS:
        raise ValueError(f"study {question!r}: choose one of {', '.join(QUESTIONS)}")
    if not seeds or scale <= 0:
        raise ValueError(f"{len(seeds)} --seeds at --scale {scale}: both must be above zero")
    layout = Layout(root=demo)
    for name in (*STAGES, HELD_OUT):
        read_manifest(layout.shards(name))  # says what is missing
    model = recipe or load("imagebert", shrink=True)
    arms = _arms(question, layout, out, model, scale)
    reports: dict[str, list[RetrievalReport]] = {arm.name: [] for arm in arms}
    total = len(arms) * len(seeds)
    for done, (seed, arm) in enumerate((seed, arm) for seed in seeds for arm in arms):
        tell(arm.name, done, total)
        folder = out / "runs" / arm.name / f"seed-{seed}"
        fitted = _fitted(model, arm)
        pretrain(fitted, arm.stages, folder, workers=workers, seed=seed, progress=steps)
        reports[arm.name].append(
            evaluate(folder, layout.shards(HELD_OUT), layout.regions(HELD_OUT))
        )
    tell("", total, total)
    study = Study(
        question=question,
        pairs=sum(arms[0].pairs),
        seeds=tuple(seeds),
        outcomes=tuple(_outcome(arm, reports[arm.name]) for arm in arms),
    )
    publish_bytes(out / "study.json", json.dumps(asdict(study), indent=1).encode() + b"\n")
    return study


def _arms(question: str, layout: Layout, out: Path, recipe: Recipe, scale: float) -> list[Arm]:
    """The arms of a question, their data made."""
    web = StageData(name=WEB, shards=layout.shards(WEB), regions=layout.regions(WEB))
    clean = StageData(name=CLEAN, shards=layout.shards(CLEAN), regions=layout.regions(CLEAN))
    own = staged(recipe, STAGES).stages
    shown = [
        round(stage.epochs * scale * _n_images(data))
        for stage, data in zip(own, (web, clean), strict=True)
    ]
    total = sum(shown)
    if question == "curriculum":
        union = union_set(layout, out / "data" / "union")
        return [
            Arm(name="web, then clean", stages=(web, clean), pairs=tuple(shown)),
            Arm(name="web alone", stages=(web,), pairs=(total,)),
            Arm(name="clean alone", stages=(clean,), pairs=(total,)),
            Arm(name="both in one stage", stages=(union,), pairs=(total,)),
        ]
    uncurated = uncurated_set(layout, out / "data" / "uncurated")
    return [
        Arm(name="curated", stages=(web,), pairs=(total,)),
        Arm(name="uncurated", stages=(uncurated,), pairs=(total,)),
    ]


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
    chances = (found[0].chance_text_retrieval.r1, found[0].chance_image_retrieval.r1)
    return Outcome(
        arm=arm.name,
        n_images=sum(_n_images(data) for data in arm.stages),
        text_r1=tuple(report.text_retrieval.r1 for report in found),
        image_r1=tuple(report.image_retrieval.r1 for report in found),
        chance_r1=statistics.fmean(chances),
    )


def _n_images(data: StageData) -> int:
    return read_manifest(data.shards).n_samples
