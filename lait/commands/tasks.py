"""How does a person fine-tune a model for a task, and see what it answers?"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lait import screen
from lait.commands import finetuning
from lait.commands.training import settings, train

if TYPE_CHECKING:
    from pretrain.tasks.records import Found

TITLES = {
    "vqa": "Visual question answering, VQA v2: its questions and its annotations file.",
    "gqa": "GQA: one or more files of questions.",
    "vcr": "Visual commonsense reasoning: the jsonl of a split.",
    "nlvr2": "NLVR2: the json of a split, two images a sentence.",
    "snli-ve": "SNLI-VE: the jsonl of a split.",
    "refer": "RefCOCO, RefCOCO+, RefCOCOg: refs(...).p and instances.json, --split train.",
}
EPILOG = """Example:

  lait finetune {name} --start model --shards coco --regions coco/regions {files} --out tuned

Then: lait answer tuned --shards coco-val --regions coco-val/regions {files} --out results.json
"""
ANSWER_EPILOG = """Examples:

  lait answer tuned --shards coco-val --regions coco-val/regions
  --annotations v2_OpenEnded_mscoco_val2014_questions.json
  --annotations v2_mscoco_val2014_annotations.json --out results.json

  lait answer together --task vg_qa --shards vg --regions vg/regions --annotations questions.json
  --annotations annotations.json --out results.json

Without the annotations file the answers are written all the same: for a test split.
"""


def register(app: typer.Typer) -> None:
    """Put `answer` on the command line, and every task under `finetune`."""
    for name, title in TITLES.items():
        two = name in ("vqa", "refer")
        files = "--annotations A" + (" --annotations B" if two else "")
        epilog = EPILOG.format(name=name, files=files)
        finetuning.app.command(name, help=title, epilog=epilog)(_command(name))
    app.command(epilog=ANSWER_EPILOG)(answer)


def _command(name: str) -> Callable[..., None]:
    def finetune(
        shards: Annotated[Path, typer.Option(help="The images.")],
        regions: Annotated[Path, typer.Option(help="Their regions.")],
        annotations: Annotated[list[Path], typer.Option(help="Published files; several.")],
        out: Annotated[Path, typer.Option(help="Folder of checkpoints and metrics.")],
        start: Annotated[
            Path | None, typer.Option(help="Folder of `lait pretrain`, or a checkpoint.")
        ] = None,
        recipe: Annotated[
            str | None, typer.Option(help="Without --start: whose network learns from nothing.")
        ] = None,
        shrink: Annotated[bool, typer.Option("--shrink", help="Its small version.")] = False,
        split: Annotated[str | None, typer.Option(help="Of files that hold several.")] = None,
        head: Annotated[
            Literal["pair", "mask"],
            typer.Option(help="What it reads: the pair's vector, or a [MASK] after the question."),
        ] = "pair",
        workers: Annotated[int, typer.Option(min=1, help="Processes of Ray Train.")] = 2,
        gpu: Annotated[bool, typer.Option(help="One GPU per worker.")] = False,
        seed: Annotated[int, typer.Option(help="Of every random decision.")] = 0,
        overrides: Annotated[
            list[str] | None, typer.Option("--set", help="One field, e.g. stages.vqa.epochs=10.")
        ] = None,
    ) -> None:
        from lait.tasks import lesson
        from pretrain.recipe import load

        if (start is None) == (recipe is None):
            raise ValueError("give either --start, a pretrained model, or --recipe, for none")
        task = name.replace("-", "_")
        found = _found(task, annotations, split, shards, regions)
        made = lesson(
            task,
            found,
            shards=shards,
            regions=regions,
            out=out,
            start=start,
            base=None if recipe is None else load(recipe, shrink=shrink),
            head=head,
            settings=settings(overrides or ()),
        )
        screen.err.print(
            f"{made.n_learned:,} of {len(found.records):,} records are learned from",
            highlight=False,
        )
        train(made.recipe, [made.data], out, workers=workers, gpu=gpu, seed=seed)

    return finetune


def answer(
    checkpoint: Annotated[
        Path, typer.Argument(help="Folder of `lait finetune` or `lait multitask`.")
    ],
    shards: Annotated[Path, typer.Option(help="The images.")],
    regions: Annotated[Path, typer.Option(help="Their regions.")],
    annotations: Annotated[list[Path], typer.Option(help="Published files; several.")],
    out: Annotated[Path, typer.Option(help="Answers in the benchmark's own form.")],
    split: Annotated[str | None, typer.Option(help="Of files that hold several.")] = None,
    report: Annotated[Path | None, typer.Option(help="JSON of the figures.")] = None,
    task: Annotated[
        str | None, typer.Option(help="Of a model of several: by its data set, e.g. vg_qa.")
    ] = None,
) -> None:
    """Answer a task's questions with a fine-tuned model; score where the truth is known."""
    from pretrain.checkpoint import find, read
    from pretrain.tasks.answer import answer as run
    from pretrain.tasks.answer import load_task
    from pretrain.tasks.heads import head_of

    form = head_of(read(find(checkpoint)).recipe, task).form
    records = _found(form, annotations, split, shards, regions).records
    with screen.meter("questions") as meter:
        answers = run(checkpoint, shards, regions, records, progress=meter, task=task)
    published = load_task(form)
    results = published.results(answers)
    text = results if isinstance(results, str) else json.dumps(results, indent=1) + "\n"
    out.write_text(text, encoding="utf-8")
    figures = published.metrics(records, answers)
    if report is not None:
        report.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    rows = list(figures.items())
    screen.out.print(
        screen.table(f"{task or form}, {len(records):,} questions", ("", "#score"), rows)
    )


def _found(
    task: str, annotations: "Sequence[Path]", split: str | None, shards: Path, regions: Path
) -> "Found":
    """The records whose images are in the set, with regions; says how many are not."""
    from lait.tasks import questions

    found = questions(task, annotations, split, shards, regions)
    if found.n_without_image:
        screen.err.print(
            f"{found.n_without_image:,} records are left out, their images are not in {shards} or "
            f"have no regions in {regions}; the first is {found.first_without}",
            highlight=False,
        )
    return found
