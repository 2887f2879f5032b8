"""Do two workers make the step, and the run, that one makes? (G6.)"""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file

from pretrain import checkpoint
from pretrain.journal import SPEEDS, read_journal
from pretrain.network import DataSizes
from pretrain.plan import Plan, StageData, plan_to_plain, prepare
from pretrain.recipe import Recipe
from pretrain.regions.write import write_regions
from pretrain.run import run_stages
from pretrain.task_plans.auxiliary import MasterAndAuxiliary
from pretrain.task_plans.joint import Joint
from pretrain.task_plans.task_plan import Task, TaskPlan
from pretrain.tokens import WordPiece
from pretrain.workers import Workers
from tests.pretrain.helpers import ROOT, CountingDetector, one_against_two, packed

TURNS = MasterAndAuxiliary(asked=("mlm",), helpers=(Task(data="other", asked=("moc",), scale=0.5),))
"""Two turns in one step, of which each leaves out heads, and both leave out two of them."""


@pytest.mark.parametrize(
    ("parallel", "tasks"), [("ddp", Joint()), ("fsdp", Joint()), ("ddp", TURNS), ("fsdp", TURNS)]
)
def test_g6_two_workers_have_the_gradients_of_one(
    parallel: Literal["ddp", "fsdp"],
    tasks: TaskPlan,
    tiny: Recipe,
    wordpiece: WordPiece,
    tmp_path: Path,
) -> None:
    """Two micro-batches each; few masked words, so that the workers' counts differ.

    Red when a worker's own counts divide, or when all micro-batches but the last are forgotten.
    """
    shards = packed(tmp_path / "shards", 24)
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    part = dataclasses.replace(tiny.stages[0], micro_batches=2, parallel=parallel, tasks=tasks)
    recipe = dataclasses.replace(tiny, stages=(part,))
    sizes = DataSizes(vocabulary=wordpiece.vocabulary, feature_dim=3, classes=2)
    one_against_two(recipe, sizes, shards, tmp_path / "regions", tmp_path)


def test_a_run_goes_on_from_ddp_to_fsdp_and_back(tiny: Recipe, tmp_path: Path) -> None:
    """Stopped inside a stage, and spread otherwise from there on: as one undisturbed worker.

    Red when a share is saved for the whole, when moments are not dealt out again, or when a token
    for each task, of which this run has none, is waited for (12-in-1 in its first stage).
    """
    tiny = dataclasses.replace(tiny, text=dataclasses.replace(tiny.text, tasks=2))
    data = []
    for name, n, first in (("first", 32, 0), ("second", 24, 100)):
        shards = packed(tmp_path / name, n, first=first)
        write_regions(shards, tmp_path / f"{name}-regions", detector=CountingDetector())
        data.append(StageData(name=name, shards=shards, regions=tmp_path / f"{name}-regions"))
    plan = Plan(recipe=tiny, stages=tuple(data), out=tmp_path / "alone", seed=5)
    prepare(plan, 1)
    run_stages(plan, Workers(), torch.device("cpu"))
    orders = (("ddp", "fsdp"), ("fsdp", "ddp"))
    steps = []
    for order in orders:
        for parallel, stop_after in zip(order, (1, None), strict=True):
            stages = tuple(dataclasses.replace(s, parallel=parallel) for s in tiny.stages)
            again = dataclasses.replace(
                plan,
                recipe=dataclasses.replace(tiny, stages=stages),
                out=tmp_path / "-".join(order),
            )
            steps.append((plan_to_plain(again), stop_after))
    (tmp_path / "steps.json").write_text(json.dumps(steps))
    command = [sys.executable, "-m", "tests.pretrain.two_runs", str(tmp_path)]
    runs = [subprocess.Popen([*command, str(rank)], cwd=ROOT) for rank in (0, 1)]
    assert [run.wait(timeout=240) for run in runs] == [0, 0]
    for order in orders:
        out = tmp_path / "-".join(order)
        for name in ("first", "second"):
            assert checkpoint.find(out / name).name[-3:] == ("002" if name == "first" else "001")
            got, expected = (read_journal(o / name) for o in (out, plan.out))
            assert [line["step"] for line in got] == [line["step"] for line in expected]
            for line, other in zip(got, expected, strict=True):
                for measure in other.keys() - set(SPEEDS):
                    assert line[measure] == pytest.approx(other[measure], rel=1e-3, abs=1e-4)
            shapes, wanted = (shapes_of(checkpoint.find(o / name)) for o in (out, plan.out))
            assert shapes == wanted


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Of all tensors of a checkpoint."""
    return {
        f"{file.name}: {name}": tuple(tensor.shape)
        for file in sorted(path.glob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }
