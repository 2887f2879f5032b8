"""Is 12-in-1 as in the paper? (Checks TW1 to TW7; TW3 is in test_stop_and_go.py.)"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from pretrain import checkpoint
from pretrain import recipe as recipes
from pretrain.batch import Batch, View
from pretrain.data import TrainingSet
from pretrain.feed import Feed
from pretrain.loader import Loader
from pretrain.masking.regions import RegionMasker, iou
from pretrain.network import DataSizes, Network
from pretrain.objectives.answering import Answering
from pretrain.objectives.mlm import Mlm
from pretrain.objectives.mrc_kl import MrcKl
from pretrain.objectives.objective import Encoded, Loss
from pretrain.objectives.pointing import Pointing
from pretrain.optim import build_optimizer
from pretrain.plan import Plan, StageData, prepare
from pretrain.recipe import Recipe, Stage
from pretrain.recipes.twelve_in_one import TASKS, with_answers
from pretrain.regions.write import write_regions
from pretrain.run import run_stages
from pretrain.stage import Beside, validate
from pretrain.steps.standard import asked, corrupt, score_step, train_step
from pretrain.steps.strategy import Shown
from pretrain.task_plans.round_robin import RoundRobin
from pretrain.task_plans.stop_and_go import StopAndGo
from pretrain.task_plans.task_plan import OWN, PlanState, Turn
from pretrain.tasks.clean import clean, images_of
from pretrain.tasks.records import find_images, write_records
from pretrain.tasks.task import Record, Row
from pretrain.tokens import WordPiece
from pretrain.workers import Workers
from tests.pretrain.helpers import CountingDetector, draws, packed

CPU = torch.device("cpu")


def plan_of(stage: Stage) -> RoundRobin:
    assert isinstance(stage.tasks, RoundRobin), stage
    return stage.tasks


@pytest.fixture
def small(vocabulary: Path) -> Recipe:
    """The small network with all heads; its second stage is the full recipe's."""
    full, shrunk = recipes.load("twelve_in_one"), recipes.load("twelve_in_one", shrink=True)
    named = with_answers(full, {"vqa": ("a", "b", "c"), "gqa": ("x", "y")})
    return dataclasses.replace(
        shrunk,
        vocabulary=str(vocabulary),
        objectives=(*shrunk.objectives, *named.objectives[3:]),
        stages=(*shrunk.stages, full.stages[1]),
    )


@pytest.fixture
def small_network(small: Recipe, sizes: DataSizes) -> Network:
    torch.manual_seed(0)
    return Network(small, sizes).eval()


@pytest.mark.parametrize("shrink", [False, True])
def test_tw1_the_recipe_hides_what_overlaps(
    shrink: bool, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    """The mask itself is in test_masking.py. Red without `overlap`, as in the released code."""
    recipe = recipes.load("twelve_in_one", shrink=shrink)
    (masker,) = (o.corruption for o in recipe.objectives if isinstance(o, MrcKl))
    assert isinstance(masker, RegionMasker)
    n, R = 1000, 20
    generator = torch.Generator().manual_seed(1)
    corner = torch.rand(n, R, 2, generator=generator) * 0.5
    size = 0.1 + torch.rand(n, R, 2, generator=generator) * 0.4
    batch = dataclasses.replace(
        make_batch(n),
        boxes_BR4=torch.cat([corner, corner + size], -1),
        regions_BRD=torch.ones(n, R, 3),
        probs_BRK=torch.ones(n, R, 2),
        region_mask_BR=torch.ones(n, R, dtype=torch.bool),
    )
    view = masker(View.of(batch), batch, draws(n), wordpiece)
    asked_for = view.hidden_regions_BR & view.masked_regions_BR
    near = ((iou(batch.boxes_BR4) > 0.4) & asked_for[:, None, :]).any(-1)
    assert asked_for.sum() > 1000
    assert not (near & ~view.hidden_regions_BR).any()
    # A kept region (a tenth) is asked for in sight, and hides no other.
    assert (view.masked_regions_BR & ~view.hidden_regions_BR).any()


def test_tw1_the_whole_image_is_the_mean_of_what_is_seen(
    small_network: Network, make_batch: Callable[..., Batch]
) -> None:
    """Red when hidden regions count as zeros, which is ViLBERT's way."""
    batch = make_batch(4)
    hidden = batch.region_mask_BR & (torch.arange(batch.region_mask_BR.shape[1]) == 0)
    view = dataclasses.replace(
        View.of(batch),
        regions_BRD=batch.regions_BRD.masked_fill(hidden[:, :, None], 0.0),
        hidden_regions_BR=hidden,
    )
    fewer = dataclasses.replace(batch, region_mask_BR=batch.region_mask_BR & ~hidden)
    with torch.no_grad():
        got = small_network.embed_image(batch, view)[:, 0]
        expected = small_network.embed_image(fewer, View.of(fewer))[:, 0]
    assert torch.allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("match", [True, False])
def test_tw2_only_matching_pairs_have_masked_losses(
    match: bool, small: Recipe, small_network: Network, make_batch: Callable[..., Batch],
    wordpiece: WordPiece,
) -> None:  # fmt: skip
    """Red with gate="all", as in ViLBERT."""
    assert all(o.gate == "positives" for o in small.objectives if isinstance(o, Mlm | MrcKl))
    turn = Turn(asked=("mlm", "mrc_kl", "itm"))
    objectives = asked(small.objectives, turn)
    shown = corrupt(objectives, make_batch(32, match=match), draws(32), wordpiece)
    scores = score_step(small_network, objectives, [shown], Workers(), turn.asked)
    assert scores["itm"].mean > 0
    for name in ("mlm", "mrc_kl"):
        assert (scores[name].total > 0) == match
        assert (scores[name].count > 0) == match


def test_tw4_the_tasks_token_stands_second_and_moves_nothing_else(
    small_network: Network, make_batch: Callable[..., Batch]
) -> None:
    """Red when the token is put first, or gives the words behind it other positions."""
    batch = make_batch(3)
    plain = View.of(batch)
    told, other = (dataclasses.replace(plain, task=number) for number in (12, 13))
    with torch.no_grad():
        before, after = (small_network.streams(batch, view) for view in (plain, told))
        assert after.n_text == before.n_text + 1
        assert torch.equal(after.text[:, :1], before.text[:, :1])
        assert torch.equal(after.text[:, 2:], before.text[:, 1:])
        text = small_network.text
        assert torch.allclose(after.text[:, 1], text.norm(text.task.weight[12]).expand(3, -1))
        assert torch.equal(after.mask_BS.sum(1), before.mask_BS.sum(1) + 1)
        assert after.mask_BS[:, 1].all()
        outs = [encoded_of(small_network, batch, view) for view in (plain, told, other)]
        pooled = small_network.pooler(
            *_streams_after(small_network, batch, told), torch.ones(3, after.n_text).bool()
        )
        first = _streams_after(small_network, batch, told)[0][:, 0]
    assert torch.equal(outs[1].pooled, pooled)
    assert torch.equal(outs[1].first, first)
    assert outs[1].text_BLH.shape == outs[0].text_BLH.shape  # words stand where the batch has them
    assert torch.equal(outs[1].text_BLH[:, 1], _streams_after(small_network, batch, told)[0][:, 2])
    assert not torch.allclose(outs[1].pooled, outs[2].pooled)


def encoded_of(network: Network, batch: Batch, view: View) -> Encoded:
    with torch.no_grad():
        return network.look(batch, view)


def _streams_after(network: Network, batch: Batch, view: View) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        after = network.encoder(network.streams(batch, view))
    return after.text, after.image


def test_tw5_a_pair_of_pictures_is_read_in_order(small: Recipe, small_network: Network) -> None:
    """Red when the two vectors are summed, or put below each other."""
    (nlvr2,) = (o for o in small.objectives if o.name == "nlvr2")
    assert isinstance(nlvr2, Answering)
    pooled = torch.randn(6, 64, generator=torch.Generator().manual_seed(0))
    out = Encoded(text_BLH=pooled[:, None], image_BRH=pooled, words_VH=pooled, pooled_BP=pooled)
    head = small_network.heads["nlvr2"]
    logits = nlvr2.logits(head, out)
    assert logits.shape == (3, 2)
    assert torch.allclose(logits[1], head(torch.cat((pooled[2], pooled[3]))), atol=1e-6)
    assert not torch.allclose(logits[1], head(torch.cat((pooled[3], pooled[2]))), atol=1e-3)


def test_tw5_of_four_pairs_the_first_is_the_true_one(
    small: Recipe, memory_set: Callable[..., TrainingSet]
) -> None:
    part = dataclasses.replace(small.stages[1], batch_pairs=8)
    turn = next(t.turn for t in plan_of(part).tasks if t.data == OWN)
    load = Loader(data=memory_set(16), recipe=small, stage=part, seed=0)
    (made,) = Feed({OWN: load}, ()).take(turn).parts
    assert made.batch.match_B.view(-1, 4).tolist() == [[1, 0, 0, 0]] * 8
    (ranking,) = asked(small.objectives, turn)
    scores = torch.tensor([5.0, 0, 0, 0] * 8)[:, None]
    out = Encoded(text_BLH=scores, image_BRH=scores, words_VH=scores, pooled_BP=scores)
    loss: Loss = ranking.loss(nn.Identity(), out, made.batch, View.of(made.batch))
    assert loss.total.item() < 8 * 0.03
    assert ranking.count(made.batch, View.of(made.batch)) == 8


def test_a_task_is_validated_on_pairs_as_it_is_trained_on(
    small: Recipe, small_network: Network, memory_set: Callable[..., TrainingSet]
) -> None:
    """Red when the recipe's own pairing is taken: six rows are no groups of four."""
    part = dataclasses.replace(small.stages[1], batch_pairs=6, steps=None, epochs=1.0)
    turn = next(t.turn for t in plan_of(part).tasks if t.data == OWN)
    load = Loader(data=memory_set(18), recipe=small, stage=part, seed=0)
    beside = Beside(validation={OWN: load})
    score = validate(small_network, turn, beside, Workers(), CPU)
    assert score * 18 == pytest.approx(round(score * 18))
    assert 0 <= score <= 1


def test_tw5_padding_is_never_pointed_at(make_batch: Callable[..., Batch]) -> None:
    batch = make_batch(8)
    padding = ~batch.region_mask_BR
    assert padding.any()
    hidden = torch.where(padding, 100.0, 0.0)[:, :, None]
    out = Encoded(text_BLH=hidden, image_BRH=hidden, words_VH=hidden)
    scores = Pointing(name="pointing").scores(nn.Identity(), out, batch)
    assert (scores[padding] <= -1e4).all()


def test_tw6_a_loss_is_scaled_by_its_rate_over_the_lowest(
    small: Recipe, small_network: Network, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    tasks = plan_of(small.stages[1]).tasks
    assert [task.token for task in tasks] == [1, 2, 15, 4, 17, 7, 8, 9, 10, 11, 12, 13]
    for row, task in zip(TASKS, tasks, strict=True):
        assert task.scale == pytest.approx(row.lr / 2e-5)
    assert {task.data: task.scale for task in tasks if task.scale != 1.0} == {
        "vqa": 2.0,
        "vg_qa": 2.0,
        "gqa": 2.0,
    }
    assert len({task.asked for task in tasks}) == 6  # tasks of one kind share a head
    batch = dataclasses.replace(make_batch(4), targets_BX=torch.eye(3)[[0, 1, 2, 0]])
    found = []
    for scale in (1.0, 2.0):
        turn = Turn(asked=("vqa",), data="vqa", scale=scale, token=1)
        shown = Shown(batch=batch, view=dataclasses.replace(View.of(batch), task=1))
        still = torch.optim.SGD(small_network.parameters(), lr=0.0)
        train_step(
            small_network, still, small.objectives, _unclipped(small), [(turn, [shown])], Workers()
        )
        found.append(small_network.text.task.weight.grad.clone())
    assert torch.allclose(found[1], 2 * found[0])
    assert found[0][1].abs().sum() > 0
    assert found[0][2].abs().sum() == 0


def _unclipped(recipe: Recipe) -> Stage:
    assert recipe.stages[1].optim.clip_norm is None
    return recipe.stages[1]


def test_the_answering_heads_learn_at_their_own_rate(small: Recipe, small_network: Network) -> None:
    """1e-4 for all heads of pairs, 2e-5 for the regions' and for the body; no bias correction."""
    part = small.stages[1]
    optimizer = build_optimizer(small_network, part.optim)
    assert type(optimizer).__name__ == "BertAdam"
    groups = {id(p): g for g in optimizer.param_groups for p in g["params"]}
    for name, parameter in small_network.named_parameters():
        group = groups[id(parameter)]
        head = name.startswith("heads.") and not name.startswith("heads.pointing")
        assert part.optim.lr * group["lr_scale"] == pytest.approx(1e-4 if head else 2e-5), name
        exempt = name.endswith(".bias") or ".norm." in name
        assert group["weight_decay"] == (0.0 if exempt else 0.01), name


def question(i: int, *images: str | int, right: str = "a") -> Record:
    rows = tuple(Row(image=image, text="the cat of red") for image in images)
    return Record(id=str(i), rows=rows, right={right: 1.0})


def test_tw7_no_test_image_of_any_task_is_trained_on() -> None:
    """Red when a task is cleaned of its own test images only, or a pair by its first image only."""
    training = {
        "vqa": [question(0, "k1"), question(1, "k2"), question(2, "k3")],
        "nlvr2": [question(3, "k4", "k2"), question(4, "k4", "k5")],
    }
    tests = [question(9, "k2"), question(8, "k3", "k9")]
    cleaned = clean(training, tests)
    assert {name: [r.id for r in records] for name, records in cleaned.items()} == {
        "vqa": ["0"],
        "nlvr2": ["4"],
    }
    left = images_of(record for records in cleaned.values() for record in records)
    assert left.isdisjoint(images_of(tests))


def test_classes_are_given_to_the_heads_that_answer(small: Recipe) -> None:
    assert [len(o.answers) for o in small.objectives if isinstance(o, Answering)] == [3, 2, 2, 3]
    with pytest.raises(ValueError, match="no answering head vqaa; there is gqa, nlvr2, snli_ve"):
        with_answers(small, {"vqaa": ("a",)})


def test_full_size_is_the_papers() -> None:
    """270 million parameters, says the abstract; the specification has no exact figure."""
    recipe = recipes.load("twelve_in_one")
    with torch.device("meta"):
        network = Network(recipe, DataSizes(vocabulary=30_522, feature_dim=2048, classes=1601))
        vilbert = Network(
            recipes.load("vilbert"), DataSizes(vocabulary=30_522, feature_dim=2048, classes=1601)
        )
    body, other = (
        sum(p.numel() for n, p in each.named_parameters() if not n.startswith("heads."))
        for each in (network, vilbert)
    )
    assert body == other + 20 * 768
    heads = {
        name: sum(p.numel() for p in head.parameters()) for name, head in network.heads.items()
    }
    for name, answers in (("vqa", 3129), ("gqa", 1533)):
        assert heads[name] == 1024 * 2048 + 2048 + 2 * 2048 + 2048 * answers + answers
    assert heads["nlvr2"] == 2048 * 2048 + 2048 + 2 * 2048 + 2048 * 2 + 2
    assert heads["snli_ve"] == 1024 * 3 + 3
    assert heads["retrieval"] == heads["pointing"] == 1024 + 1
    total = sum(p.numel() for p in network.parameters())
    assert 250e6 < total < 275e6


def test_several_tasks_train_one_network_through_a_run(small: Recipe, tmp_path: Path) -> None:
    """Questions, captions and validation sets of a stage; stopped and gone on, it ends the same."""
    shards = packed(tmp_path / "set", 12)
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    rng = range(12)
    records = {
        "vqa": [question(i, i, right="abc"[i % 3]) for i in rng],
        "nlvr2": [question(i, i, (i + 1) % 12, right=str(i % 2 == 0)) for i in rng],
    }
    for name, asked_about in records.items():
        write_records(tmp_path / f"{name}.jsonl", find_images(asked_about, shards).records)

    def data(name: str, records: str | None = None) -> StageData:
        return StageData(
            name=name,
            shards=shards,
            regions=tmp_path / "regions",
            records=None if records is None else tmp_path / f"{records}.jsonl",
        )

    tasks = tuple(
        dataclasses.replace(task, batch_pairs=4)
        for task in plan_of(small.stages[1]).tasks
        if task.data in ("vqa", "nlvr2", OWN)
    )
    part = dataclasses.replace(
        small.stages[1],
        tasks=RoundRobin(tasks=tasks, stop_and_go=StopAndGo(validate_every=2)),
        steps=12,
        batch_pairs=4,
        log_every=2,
        checkpoint_every=4,
    )
    both = (data("vqa", "vqa"), data("nlvr2", "nlvr2"))
    own = dataclasses.replace(data("multitask"), more=both, validation=(data("multitask"), *both))
    plan = Plan(
        recipe=dataclasses.replace(small, stages=(part,)),
        stages=(own,),
        out=tmp_path / "run",
        seed=0,
    )

    def run(plan: Plan, stop_at: float = 1e9) -> None:
        def saved(metrics: dict[str, float]) -> None:
            if metrics["step"] >= stop_at:
                raise KeyboardInterrupt

        prepare(plan, 1)
        run_stages(plan, Workers(), CPU, saved)

    run(plan)
    stopped = dataclasses.replace(plan, out=tmp_path / "stopped")
    with pytest.raises(KeyboardInterrupt):
        run(stopped, stop_at=8)
    run(stopped)
    ends = []
    for each in (plan, stopped):
        done = checkpoint.latest(each.out / "multitask" / "checkpoints")
        assert done is not None
        network, snapshot = checkpoint.load_network(done)
        ends.append((network.state_dict(), snapshot.tasks, snapshot.places))
    for name, weight in ends[0][0].items():
        assert torch.equal(weight, ends[1][0][name]), name
    assert ends[0][1:] == ends[1][1:]
    state = ends[0][1]
    assert isinstance(state, PlanState)
    assert (state.round, state.validated) == (4, 2)
    assert all(task.best is not None for task in state.tasks)
    assert {place.data: place.steps for place in ends[0][2]} == {OWN: 4, "vqa": 4, "nlvr2": 4}
