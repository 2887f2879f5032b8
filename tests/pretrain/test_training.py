"""Does training learn, carry on, and do the same whatever the split and the interruptions?"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pretrain import checkpoint, stage
from pretrain.data import TrainingSet
from pretrain.loader import Loader
from pretrain.network import DataSizes, Network
from pretrain.objectives.objective import Objective
from pretrain.optim import build_optimizer
from pretrain.recipe import Recipe, Stage
from pretrain.snapshot import Snapshot
from pretrain.stage import StepReport
from pretrain.steps.score import Score
from pretrain.steps.standard import corrupt, count, train_step
from pretrain.task_plans.task_plan import Turn
from pretrain.workers import Workers

CPU = torch.device("cpu")


def fresh(recipe: Recipe, sizes: DataSizes) -> Network:
    torch.manual_seed(0)
    return Network(recipe, sizes)


def loader(recipe: Recipe, data: TrainingSet, part: Stage | None = None, seed: int = 0) -> Loader:
    return Loader(data=data, recipe=recipe, stage=part or recipe.stages[0], seed=seed)


def train(network: Network, load: Loader) -> Iterator[StepReport]:
    optimizer = build_optimizer(network, load.stage.optim)
    yield from stage.run(
        network, optimizer, load, Workers(), CPU, first_step=0, position=load.start()
    )


def merged(scores: list[dict[str, Score]]) -> dict[str, Score]:
    total = scores[0]
    for more in scores[1:]:
        total = {name: total[name] + more[name] for name in total}
    return total


def accuracy(score: Score) -> float:
    assert score.correct is not None
    return score.correct / score.count


def test_f_g5_overfits_32_pairs(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    data = memory_set(32, most_things=2)
    mlm, moc, mrfr, itm = tiny.objectives
    objectives = (mlm, moc, dataclasses.replace(mrfr, weight=6.0), itm)  # type: ignore[type-var]
    part = dataclasses.replace(tiny.stages[0], epochs=1000, batch_pairs=32)
    recipe = dataclasses.replace(tiny, objectives=objectives)
    network = fresh(recipe, sizes)
    reports = list(train(network, loader(recipe, data, part)))
    assert reports[-1].loss < 0.2 * reports[0].loss

    scores = {o.name: asked_alone(network, recipe, o, data) for o in objectives}
    assert accuracy(scores["itm"]) > 0.95
    assert accuracy(scores["mlm"]) > 0.9
    features = np.concatenate([data.example(i).regions.features_RD for i in range(len(data))])
    assert scores["mrfr"].mean < 0.1 * features.astype(np.float32).var(axis=0).mean()

    # The image is used: beside the features of other things, masked words are harder.
    examples = [data.example(i) for i in range(len(data))]
    swapped = tuple(
        dataclasses.replace(example, regions=other.regions)
        for example, other in zip(examples, examples[1:] + examples[:1], strict=True)
    )
    wrong = dataclasses.replace(data, examples=swapped)  # type: ignore[type-var]
    assert asked_alone(network, recipe, mlm, wrong).mean > 2 * scores["mlm"].mean


def asked_alone(network: Network, recipe: Recipe, objective: Objective, data: TrainingSet) -> Score:
    """The score on unseen masks, with nothing hidden but what this objective hides."""
    alone = dataclasses.replace(recipe, objectives=(objective,))
    part = dataclasses.replace(recipe.stages[0], epochs=40, batch_pairs=32)
    network.recipe = alone
    scores = stage.score(network, loader(alone, data, part, seed=1), Workers(), CPU, n_steps=40)
    network.recipe = recipe
    return merged(scores)[objective.name]


def test_g_a_stage_starts_from_the_weights_of_the_one_before(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet], tmp_path: Path
) -> None:
    first, second = tiny.stages
    network = fresh(tiny, sizes)
    load = loader(tiny, memory_set(32), first)
    optimizer = build_optimizer(network, first.optim)
    *_, last = stage.run(
        network, optimizer, load, Workers(), CPU, first_step=0, position=load.start()
    )
    path = checkpoint.save(tmp_path, 1, snapshot(tiny, sizes, load, last), network, optimizer)

    carried, _ = checkpoint.load_network(path)
    next_load = loader(tiny, memory_set(32, seed=5), second, seed=1)
    (evaluated,) = stage.score(carried, next_load, Workers(), CPU, n_steps=1)
    begun = next(train(carried, next_load))
    untrained = next(train(fresh(tiny, sizes), next_load))
    for name, score in evaluated.items():
        assert begun.scores[name].total == pytest.approx(score.total, rel=1e-5), name
    assert untrained.loss > 1.05 * begun.loss


def snapshot(recipe: Recipe, sizes: DataSizes, load: Loader, report: StepReport) -> Snapshot:
    return Snapshot(
        recipe=recipe,
        sizes=sizes,
        stage=load.stage.name,
        step=report.step,
        total_steps=load.total_steps,
        seed=load.seed,
        position=report.position,
        shards_digest=load.data.digest,
        regions_digest="1" * 64,
    )


def test_g6_resumed_at_any_step_goes_on_as_undisturbed(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet], tmp_path: Path
) -> None:
    """With dropout: its random numbers must resume as well."""
    recipe = dataclasses.replace(tiny, encoder=dataclasses.replace(tiny.encoder, dropout=0.2))
    load = loader(recipe, memory_set(29))  # epochs end inside of steps
    network = fresh(recipe, sizes)
    optimizer = build_optimizer(network, load.stage.optim)
    undisturbed = []
    for report in stage.run(
        network, optimizer, load, Workers(), CPU, first_step=0, position=load.start()
    ):
        undisturbed.append(report)
        if report.step == 3:
            path = checkpoint.save(
                tmp_path, 1, snapshot(recipe, sizes, load, report), network, optimizer
            )

    torch.manual_seed(99)
    resumed, saved = checkpoint.load_network(path)
    optimizer = build_optimizer(resumed, load.stage.optim)
    checkpoint.load_optimizer(path, resumed, optimizer)
    again = list(
        stage.run(
            resumed,
            optimizer,
            load,
            Workers(),
            CPU,
            first_step=saved.step,
            position=saved.position,
        )
    )
    assert [r.step for r in again] == [r.step for r in undisturbed[3:]]
    assert [r.loss for r in again] == [r.loss for r in undisturbed[3:]]
    assert [r.lr for r in again] == [r.lr for r in undisturbed[3:]]
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def gradients(network: Network) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def test_g6_micro_batches_give_the_gradient_of_the_whole(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    """Sums over counts, not means of means: parts differ in size and in masked words."""
    found = []
    for n in (1, 4, 3):
        part = dataclasses.replace(tiny.stages[0], micro_batches=n)
        load = loader(tiny, memory_set(32), part)
        step = next(load.steps(0, load.start()))
        assert len(step.parts) == n
        network = fresh(tiny, sizes)
        shown = [corrupt(tiny.objectives, p.batch, p.draws, load.wordpiece) for p in step.parts]
        optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
        train_step(network, optimizer, tiny.objectives, part, [(Turn(), shown)], Workers())
        found.append(gradients(network))
    for other in found[1:]:
        for name, gradient in found[0].items():
            assert (gradient - other[name]).abs().max() <= 1e-5, name


def test_tokens_are_counted_without_padding(
    tiny: Recipe, memory_set: Callable[..., TrainingSet]
) -> None:
    load = loader(tiny, memory_set(32))
    (part,) = next(load.steps(0, load.start())).parts
    batch = part.batch
    n_words = (batch.tokens_BL != load.wordpiece.pad).sum()
    n_regions = (batch.boxes_BR4[..., 2] > 0).sum()  # a real box has a right edge
    assert part.n_tokens == n_words + n_regions
    assert part.n_tokens < batch.tokens_BL.numel() + batch.region_mask_BR.numel()


def test_two_workers_see_the_pairs_and_masks_of_one(
    tiny: Recipe, memory_set: Callable[..., TrainingSet]
) -> None:
    data = memory_set(32)
    alone = loader(tiny, data)
    shares = [dataclasses.replace(alone, rank=rank, world_size=2) for rank in (0, 1)]
    one = next(alone.steps(2, alone.start()))
    parts = [next(share.steps(2, share.start())).parts[0] for share in shares]
    rows = sorted((*parts[0].draws.rows, *parts[1].draws.rows))
    assert rows == sorted(one.parts[0].draws.rows) == list(range(16))
    whole = {row: one.parts[0].batch.tokens_BL[i] for i, row in enumerate(one.parts[0].draws.rows)}
    for part in parts:
        for i, row in enumerate(part.draws.rows):
            n = int(part.batch.text_mask_BL[i].sum())
            assert torch.equal(part.batch.tokens_BL[i, :n], whole[row][:n])
    objectives = tiny.objectives
    counts = [
        count(objectives, [corrupt(objectives, p.batch, p.draws, alone.wordpiece)], Workers())
        for p in (*parts, one.parts[0])
    ]
    assert torch.equal(counts[0] + counts[1], counts[2])


def test_half_precision_trains(
    tiny: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    part = dataclasses.replace(tiny.stages[0], precision="bfloat16")
    full = next(train(fresh(tiny, sizes), loader(tiny, memory_set(32))))
    network = fresh(tiny, sizes)
    half = list(train(network, loader(tiny, memory_set(32), part)))
    assert half[0].loss == pytest.approx(full.loss, rel=0.02)
    assert half[0].loss != full.loss
    assert all(p.dtype == torch.float32 for p in network.parameters())


def test_pairs_change_from_epoch_to_epoch(
    tiny: Recipe, memory_set: Callable[..., TrainingSet]
) -> None:
    load = loader(tiny, memory_set(16))
    matches = [s.parts[0].batch.match_B.tolist() for s in load.steps(0, load.start())]
    assert len({tuple(m) for m in matches}) == len(matches) == 4


def test_every_caption_of_an_image_is_shown(
    tiny: Recipe, memory_set: Callable[..., TrainingSet]
) -> None:
    data = memory_set(1, n_captions=5)
    part = dataclasses.replace(tiny.stages[0], epochs=60, batch_pairs=2)
    load = loader(tiny, data, part)
    shown = {
        tuple(row.tolist())
        for s in load.steps(0, load.start())
        for row in s.parts[0].batch.tokens_BL
    }
    assert len(shown) == len(set(data.example(0).captions))


def test_a_step_that_cannot_be_dealt_out_evenly_is_refused(tiny: Recipe) -> None:
    with pytest.raises(ValueError, match=r"stages\.first\.batch_pairs=16 .* 3 workers"):
        stage.check(tiny.stages[0], 3)
    with pytest.raises(ValueError, match="checkpoint_every=4"):
        stage.check(dataclasses.replace(tiny.stages[0], log_every=3), 2)
