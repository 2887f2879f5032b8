"""Does fine-tuning rank true pairs above their rivals, from the weights of pretraining?"""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pretrain import checkpoint
from pretrain.batch import Batch, View
from pretrain.evaluate.recall import image_retrieval, text_retrieval
from pretrain.evaluate.retrieval import score_all
from pretrain.finetune import STAGE, for_retrieval
from pretrain.loader import Loader
from pretrain.network import Network
from pretrain.objectives.objective import Encoded
from pretrain.objectives.ranking import Ranking
from pretrain.optim import build_optimizer
from pretrain.pairing import Candidates
from pretrain.plan import Plan, StageData, prepare
from pretrain.recipe import Recipe, with_settings
from pretrain.regions.write import write_regions
from pretrain.run import run_stages
from pretrain.stage import run as run_stage
from pretrain.workers import Workers
from tests.pretrain.helpers import CountingDetector, packed

CPU = torch.device("cpu")


def loss_of(
    kind: Any, scores: list[float], match: list[int], make_batch: Callable[..., Batch]
) -> tuple[float, int, int]:
    """Loss, right and count of groups of three with these scores."""
    batch = dataclasses.replace(make_batch(len(scores)), match_B=torch.tensor(match))
    hidden = torch.tensor(scores)[:, None, None]
    encoded = Encoded(text_BLH=hidden, image_BRH=hidden, words_VH=hidden)
    objective, view = Ranking(kind=kind, group=3), View.of(batch)
    loss = objective.loss(nn.Identity(), encoded, batch, view)
    assert loss.correct is not None
    return loss.total.item(), int(loss.correct), int(objective.count(batch, view))


SCORES, MATCH = [2.0, 1.9, -1.0, 0.0, 1.0, 0.5], [1, 0, 0, 1, 0, 0]


def test_the_three_losses_by_hand(make_batch: Callable[..., Batch]) -> None:
    binary = sum(math.log1p(math.exp(-s if m else s)) for s, m in zip(SCORES, MATCH, strict=True))
    assert loss_of("binary", SCORES, MATCH, make_batch) == (pytest.approx(binary), 2, 6)
    softmax = sum(
        math.log(sum(math.exp(s - group[0]) for s in group)) for group in (SCORES[:3], SCORES[3:])
    )
    assert loss_of("multiclass", SCORES, MATCH, make_batch) == (pytest.approx(softmax), 1, 2)
    hinge = (0.2 - 2.0 + 1.9) + (0.2 - 0.0 + 1.0)
    assert loss_of("triplet", SCORES, MATCH, make_batch) == (pytest.approx(hinge), 1, 2)


@pytest.mark.parametrize("kind", ["multiclass", "triplet"])
def test_a_stand_in_is_no_rival(kind: str, make_batch: Callable[..., Batch]) -> None:
    with_rival, *_ = loss_of(kind, [1.0, 0.9, 1.0], [1, 0, 1], make_batch)
    alone, *_ = loss_of(kind, [1.0, 0.9, -50.0], [1, 0, 0], make_batch)
    assert with_rival == pytest.approx(alone, abs=1e-6)
    assert loss_of(kind, [1.0, 1.0, 1.0], [1, 1, 1], make_batch)[0] == 0.0


@pytest.mark.parametrize("world_size", [1, 2])
def test_groups_stay_together_whatever_their_length(
    world_size: int, tiny: Recipe, memory_set: Callable[..., Any]
) -> None:
    stage = dataclasses.replace(tiny.stages[0], micro_batches=2, batch_pairs=8)
    recipe = dataclasses.replace(tiny, pairing=Candidates(wrong_texts=2, wrong_images=1))
    data = memory_set(24, most_things=6)
    n_rows = 0
    for rank in range(world_size):
        loader = Loader(
            data=data, recipe=recipe, stage=stage, seed=0, rank=rank, world_size=world_size
        )
        step = next(iter(loader.steps(0, loader.start())))
        assert len(step.parts) == 2
        for part in step.parts:
            match = part.batch.match_B.view(-1, 4)
            assert (match[:, 0] == 1).all()
            assert (match[:, 1:] == 0).all()
            # Rows of a group share their image, but for the last, whose image is another's.
            regions = part.batch.regions_BRD.view(-1, 4, *part.batch.regions_BRD.shape[1:])
            assert torch.equal(regions[:, 0], regions[:, 1])
            assert not torch.equal(regions[:, 0], regions[:, 3])
            assert [row % 4 for row in part.draws.rows] == [0, 1, 2, 3] * (len(match_rows(part)))
            n_rows += len(part.batch)
    assert n_rows == 8 * 4


def match_rows(part: Any) -> list[int]:
    return [row for row in part.draws.rows if row % 4 == 0]


@pytest.fixture
def data(tmp_path: Path) -> StageData:
    shards = packed(tmp_path / "set", 16)
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    return StageData(name=STAGE, shards=shards, regions=tmp_path / "regions")


def test_it_starts_from_the_weights_of_pretraining(
    tiny: Recipe, data: StageData, tmp_path: Path
) -> None:
    first = dataclasses.replace(data, name="first")
    recipe = dataclasses.replace(tiny, stages=tiny.stages[:1])
    plan = Plan(recipe=recipe, stages=(first,), out=tmp_path / "pretrained", seed=0)
    prepare(plan, 1)
    run_stages(plan, Workers(), CPU)
    before = dict(checkpoint.load_network(checkpoint.find(plan.out))[0].state_dict())
    tuned = with_settings(
        for_retrieval(plan.out),
        {"stages.retrieval.epochs": 2.0, "stages.retrieval.batch_pairs": 8,
         "stages.retrieval.optim.lr": 0.0},
    )  # fmt: skip
    plan = Plan(recipe=tuned, stages=(data,), out=tmp_path / "tuned", seed=0)
    prepare(plan, 1)
    run_stages(plan, Workers(), CPU)
    after = dict(checkpoint.load_network(checkpoint.find(plan.out))[0].state_dict())
    assert {name for name in after if name.startswith("heads.")} == {
        "heads.itm.weight",
        "heads.itm.bias",
    }
    for name, tensor in after.items():
        assert torch.equal(tensor, before[name]), name


def test_another_networks_checkpoint_is_refused(
    tiny: Recipe, network: Network, tmp_path: Path, make_batch: Callable[..., Batch]
) -> None:
    from safetensors.torch import save_file

    weights = {n: t.contiguous() for n, t in network.state_dict().items()}
    weights["region.feature.weight"] = torch.zeros(3, 3)
    save_file(weights, tmp_path / "network.safetensors")
    with pytest.raises(ValueError, match=r"init\.checkpoint=.*region\.feature\.weight"):
        checkpoint.start_from_checkpoint(network, tmp_path)


def test_no_rivals_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--wrong-texts"):
        for_retrieval(tmp_path, wrong_texts=0, wrong_images=0)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "triplet"])
def test_every_loss_learns_to_retrieve(
    kind: Any, tiny: Recipe, sizes: Any, memory_set: Callable[..., Any]
) -> None:
    pairing = Candidates(wrong_texts=2, wrong_images=1)
    stage = dataclasses.replace(tiny.stages[0], epochs=160.0 if kind == "triplet" else 60.0)
    recipe = dataclasses.replace(
        tiny, objectives=(Ranking(kind=kind, group=4),), pairing=pairing, stages=(stage,)
    )
    data = memory_set(24)
    torch.manual_seed(0)
    network = Network(recipe, sizes)
    loader = Loader(data=data, recipe=recipe, stage=stage, seed=0)
    optimizer = build_optimizer(network, stage.optim)
    for _ in run_stage(
        network, optimizer, loader, Workers(), CPU, first_step=0, position=loader.start()
    ):
        pass
    scores, owner = score_all(network.eval(), recipe, data)
    assert text_retrieval(scores, owner).r1 > 0.8
    assert image_retrieval(scores, owner).r1 > 0.8
