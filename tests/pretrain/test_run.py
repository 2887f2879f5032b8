"""Does a run go through its stages, and on from wherever it was stopped?"""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pretrain import checkpoint
from pretrain.data import ShardSet
from pretrain.journal import SPEEDS, Journal, read_journal
from pretrain.loader import Loader
from pretrain.plan import Plan, StageData, prepare
from pretrain.recipe import Recipe
from pretrain.regions.write import write_regions
from pretrain.run import run_stages
from pretrain.stage import StepReport
from pretrain.workers import Workers
from shards.order import Position
from tests.pretrain.helpers import CountingDetector, packed

CPU = torch.device("cpu")


class KilledError(Exception):
    """Stands for the end of a process."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[StageData, ...]:
    """A set for each stage: 32 and 24 pictures."""
    root = tmp_path_factory.mktemp("data")
    stages = []
    for name, n, first in (("first", 32, 0), ("second", 24, 100)):
        shards = packed(root / name, n, first=first)
        write_regions(shards, root / f"{name}-regions", detector=CountingDetector())
        stages.append(StageData(name=name, shards=shards, regions=root / f"{name}-regions"))
    return tuple(stages)


@pytest.fixture
def plan(tiny: Recipe, data: tuple[StageData, ...], tmp_path: Path) -> Plan:
    """Stages of 8 and 6 steps; checkpoints every 4."""
    return Plan(recipe=tiny, stages=data, out=tmp_path / "run", seed=5)


def run(plan: Plan, saved: Callable[[dict[str, float]], None] = lambda m: None) -> None:
    prepare(plan, 1)
    run_stages(plan, Workers(), CPU, saved)


def lines(plan: Plan, stage: str) -> list[dict[str, float]]:
    return [{k: v for k, v in x.items() if k not in SPEEDS} for x in read_journal(plan.out / stage)]


def weights(plan: Plan, stage: str) -> dict[str, torch.Tensor]:
    done = checkpoint.latest(plan.out / stage / "checkpoints")
    assert done is not None
    return dict(checkpoint.load_network(done)[0].state_dict())


def stop_after(n: int) -> Callable[[dict[str, float]], None]:
    calls = iter(range(n - 1))

    def saved(metrics: dict[str, float]) -> None:
        if next(calls, None) is None:
            raise KilledError

    return saved


def leave_what_a_killed_process_leaves(stage: Path) -> None:
    """A torn checkpoint, and lines beyond the last whole one."""
    (stage / "checkpoints" / "step-000000099-attempt-001").mkdir()
    with (stage / "metrics.jsonl").open("a") as file:
        file.write('{"step": 98, "total_steps": 8, "loss": 99.0}\n{"step": 9')


@pytest.mark.parametrize("n_checkpoints", [1, 2, 3])
def test_stopped_inside_or_between_stages_it_ends_as_undisturbed(
    n_checkpoints: int, plan: Plan, tmp_path: Path
) -> None:
    run(plan)
    stopped = dataclasses.replace(plan, out=tmp_path / "stopped")
    with pytest.raises(KilledError):
        run(stopped, stop_after(n_checkpoints))
    if n_checkpoints != 2:  # stage one is not just finished
        leave_what_a_killed_process_leaves(stopped.out / ("first", "", "second")[n_checkpoints - 1])
    run(stopped)
    for name in ("first", "second"):
        assert lines(stopped, name) == lines(plan, name)
        expected = weights(plan, name)
        for parameter, tensor in weights(stopped, name).items():
            assert torch.equal(tensor, expected[parameter]), (name, parameter)


def test_a_stage_goes_on_with_the_weights_of_the_one_before(plan: Plan) -> None:
    """Its own rate is 0, so it must end with these very weights."""
    first, second = plan.recipe.stages
    still = dataclasses.replace(second, optim=dataclasses.replace(second.optim, lr=0.0))
    recipe = dataclasses.replace(plan.recipe, stages=(first, still))
    plan = dataclasses.replace(plan, recipe=recipe)
    run(plan)
    expected = weights(plan, "first")
    for parameter, tensor in weights(plan, "second").items():
        assert torch.equal(tensor, expected[parameter]), parameter


def test_the_first_stage_starts_from_centred_regions_and_no_other_does(plan: Plan) -> None:
    stages = tuple(
        dataclasses.replace(part, optim=dataclasses.replace(part.optim, lr=0.0))
        for part in plan.recipe.stages
    )
    plan = dataclasses.replace(plan, recipe=dataclasses.replace(plan.recipe, stages=stages))
    run(plan)
    first, second = (weights(plan, name)["region.feature.bias"] for name in ("first", "second"))
    assert first.abs().max() > 0  # a fresh one is 0
    assert torch.equal(first, second)


def test_a_finished_run_is_not_touched(plan: Plan) -> None:
    run(plan)
    before = {path: path.stat().st_mtime_ns for path in plan.out.rglob("*")}
    run(plan, stop_after(1))
    assert {path: path.stat().st_mtime_ns for path in plan.out.rglob("*")} == before


def test_metrics_are_lines_and_events(plan: Plan) -> None:
    run(plan)
    found = read_journal(plan.out / "first")
    assert [line["step"] for line in found] == [2, 4, 6, 8]
    wanted = {"loss", "lr", "mlm", "mlm_accuracy", "moc", "moc_accuracy", "mrfr", "itm"}
    assert wanted < found[0].keys()
    events = EventAccumulator(str(plan.out / "first" / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("itm")] == [2, 4, 6, 8]
    assert events.Scalars("itm")[0].value == pytest.approx(found[0]["itm"], rel=1e-5)


def test_speeds_are_those_of_all_steps_since_the_line_before(plan: Plan, tmp_path: Path) -> None:
    """Red when only the last step of a line counts."""
    run(plan)
    loader = Loader(
        data=ShardSet(plan.stages[0].shards, plan.stages[0].regions),
        recipe=plan.recipe,
        stage=plan.recipe.stages[0],
        seed=plan.seed,
    )
    steps = [step for step in loader.steps(0, loader.start()) if step.number < 2]
    n_tokens = sum(part.batch.text_mask_BL.sum() for step in steps for part in step.parts)
    n_tokens += sum(part.batch.region_mask_BR.sum() for step in steps for part in step.parts)
    line = read_journal(plan.out / "first")[0]
    assert line["tokens_per_s"] / line["pairs_per_s"] == pytest.approx(int(n_tokens) / 32)
    assert "mfu" not in line  # nobody publishes the peak of this CPU


def test_mfu_is_the_share_that_the_pairs_took(plan: Plan, tmp_path: Path) -> None:
    journal = Journal(
        tmp_path, stage=plan.recipe.stages[0], total_steps=1, first_step=0, mfu_of_pair=0.001
    )
    report = StepReport(
        step=1, scores={}, loss=1.0, lr=0.1, position=Position(manifest_digest=""), n_tokens=7
    )
    journal.add(report, 14)
    journal.close()
    (line,) = read_journal(tmp_path)
    assert line["mfu"] == pytest.approx(0.001 * line["pairs_per_s"])
    assert line["tokens_per_s"] / line["pairs_per_s"] == pytest.approx(14 / 16)


def test_where_the_peak_is_known_every_line_tells_the_mfu(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a device of 1 GFLOP/s; counting changes nothing about the run."""
    run(plan)
    counted = dataclasses.replace(plan, out=tmp_path / "counted")
    monkeypatch.setattr("pretrain.run.peak_of", lambda device: 1e9)
    run(counted)
    found = read_journal(counted.out / "first")
    shares = [line["mfu"] / line["pairs_per_s"] for line in found]
    assert shares == pytest.approx([shares[0]] * len(found))
    assert 1e-3 < shares[0] < 1  # a pair of some tokens, 2 layers of 64: some ten MFLOP
    assert lines(counted, "first") == lines(plan, "first")


def test_a_checkpoint_names_what_it_was_trained_on(plan: Plan, data: tuple[StageData, ...]) -> None:
    run(plan)
    snapshot = checkpoint.read(checkpoint.find(plan.out))
    assert (snapshot.stage, snapshot.step, snapshot.total_steps) == ("second", 6, 6)
    manifest = json.loads((data[1].regions / "manifest.json").read_text())
    assert snapshot.shards_digest == manifest["regions"]["source_digest"]
    assert snapshot.recipe == plan.recipe
    assert snapshot.position.epoch == 4


def test_another_run_in_the_same_folder_is_refused(plan: Plan) -> None:
    run(plan)
    for other in (
        dataclasses.replace(plan, seed=6),
        dataclasses.replace(plan, stages=plan.stages[::-1]),
        dataclasses.replace(plan, recipe=dataclasses.replace(plan.recipe, citation="another")),
    ):
        with pytest.raises(ValueError, match="choose another --out"):
            prepare(other, 1)
    prepare(plan, 2)  # the number of workers may change


def test_what_cannot_work_is_refused_before_anything_is_written(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="evenly among 3 workers"):
        prepare(plan, 3)
    first, second = plan.stages
    shutil.copytree(first.shards, tmp_path / "unfinished")
    (tmp_path / "unfinished" / "manifest.json").unlink()
    unfinished = dataclasses.replace(first, shards=tmp_path / "unfinished")
    with pytest.raises(ValueError, match=r"no manifest\.json"):
        prepare(dataclasses.replace(plan, stages=(unfinished, second)), 1)
    crossed = dataclasses.replace(first, regions=second.regions)
    with pytest.raises(ValueError, match="were made from the shard set"):
        prepare(dataclasses.replace(plan, stages=(crossed, second)), 1)
    detector = CountingDetector(classes=("a", "b", "c"))
    write_regions(second.shards, tmp_path / "wider", detector=detector)
    wider = dataclasses.replace(second, regions=tmp_path / "wider")
    with pytest.raises(ValueError, match="3 classes"):
        prepare(dataclasses.replace(plan, stages=(first, wider)), 1)
    assert not plan.out.exists()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_a_compiled_run_is_the_same_run(plan: Plan, tmp_path: Path) -> None:
    """Its checkpoints have the same names, too; red when the network is not compiled."""
    run(plan)
    stages = tuple(dataclasses.replace(part, compile=True) for part in plan.recipe.stages)
    compiled = dataclasses.replace(
        plan, recipe=dataclasses.replace(plan.recipe, stages=stages), out=tmp_path / "compiled"
    )
    torch._dynamo.utils.counters.clear()
    run(compiled)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    for name in ("first", "second"):
        got, expected = lines(compiled, name), lines(plan, name)
        for line, other in zip(got, expected, strict=True):
            assert line == pytest.approx(other, rel=1e-3, abs=1e-4)
        assert weights(compiled, name).keys() == weights(plan, name).keys()
