"""Do several tasks' published files train one network, on no image that any is tested on?"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
import torch
import typer
import yaml
from click.testing import Result
from typer.testing import CliRunner

from lait.commands import tasks
from lait.multitask import Course, Together, course, read_together
from lait.tasks import Head, lesson, questions
from pretrain import checkpoint
from pretrain import recipe as recipes
from pretrain.objectives.answering import Answering
from pretrain.plan import Plan, prepare
from pretrain.regions.write import write_regions
from pretrain.run import run_stages
from pretrain.tasks.answer import names
from pretrain.tasks.heads import heads
from pretrain.tasks.mask_token import asked_by_mask
from pretrain.tasks.records import read_records
from pretrain.workers import Workers
from tests.pretrain.helpers import CountingDetector, packed


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures 0 to 11 to train on, 12 to 17 held out."""
    root = tmp_path_factory.mktemp("multitask")
    for name, n, first in (("train", 12, 0), ("held-out", 6, 12)):
        shards = packed(root / name, n, first=first)
        write_regions(shards, root / f"{name}-regions", detector=CountingDetector())
    return root


def vqa_files(
    folder: Path, name: str, images: Sequence[int], said: tuple[str, str] = ("yes", "no")
) -> dict[str, list[str]]:
    """Questions in VQA's form, one an image; the answer tells even from odd."""
    questions = [{"question_id": i, "image_id": i, "question": "is it even?"} for i in images]
    truths = [{"question_id": i, "answers": [{"answer": said[i % 2]}] * 10} for i in images]
    paths = [folder / f"{name}-{part}.json" for part in ("questions", "annotations")]
    for path, content in zip(
        paths, ({"questions": questions}, {"annotations": truths}), strict=True
    ):
        path.write_text(json.dumps(content))
    return {"annotations": [str(path) for path in paths]}


def data_sets(
    root: Path, folder: Path, *, tested: Sequence[int], elsewhere: Path | None = None
) -> Together:
    """VQA and Visual Genome's questions about the same pictures; Visual Genome's has a test."""
    train = {"shards": str(root / "train"), "regions": str(root / "train-regions")}
    path = folder / "tasks.yaml"
    source = {
        "task": "vqa",
        **train,
        "train": vqa_files(folder, "train", range(12)),
        "validation": vqa_files(folder, "validation", range(6)),
    }
    test: dict[str, object] = {**vqa_files(folder, "t", tested)}
    if elsewhere is not None:
        test["shards"] = str(elsewhere)
    content = {
        "captions": {
            "shards": str(root / "held-out"),
            "regions": str(root / "held-out-regions"),
            "validation_shards": str(root / "held-out"),
            "validation_regions": str(root / "held-out-regions"),
        },
        "questions": {"vqa": source, "vg_qa": {**source, "test": test}},
    }
    path.write_text(yaml.safe_dump(content))
    return read_together(path)


def trained(made: Course, out: Path) -> None:
    """Run a course, with four questions or pairs of each task in a step."""
    part = made.recipe.stages[0]
    tasks = tuple(dataclasses.replace(task, batch_pairs=4) for task in part.tasks.tasks)
    smaller = dataclasses.replace(
        part,
        batch_pairs=4,
        tasks=dataclasses.replace(part.tasks, tasks=tasks),  # type: ignore[type-var]
    )
    plan = Plan(
        recipe=dataclasses.replace(made.recipe, stages=(smaller,)),
        stages=(made.data.resolved(),),
        out=out,
        seed=0,
    )
    prepare(plan, 1)
    run_stages(plan, Workers(), torch.device("cpu"))


def test_both_tasks_are_trained_without_the_test_images_of_either(
    root: Path, tmp_path: Path
) -> None:
    base = recipes.load("twelve_in_one", shrink=True)
    settings = {"stages.multitask.steps": 6, "stages.multitask.tasks.stop_and_go": None}
    made = course(
        data_sets(root, tmp_path, tested=[0, 7]), tmp_path / "out", base=base, settings=settings
    )
    assert made.n_read == {"vqa": 12, "vg_qa": 12}
    assert made.n_clean == {"vqa": 10, "vg_qa": 10}
    for name in ("vqa", "vg_qa"):
        left = read_records(tmp_path / "out" / f"{name}-train.jsonl")
        assert {record.id for record in left} == {str(i) for i in range(12)} - {"0", "7"}
    assert [o.name for o in made.recipe.objectives] == ["vqa", "retrieval"]
    (answering,) = (o for o in made.recipe.objectives if isinstance(o, Answering))
    assert sorted(answering.answers) == ["no", "yes"]

    assert [task.token for task in made.recipe.stages[0].tasks.tasks] == [1, 2, 7]
    trained(made, tmp_path / "out")
    snapshot = checkpoint.read(checkpoint.find(tmp_path / "out"))
    assert {place.data: place.steps for place in snapshot.places} == {"": 2, "vqa": 2, "vg_qa": 2}


def test_test_images_may_lie_in_a_set_of_their_own(root: Path, tmp_path: Path) -> None:
    # Pictures 10 and 11 are among those of training: content tells, not the set.
    mixed = packed(tmp_path / "mixed", 4, first=10)
    together = data_sets(root, tmp_path, tested=[10, 11], elsewhere=mixed)
    base = recipes.load("twelve_in_one", shrink=True)
    made = course(together, tmp_path / "out", base=base)
    assert made.n_clean == {"vqa": 10, "vg_qa": 10}


def test_captions_of_a_test_image_are_refused(root: Path, tmp_path: Path) -> None:
    """Red when only questions are cleaned."""
    together = data_sets(root, tmp_path, tested=[3])
    over_all = together.captions.model_copy(
        update={"shards": root / "train", "regions": root / "train-regions"}
    )
    leaky = together.model_copy(update={"captions": over_all})
    base = recipes.load("twelve_in_one", shrink=True)
    with pytest.raises(ValueError, match=r"1 samples of .* are test images of a task"):
        course(leaky, tmp_path / "out", base=base)
    assert not (tmp_path / "out").exists()


def asked(out: Path, root: Path, folder: Path, *more: str) -> tuple[Result, dict[str, str]]:
    """`lait answer` about the first six pictures."""
    app = typer.Typer()
    tasks.register(app)
    app.command("other")(lambda: None)  # a program of one command has no command's name
    files = vqa_files(folder, "asked", range(6))["annotations"]
    arguments = ["answer", str(out), "--shards", str(root / "train")]
    arguments += ["--regions", str(root / "train-regions"), "--out", str(folder / "said.json")]
    for file in files:
        arguments += ["--annotations", file]
    done = CliRunner().invoke(app, [*arguments, *more], env={"COLUMNS": "300"})
    if done.exit_code:
        return done, {}
    said = json.loads((folder / "said.json").read_text())
    return done, {str(one["question_id"]): one["answer"] for one in said}


def test_each_task_is_answered_by_its_own_token(root: Path, tmp_path: Path) -> None:
    """Two tasks share a head and ask the same of the same pictures: one learned yes, one no.

    Red when no token is shown, or another's.
    """
    data_sets(root, tmp_path, tested=[])
    content = yaml.safe_load((tmp_path / "tasks.yaml").read_text())
    del content["questions"]["vg_qa"]["test"]
    for name, answer in (("vqa", "yes"), ("vg_qa", "no")):
        for part, images in (("train", range(12)), ("validation", range(6))):
            files = vqa_files(tmp_path, f"{name}-{part}", images, (answer, answer))
            content["questions"][name][part] = files
    (tmp_path / "tasks.yaml").write_text(yaml.safe_dump(content))
    made = course(
        read_together(tmp_path / "tasks.yaml"),
        tmp_path / "out",
        base=recipes.load("twelve_in_one", shrink=True),
        settings={
            "stages.multitask.steps": 150,
            "stages.multitask.tasks.stop_and_go": None,
            "stages.multitask.optim.lr": 1e-3,
        },
    )
    trained(made, tmp_path / "out")
    for name, answer in (("vqa", "yes"), ("vg_qa", "no")):
        done, said = asked(tmp_path / "out", root, tmp_path, "--task", name)
        assert said == {str(i): answer for i in range(6)}, done.output
        assert f"{name}, 6 questions" in done.output
    done, _ = asked(tmp_path / "out", root, tmp_path)
    assert "answers several tasks: give --task: vqa, vg_qa" in str(done.exception)
    done, _ = asked(tmp_path / "out", root, tmp_path, "--task", "vqaa")
    assert "--task vqaa: twelve_in_one-multitask has none; did you mean vqa?" in str(done.exception)


def test_all_tasks_of_12_in_1_are_known_by_their_data() -> None:
    found = heads(recipes.load("twelve_in_one"))
    assert {name: (one.form, one.token) for name, one in found.items()} == {
        "vqa": ("vqa", 1),
        "vg_qa": ("vqa", 2),
        "gqa": ("gqa", 15),
        "visual7w": ("refer", 4),
        "guesswhat": ("refer", 17),
        "refcoco": ("refer", 9),
        "refcoco_plus": ("refer", 10),
        "refcocog": ("refer", 11),
        "nlvr2": ("nlvr2", 12),
        "snli_ve": ("snli_ve", 13),
    }
    assert {one.form for one in found.values()} <= set(names())


def test_a_question_is_asked_by_a_mask_where_that_is_asked_for(root: Path, tmp_path: Path) -> None:
    files = [Path(file) for file in vqa_files(tmp_path, "vqa", range(12))["annotations"]]
    shards, regions = root / "train", root / "train-regions"
    found = questions("vqa", files, None, shards, regions)
    made = {
        head: lesson(
            "vqa",
            found,
            shards=shards,
            regions=regions,
            out=tmp_path / "out",
            base=recipes.load("visualbert", shrink=True),
            head=head,
        ).recipe
        for head in get_args(Head)
    }
    assert made["mask"] == asked_by_mask(made["pair"])
    assert made["mask"] != made["pair"]


def test_what_does_not_fit_is_named(root: Path, tmp_path: Path) -> None:
    together = data_sets(root, tmp_path, tested=[3])
    with pytest.raises(ValueError, match="vilbert has no task tokens"):
        course(together, tmp_path / "out", base=recipes.load("vilbert", shrink=True))
    with pytest.raises(ValueError, match="give --start"):
        course(together, tmp_path / "out")
    path = tmp_path / "tasks.yaml"
    content = yaml.safe_load(path.read_text())
    content["questions"]["vqa2"] = content["questions"].pop("vqa")
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ValueError, match="no data set vqa2 in 12-in-1; there is vqa, vg_qa"):
        read_together(path)
    path.write_text("questions: 3")
    with pytest.raises(ValueError, match=r"tasks\.yaml: .*captions"):
        read_together(path)
