"""How do the recipes fare, each pretrained in the same two stages and scored alike?"""

import dataclasses
import json
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from lait.demo import HELD_OUT, STAGES, Layout
from lait.tasks import lesson, questions
from lait.train import Progress, StageData, pretrain, ray_session
from lait.world.vqa import write_vqa
from lait.zoo_table import BASELINES, Entry, Retrieved, Zoo
from pretrain.checkpoint import find, load_any
from pretrain.dual import DualNetwork
from pretrain.evaluate.retrieval import RetrievalReport, Scorer, evaluate
from pretrain.finetune import STAGE, for_retrieval
from pretrain.recipe import Recipe, load, names, staged, with_settings
from pretrain.tasks.answer import answer, load_task
from pretrain.tasks.records import Found
from shards.aside import publish_bytes
from shards.manifest import read_manifest
from shards.read import ShardReader

_RIVALS: Final = 3
"""Wrong texts, and as many wrong images, beside each true pair in fine-tuning for retrieval."""
_TUNING: Final = {"epochs": 48.0, "optim.lr": 2e-3}
_VQA: Final = {"epochs": 12.0, "optim.lr": 2e-3, "batch_pairs": 64}


def run_zoo(
    demo: Path,
    out: Path,
    *,
    recipes: Sequence[str] = (),
    scale: float = 1.0,
    workers: int = 2,
    seed: int = 0,
    tell: Callable[[str, int, int], None] = lambda name, done, total: None,
    steps: Callable[[Progress], None] = lambda progress: None,
) -> Zoo:
    """Pretrain every recipe's small version on the demo's two stages, and score it.

    Every model is shown the pairs that ImageBERT's small version is shown. What is finished is
    kept, so the same call goes on where an interrupted one was.

    Args:
        demo: Folder of a finished `lait demo`.
        out: Folder of the runs, and of `zoo.json`, written last.
        recipes: Names; none: all that come with lait.
        scale: Of the epochs.
        workers: Processes of Ray Train.
        seed: Of everything that is drawn.
        tell: Called with (model, models done, models in all).
        steps: Called with the progress of each run.

    Raises:
        ValueError: a demo that is not finished, an unknown recipe, or one that does not fit.
    """
    layout = Layout(root=demo)
    for name in (*STAGES, HELD_OUT):
        read_manifest(layout.shards(name))  # says what is missing
    models = list(_models(recipes or names()))
    entries, chance = [], Retrieved(r1=0.0, r10=0.0)
    # One session for all runs: to start one takes longer than a small run.
    with ray_session(workers):
        for done, (name, model) in enumerate(models):
            tell(name, done, len(models))
            run = _Run(layout=layout, out=out / name, scale=scale, workers=workers, seed=seed)
            entry, chance = run.measured(name, model, steps)
            entries.append(entry)
    tell("", len(models), len(models))
    own = staged(load("imagebert", shrink=True), STAGES)
    zoo = Zoo(
        n_images=read_manifest(layout.shards(HELD_OUT)).n_samples,
        pairs=sum(
            round(s.epochs * scale * n) for s, n in zip(own.stages, _sizes(layout), strict=True)
        ),
        seed=seed,
        scale=scale,
        n_questions=len(_questions(layout, HELD_OUT, out).records),
        chance=chance,
        entries=tuple(entries),
    )
    publish_bytes(out / "zoo.json", json.dumps(asdict(zoo), indent=1).encode() + b"\n")
    return zoo


def _models(chosen: Iterable[str]) -> Iterator[tuple[str, Recipe]]:
    for name in chosen:
        yield name, load(name, shrink=True)
    imagebert = load("imagebert", shrink=True)
    for name, shows in BASELINES:
        yield name, with_settings(imagebert, {"inputs.shows": shows})


def _sizes(layout: Layout) -> list[int]:
    return [read_manifest(layout.shards(name)).n_samples for name in STAGES]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One model's way through the zoo."""

    layout: Layout
    out: Path
    scale: float
    workers: int
    seed: int

    def measured(
        self, name: str, model: Recipe, steps: Callable[[Progress], None]
    ) -> tuple[Entry, Retrieved]:
        """Its entry, and what chance reaches."""
        stages = [self._data(stage) for stage in STAGES]
        epochs = [
            s.epochs * self.scale for s in staged(load("imagebert", shrink=True), STAGES).stages
        ]
        fitted = with_settings(
            staged(model, STAGES),
            {f"stages.{stage}.epochs": n for stage, n in zip(STAGES, epochs, strict=True)},
        )
        start = self.out / "pretrained"
        pretrain(fitted, stages, start, workers=self.workers, seed=self.seed, progress=steps)
        network, snapshot = load_any(find(start))
        dual = isinstance(network, DualNetwork)
        tuned = self._evaluated(start) if dual else self._tuned(start, steps)
        scores = dual or any(
            isinstance(objective, Scorer) for objective in snapshot.recipe.objectives
        )
        entry = Entry(
            name=name,
            citation=model.citation,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            zero_shot=_mean(self._evaluated(start)) if scores else None,
            fine_tuned=None if dual else _mean(tuned),
            vqa=None if dual else self._answered(start, steps),
        )
        return entry, _chance(tuned)

    def _tuned(self, start: Path, steps: Callable[[Progress], None]) -> RetrievalReport:
        settings = {f"stages.{STAGE}.{field}": value for field, value in _TUNING.items()}
        settings[f"stages.{STAGE}.epochs"] = _TUNING["epochs"] * self.scale
        recipe = with_settings(
            for_retrieval(start, kind="multiclass", wrong_texts=_RIVALS, wrong_images=_RIVALS),
            settings,
        )
        data = dataclasses.replace(self._data(STAGES[-1]), name=STAGE)
        out = self.out / "tuned"
        pretrain(recipe, [data], out, workers=self.workers, seed=self.seed, progress=steps)
        return self._evaluated(out)

    def _answered(self, start: Path, steps: Callable[[Progress], None]) -> float:
        """Accuracy on the questions about unseen scenes."""
        out, stage = self.out / "vqa", STAGES[-1]
        tuning = {**_VQA, "epochs": _VQA["epochs"] * self.scale}
        made = lesson(
            "vqa",
            _questions(self.layout, stage, self.out.parent),
            shards=self.layout.shards(stage),
            regions=self.layout.regions(stage),
            out=out,
            start=start,
            settings={f"stages.vqa.{field}": value for field, value in tuning.items()},
        )
        pretrain(
            made.recipe, [made.data], out, workers=self.workers, seed=self.seed, progress=steps
        )
        records = _questions(self.layout, HELD_OUT, self.out.parent).records
        answers = answer(out, self.layout.shards(HELD_OUT), self.layout.regions(HELD_OUT), records)
        return load_task("vqa").metrics(records, answers)["accuracy"]

    def _evaluated(self, model: Path) -> RetrievalReport:
        return evaluate(model, self.layout.shards(HELD_OUT), self.layout.regions(HELD_OUT))

    def _data(self, stage: str) -> StageData:
        return StageData(
            name=stage, shards=self.layout.shards(stage), regions=self.layout.regions(stage)
        )


def _questions(layout: Layout, stage: str, out: Path) -> Found:
    """The world's questions about the images of a set, written and read as VQA's are."""
    with ShardReader(layout.shards(stage)) as reader:
        keys = (str(json.loads(reader.sample(i).record)["sha256"]) for i in range(len(reader)))
        images = {sha256: sha256 for sha256 in keys}
    files = write_vqa(layout.world / "annotations.jsonl", images, out / "questions" / stage)
    return questions("vqa", files, None, layout.shards(stage))


def _mean(report: RetrievalReport) -> Retrieved:
    both = report.text_retrieval, report.image_retrieval
    return Retrieved(
        r1=statistics.fmean(found.r1 for found in both),
        r10=statistics.fmean(found.r10 for found in both),
    )


def _chance(report: RetrievalReport) -> Retrieved:
    both = report.chance_text_retrieval, report.chance_image_retrieval
    return Retrieved(
        r1=statistics.fmean(found.r1 for found in both),
        r10=statistics.fmean(found.r10 for found in both),
    )
