"""Is at each step asked what the plan says, by all workers alike, also after a restart?"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pretrain import checkpoint, stage
from pretrain.average import Average
from pretrain.data import TrainingSet
from pretrain.loader import Loader
from pretrain.network import DataSizes, Network
from pretrain.optim import Adam, Sgd, build_optimizer
from pretrain.recipe import Recipe
from pretrain.snapshot import Snapshot
from pretrain.stage import Beside, StepReport
from pretrain.steps.standard import asked, corrupt, train_step
from pretrain.steps.strategy import Shown
from pretrain.task_plans.auxiliary import MasterAndAuxiliary
from pretrain.task_plans.round_robin import RoundRobin
from pretrain.task_plans.sampled import Sampled
from pretrain.task_plans.stop_and_go import StopAndGo
from pretrain.task_plans.task_plan import PlanState, Task, TaskPlan, Turn
from pretrain.tokens import WordPiece
from pretrain.workers import Workers
from tests.pretrain.helpers import draws

CPU = torch.device("cpu")
TWO = Sampled(tasks=(Task(asked=("mlm",), weight=3.0), Task(asked=("itm", "moc"))))


def with_plan(recipe: Recipe, plan: TaskPlan, **changes: object) -> Recipe:
    part = dataclasses.replace(recipe.stages[0], tasks=plan, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(recipe, stages=(part,))


def loader(recipe: Recipe, data: TrainingSet) -> Loader:
    return Loader(data=data, recipe=recipe, stage=recipe.stages[0], seed=3)


def fresh(recipe: Recipe, sizes: DataSizes) -> Network:
    torch.manual_seed(0)
    return Network(recipe, sizes)


def train(
    recipe: Recipe, sizes: DataSizes, data: TrainingSet, beside: Beside | None = None
) -> Iterator[StepReport]:
    part, load, network = recipe.stages[0], loader(recipe, data), fresh(recipe, sizes)
    optimizer = build_optimizer(network, part.optim, part.more_optims)
    yield from stage.run(
        network,
        optimizer,
        load,
        Workers(),
        CPU,
        first_step=0,
        position=load.start(),
        beside=beside,
    )


def test_un4_tasks_are_drawn_by_weight_from_seed_and_step_alone() -> None:
    weights = {"a": 9.0, "b": 12.0, "c": 6.0, "d": 6.0}
    plan = Sampled(tasks=tuple(Task(asked=(n,), weight=w) for n, w in weights.items()))
    turns = [plan.turns(PlanState(), seed=1, step=step)[0][0] for step in range(10_000)]
    drawn = Counter(turn.asked for turn in turns)
    for task in plan.tasks:
        assert drawn[task.asked] / 10_000 == pytest.approx(task.weight / 33, abs=0.015)
    assert turns[5000:5050] == [
        plan.turns(PlanState(), seed=1, step=step)[0][0] for step in range(5000, 5050)
    ]
    other = [plan.turns(PlanState(), seed=2, step=step)[0][0] for step in range(200)]
    assert other != turns[:200]


def test_what_is_not_asked_is_neither_hidden_nor_scored_nor_moved(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    recipe = with_plan(tiny, TWO, epochs=6.0)
    load, network = loader(recipe, memory_set(32)), fresh(recipe, sizes)
    optimizer = build_optimizer(network, recipe.stages[0].optim)
    seen: set[frozenset[str]] = set()
    heads = {name: head.state_dict() for name, head in network.heads.items()}
    before = {n: {k: t.clone() for k, t in head.items()} for n, head in heads.items()}
    for report in stage.run(
        network, optimizer, load, Workers(), CPU, first_step=0, position=load.start()
    ):
        asked = frozenset(report.scores)
        seen.add(asked)
        for name, head in network.heads.items():
            for key, tensor in head.state_dict().items():
                moved = name in asked and report.scores[name].count > 0
                assert torch.equal(tensor, before[name][key]) == (not moved), name
                before[name][key] = tensor.clone()
    assert seen == {frozenset({"mlm"}), frozenset({"itm", "moc"})}


def test_a_helper_gives_a_batch_to_every_step_and_begins_anew(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    plan = MasterAndAuxiliary(
        helpers=(Task(data="text", asked=("mlm",), scale=0.5),), asked=("mlm", "itm")
    )
    recipe = with_plan(tiny, plan)
    small = memory_set(5, seed=9)
    beside = Beside(more={"text": loader(recipe, small)})
    reports = list(train(recipe, sizes, memory_set(32), beside))
    assert len(reports) == 8
    assert [place.steps for place in reports[-1].places] == [8, 8]
    text = next(place for place in reports[-1].places if place.data == "text")
    assert (text.position.epoch, text.position.samples_seen) == divmod(8 * 16, 5)
    for report in reports:
        assert report.scores.keys() == {"mlm", "itm", "text/mlm"}
        mlm, itm, helped = (report.scores[name].mean for name in ("mlm", "itm", "text/mlm"))
        assert report.loss == pytest.approx(mlm + itm + 0.5 * helped)


def test_gradients_of_all_turns_add_up(
    tiny: Recipe, sizes: DataSizes, make_batch: Callable[..., object], wordpiece: WordPiece
) -> None:
    """Each turn over its own count, in one step."""
    turns = (Turn(asked=("mlm",)), Turn(data="other", asked=("mlm",), scale=2.0))
    part = tiny.stages[0]
    shown: list[Shown] = [
        corrupt(asked(tiny.objectives, turn), make_batch(n, seed=n), draws(n), wordpiece)  # type: ignore[arg-type]
        for turn, n in zip(turns, (16, 8), strict=True)
    ]
    found = []
    for chosen in ((0,), (1,), (0, 1)):
        network = fresh(tiny, sizes)
        still = torch.optim.SGD(network.parameters(), lr=0.0)
        pairs = [(turns[i], [shown[i]]) for i in chosen]
        train_step(network, still, tiny.objectives, part, pairs, Workers())
        weight = network.encoder.sublayers[0].text.output.weight
        found.append(weight.grad.clone())
    assert torch.allclose(found[0] + found[1], found[2], atol=1e-6)


def test_an_objective_or_a_data_set_that_is_not_there_is_named(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    for task, message in (
        (Task(asked=("mlmm",)), "asks mlmm; there is mlm, moc, mrfr, itm"),
        (Task(asked=None, data="wiki"), "data set wiki; there is the stage's own"),
    ):
        with pytest.raises(ValueError, match=message):
            next(train(with_plan(tiny, Sampled(tasks=(task,))), sizes, memory_set(16)))
    resting = RoundRobin(tasks=(Task(asked=("itm",)),), stop_and_go=StopAndGo(validate_every=1))
    with pytest.raises(ValueError, match="needs validation data"):
        list(train(with_plan(tiny, resting), sizes, memory_set(16)))


def test_stop_and_go_listens_to_validation_data(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    """At rate 0 no score gets better: both tasks rest once patience has run out."""
    plan = RoundRobin(
        tasks=(Task(asked=("itm",), data="a"), Task(asked=("mrfr",), data="b", scale=0.5)),
        stop_and_go=StopAndGo(validate_every=1, patience=0),
    )
    recipe = with_plan(tiny, plan, optim=Adam(lr=0.0), steps=12)
    held_out = with_plan(tiny, plan, epochs=1.0)
    beside = Beside(
        more={name: loader(recipe, memory_set(16, seed=i)) for i, name in enumerate("ab")},
        validation={name: loader(held_out, memory_set(16, seed=7)) for name in "ab"},
    )
    reports = list(train(recipe, sizes, memory_set(16), beside))
    assert [next(iter(report.scores)) for report in reports[:4]] == ["a/itm", "b/mrfr"] * 2
    states = reports[-1].state.tasks
    assert all(task.stopped for task in states)
    assert 0 <= (states[0].best or -1) <= 1  # a share of right answers
    assert (states[1].best or 0) < 0  # a loss, the other way round
    assert reports[-1].state.round > 12  # rounds in which all rest are passed over


@pytest.mark.parametrize("kind", ["sampled", "helped", "several optimisers", "in turn"])
def test_g6_with_any_plan_a_resumed_stage_goes_on_as_undisturbed(
    kind: str,
    tiny: Recipe,
    sizes: DataSizes,
    memory_set: Callable[..., TrainingSet],
    tmp_path: Path,
) -> None:
    slow = Adam(lr=1e-3, variant="bert", params=r"^text\.", weight_decay=0.01)
    recipe = {
        "sampled": with_plan(tiny, TWO, average=0.9),
        "helped": with_plan(tiny, MasterAndAuxiliary(helpers=(Task(data="text", asked=None),))),
        "several optimisers": with_plan(
            tiny,
            TWO,
            more_optims=(slow, Sgd(lr=1e-2, params=r"^region\.")),
            optim=Adam(lr=1e-3, variant="adamax"),
        ),
        "in turn": with_plan(
            tiny,
            RoundRobin(tasks=(Task(asked=("itm",)), Task(asked=("mlm",), data="text"))),
        ),
    }[kind]
    part, data, helper = recipe.stages[0], memory_set(29), memory_set(11, seed=4)

    def beside(network: Network) -> Beside:
        average = None if part.average is None else Average(network, part.average)
        return Beside(more={"text": loader(recipe, helper)}, average=average)

    load, network = loader(recipe, data), fresh(recipe, sizes)
    optimizer = build_optimizer(network, part.optim, part.more_optims)
    with_average, undisturbed = beside(network), []
    for report in stage.run(
        network,
        optimizer,
        load,
        Workers(),
        CPU,
        first_step=0,
        position=load.start(),
        beside=with_average,
    ):
        undisturbed.append(report)
        if report.step == 3:
            saved = snapshot(recipe, sizes, load, report)
            path = checkpoint.save(tmp_path, 1, saved, network, optimizer, with_average.average)

    resumed, saved = checkpoint.load_network(path)
    optimizer = build_optimizer(resumed, part.optim, part.more_optims)
    checkpoint.load_optimizer(path, resumed, optimizer)
    again_beside = beside(resumed)
    if again_beside.average is not None:
        checkpoint.load_average(path, again_beside.average)
    again = list(
        stage.run(
            resumed,
            optimizer,
            load,
            Workers(),
            CPU,
            first_step=saved.step,
            position=saved.position,
            places=saved.places,
            state=saved.tasks,
            beside=again_beside,
        )
    )
    assert [r.loss for r in again] == [r.loss for r in undisturbed[3:]]
    assert [r.places for r in again] == [r.places for r in undisturbed[3:]]
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name
    if with_average.average is not None and again_beside.average is not None:
        averaged, _ = checkpoint.load_network(path, averaged=True)
        assert not torch.equal(averaged.text.word.weight, resumed.text.word.weight)
        for name, weight in with_average.average.weights.items():
            assert torch.equal(weight, again_beside.average.weights[name]), name


def snapshot(recipe: Recipe, sizes: DataSizes, load: Loader, report: StepReport) -> Snapshot:
    return Snapshot(
        recipe=recipe,
        sizes=sizes,
        stage=load.stage.name,
        step=report.step,
        total_steps=load.total_steps,
        seed=load.seed,
        position=report.position,
        places=report.places,
        tasks=report.state,
        shards_digest=load.data.digest,
        regions_digest="1" * 64,
    )


def test_a_checkpoint_without_an_average_says_so(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet], tmp_path: Path
) -> None:
    load, network = loader(tiny, memory_set(16)), fresh(tiny, sizes)
    optimizer = build_optimizer(network, tiny.stages[0].optim)
    report = next(
        stage.run(network, optimizer, load, Workers(), CPU, first_step=0, position=load.start())
    )
    path = checkpoint.save(tmp_path, 1, snapshot(tiny, sizes, load, report), network, optimizer)
    with pytest.raises(ValueError, match=r"no averaged weights: train with stages\.\*\.average"):
        checkpoint.load_network(path, averaged=True)
