"""Do a task's questions find their images, train a network, and come back as answers?"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pretrain import checkpoint
from pretrain.batch import Batch, View
from pretrain.collate import Inputs
from pretrain.data import ShardSet
from pretrain.finetune import for_task
from pretrain.loader import Loader
from pretrain.objectives.answering import Answering
from pretrain.objectives.choosing import Choosing
from pretrain.objectives.objective import Encoded, Sizes
from pretrain.objectives.pointing import Pointing, overlap
from pretrain.plan import Plan, StageData, prepare
from pretrain.recipe import Recipe, with_settings
from pretrain.regions.regions import Regions
from pretrain.regions.write import write_regions
from pretrain.run import run_stages
from pretrain.tasks import nlvr2, vqa
from pretrain.tasks.answer import answer, load_task, names
from pretrain.tasks.mask_token import asked_by_mask
from pretrain.tasks.question_set import QuestionSet
from pretrain.tasks.records import find_images, read_records, write_records
from pretrain.tasks.task import Record, Row
from pretrain.tokens import WordPiece
from pretrain.workers import Workers
from shards.config import ShardsConfig
from shards.pack import pack
from tests.pretrain.helpers import CountingDetector, packed, picture

CPU = torch.device("cpu")
N_IMAGES = 12


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A set of twelve pictures, `0.png` to `11.png`, and their regions."""
    folder = tmp_path_factory.mktemp("images")
    shards = packed(folder / "set", N_IMAGES)
    write_regions(shards, folder / "regions", detector=CountingDetector())
    return shards, folder / "regions"


def question(i: int, image: str | int, right: str, text: str = "the cat of red") -> Record:
    return Record(id=str(i), rows=(Row(image=image, text=text),), right={right: 1.0})


@pytest.mark.parametrize("called", ["{n}", "{n}.png", "number"])
def test_an_image_is_known_by_each_of_its_names(images: tuple[Path, Path], called: str) -> None:
    record = question(0, 7 if called == "number" else called.format(n=7), "yes")
    (found,) = find_images([record], images[0]).records
    sha256 = sample_sha256(images[0], str(found.rows[0].image))
    assert find_images([question(0, sha256, "yes")], images[0]).records == (found,)
    assert sha256 == hashlib.sha256(picture(7)).hexdigest()


def sample_sha256(shards: Path, key: str) -> str:
    from shards.read import ShardReader

    reader = ShardReader(shards)
    at = reader.find(key)
    assert at is not None
    return str(json.loads(reader.sample(at).record)["sha256"])


def test_records_whose_image_is_not_there_are_counted_and_named(
    images: tuple[Path, Path],
) -> None:
    found = find_images(
        [question(0, 3, "a"), question(1, 99, "a"), question(2, 98, "a")], images[0]
    )
    assert [record.id for record in found.records] == ["0"]
    assert (found.n_without_image, found.first_without) == (2, "99")


def test_a_name_of_two_samples_is_refused(tmp_path: Path) -> None:
    for folder, seed in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "7.png").write_bytes(picture(seed))
    lines = [{"image": f"{folder}/7.png", "texts": ["x"]} for folder in "ab"]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    pack(tmp_path / "pairs.jsonl", tmp_path / "set", ShardsConfig())
    with pytest.raises(ValueError, match="image 7 of 0: several samples"):
        find_images([question(0, 7, "x")], tmp_path / "set")
    assert find_images([question(0, "a/7.png", "x")], tmp_path / "set").records


def test_records_are_written_once_and_read_back(tmp_path: Path) -> None:
    records = (
        question(0, "k", "yes"),
        Record(
            id="é",
            rows=(Row(image="k", text="a", second="b"), Row(image="l", text="c")),
            right={},
            box=(0.0, 0.1, 0.5, 1.0),
            kind="x",
            group="y",
        ),
    )
    path = tmp_path / "out" / "records.jsonl"
    write_records(path, records)
    assert read_records(path) == records
    write_records(path, records)
    with pytest.raises(ValueError, match="other records"):
        write_records(path, records[:1])


def settings(recipe: Recipe) -> Recipe:
    return with_settings(
        recipe,
        {
            "stages.vqa.epochs": 60.0,
            "stages.vqa.batch_pairs": 12,
            "stages.vqa.optim.lr": 3e-3,
            "stages.vqa.checkpoint_every": 100,
            "stages.vqa.log_every": 10,
        },
    )


@pytest.mark.parametrize("head", ["pair", "mask"])
def test_vqa_is_learned_from_the_picture_and_answered(
    head: str, images: tuple[Path, Path], tiny: Recipe, tmp_path: Path
) -> None:
    # Every question has the same words: only the picture tells the answer.
    asked = [question(i, i, "yes" if i % 2 else "no") for i in range(N_IMAGES)]
    records = find_images(asked, images[0]).records
    write_records(tmp_path / "records.jsonl", records)
    recipe = settings(for_task(None, tiny, vqa.objective(records), vqa.STAGE))
    recipe = asked_by_mask(recipe) if head == "mask" else recipe
    data = StageData(
        name="vqa", shards=images[0], regions=images[1], records=tmp_path / "records.jsonl"
    )
    plan = Plan(recipe=recipe, stages=(data,), out=tmp_path / "run", seed=0)
    prepare(plan, 1)
    run_stages(plan, Workers(), CPU)
    answers = answer(plan.out, *images, records)
    assert list(answers) == [record.id for record in records]
    assert vqa.metrics(records, answers)["accuracy"] == 1.0
    snapshot = checkpoint.read(checkpoint.find(plan.out))
    assert snapshot.recipe == plan.recipe  # the answers that it chooses among are part of it
    other = dataclasses.replace(data, records=tmp_path / "other.jsonl")
    write_records(tmp_path / "other.jsonl", records[:4])
    with pytest.raises(ValueError, match="holds a run of other settings or data"):
        prepare(dataclasses.replace(plan, stages=(other,)), 1)


def test_a_pretrained_model_answers_no_questions(
    images: tuple[Path, Path], tiny: Recipe, tmp_path: Path
) -> None:
    first = StageData(name="first", shards=images[0], regions=images[1])
    recipe = dataclasses.replace(
        tiny, stages=(dataclasses.replace(tiny.stages[0], epochs=1.0, batch_pairs=12),)
    )
    plan = Plan(recipe=recipe, stages=(first,), out=tmp_path / "run", seed=0)
    prepare(plan, 1)
    run_stages(plan, Workers(), CPU)
    with pytest.raises(ValueError, match="lait finetune"):
        answer(plan.out, *images, [question(0, "k", "yes")])


def test_only_a_question_about_one_image_is_asked_by_a_mask(tiny: Recipe) -> None:
    for objective in (Choosing(name="vcr", rows=4), nlvr2.objective(())):
        recipe = for_task(None, tiny, objective, vqa.STAGE)
        with pytest.raises(ValueError, match=f"--head mask: {objective.name} is no question"):
            asked_by_mask(recipe)


def test_rows_of_a_question_stay_together(
    images: tuple[Path, Path], tiny: Recipe, wordpiece: WordPiece
) -> None:
    def rows(i: int) -> tuple[Row, ...]:
        return tuple(
            Row(image=(i + k) % N_IMAGES, text="the cat", second="a " * k) for k in range(4)
        )

    asked = [Record(id=str(i), rows=rows(i), right={str(i % 4): 1.0}) for i in range(N_IMAGES)]
    records = find_images(asked, images[0]).records
    data = QuestionSet(ShardSet(*images), records, Choosing(name="vcr", rows=4))
    # Each text beside its own picture, in the order of the file.
    whole = ShardSet(*images)
    for i, record in enumerate(records):
        pairs = data.pairs(i, tiny.inputs, wordpiece)
        for k, (pair, row) in enumerate(zip(pairs, record.rows, strict=True)):
            beside = whole.by_key(str(row.image)).regions
            assert np.array_equal(pair.regions.features_RD, beside.features_RD)
            assert pair.targets == ((1.0,) if k == i % 4 else (0.0,))
    stage = dataclasses.replace(tiny.stages[0], micro_batches=2, batch_pairs=4)
    recipe = dataclasses.replace(tiny, objectives=(Choosing(name="vcr", rows=4),))
    seen = []
    for rank in range(2):
        loader = Loader(data=data, recipe=recipe, stage=stage, seed=0, rank=rank, world_size=2)
        step = next(iter(loader.steps(0, loader.start())))
        for part in step.parts:
            assert len(part.batch) == 4
            assert part.batch.targets_BX is not None
            assert part.batch.targets_BX.sum() == 1
            n_pieces = part.batch.text_mask_BL.sum(1).tolist()
            assert n_pieces[0] + 2 == n_pieces[1]  # a [SEP] and one word more
            assert n_pieces[1] + 1 == n_pieces[2]
            seen.append(part.batch.targets_BX[:, 0].argmax().item())
    assert len(seen) == 4


def regions(*boxes: tuple[float, ...]) -> Regions:
    n = len(boxes)
    return Regions(
        boxes_R4=np.array(boxes, dtype=np.float32),
        features_RD=np.zeros((n, 3), dtype=np.float16),
        probs_RK=np.zeros((n, 2), dtype=np.float16),
    )


def test_pointing_targets_follow_the_overlap_of_the_regions_that_are_shown() -> None:
    found = regions((0, 0, 1, 1), (0, 0, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5))
    record = Record(id="1", rows=(Row(image=1, text="x"),), right={}, box=(0.0, 0.0, 0.5, 0.5))
    assert Pointing(name="refer").targets(record, [found])[0] == pytest.approx((0.25, 1.0, 0.0))
    assert overlap(found.boxes_R4.tolist(), (0.5, 0.5, 0.5, 0.5))[2].item() == 0.0


def encoded_of(first_BH: torch.Tensor, image_BRH: torch.Tensor) -> Encoded:
    return Encoded(text_BLH=first_BH[:, None], image_BRH=image_BRH, words_VH=first_BH)


def with_targets(batch: Batch, targets: list[list[float]]) -> Batch:
    return dataclasses.replace(batch, targets_BX=torch.tensor(targets))


def test_answering_by_hand(make_batch: Callable[..., Batch]) -> None:
    batch = with_targets(make_batch(2), [[1.0, 0.0, 0.6], [0.0, 0.3, 0.0]])
    logits = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 0.0]])
    encoded = encoded_of(logits, torch.zeros(2, 1, 3))
    answers = ("a", "b", "c")
    soft = Answering(name="x", answers=answers, kind="bce", inner=0)
    loss = soft.loss(nn.Identity(), encoded, batch, View.of(batch))
    p = logits.sigmoid()
    t = batch.targets_BX
    assert t is not None
    by_hand = -(t * p.log() + (1 - t) * (1 - p).log()).sum()
    assert loss.total.item() == pytest.approx(by_hand.item(), abs=1e-5)
    assert loss.correct == 1  # 0.3 is not right enough
    assert soft.decide(nn.Identity(), encoded, batch) == ["a", "b"]
    hard = Answering(name="x", answers=answers, kind="ce", inner=0)
    hard_batch = with_targets(batch, [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    loss = hard.loss(nn.Identity(), encoded, hard_batch, View.of(batch))
    # A question none of whose right answers is a class adds nothing.
    assert loss.total.item() == pytest.approx(-logits[0].log_softmax(-1)[0].item(), abs=1e-6)


def test_two_pictures_vectors_stand_side_by_side(make_batch: Callable[..., Batch]) -> None:
    objective = Answering(name="nlvr2", answers=("False", "True"), rows=2, inner=0)
    sizes = Sizes(
        hidden=3, image_hidden=3, pooled=3, vocabulary=9, feature_dim=3, classes=2, eps=1e-12
    )
    head = objective.head(sizes)
    first = torch.randn(4, 3)
    logits = objective.logits(head, encoded_of(first, torch.zeros(4, 1, 3)))
    assert logits.shape == (2, 2)
    swapped = objective.logits(head, encoded_of(first[[1, 0, 2, 3]], torch.zeros(4, 1, 3)))
    assert not torch.allclose(logits[0], swapped[0])  # which is left and which is right matters
    assert torch.allclose(logits[1], swapped[1])
    batch = make_batch(4)
    assert objective.count(batch, View.of(batch)).item() == 2


def test_choosing_by_hand(make_batch: Callable[..., Batch]) -> None:
    scores = torch.tensor([0.1, 2.0, 0.3, 0.4, 1.0, 0.0, 0.0, 0.0])[:, None]
    batch = with_targets(make_batch(8), [[0.0], [1.0], [0.0], [0.0], [0.0], [0.0], [0.0], [1.0]])
    objective = Choosing(name="vcr", rows=4)
    encoded = encoded_of(scores, torch.zeros(8, 1, 1))
    loss = objective.loss(nn.Identity(), encoded, batch, View.of(batch))
    log_p = scores.view(2, 4).log_softmax(-1)
    assert loss.total.item() == pytest.approx(-(log_p[0, 1] + log_p[1, 3]).item(), abs=1e-5)
    assert loss.correct == 1
    assert objective.count(batch, View.of(batch)) == 2
    assert objective.decide(nn.Identity(), encoded, batch) == ["1", "0"]


def test_pointing_by_hand(make_batch: Callable[..., Batch]) -> None:
    batch = make_batch(2)
    R = batch.region_mask_BR.shape[1]
    mask = torch.zeros(2, R, dtype=torch.bool)
    mask[:, :2] = True
    scores = torch.zeros(2, R, 1)
    scores[0, 1], scores[1, 0], scores[1, 1] = 2.0, 1.0, -1.0
    scores[:, 2:] = 50.0  # padding never wins
    batch = dataclasses.replace(with_targets(batch, [[0.4, 0.8], [0.2, 0.9]]), region_mask_BR=mask)
    batch = dataclasses.replace(
        batch,
        targets_BX=torch.cat((batch.targets_BX, torch.zeros(2, R - 2)), 1),  # type: ignore[arg-type]
    )
    objective = Pointing(name="refer")
    loss = objective.loss(nn.Identity(), encoded_of(scores[:, 0], scores), batch, View.of(batch))

    def bce(score: float, target: float) -> float:
        p = torch.tensor(score).sigmoid()
        return -(target * p.log() + (1 - target) * (1 - p).log()).item()

    by_hand = bce(0, 0) + bce(2, 0.8) + bce(1, 0) + bce(-1, 0.9)
    assert loss.total.item() == pytest.approx(by_hand, abs=1e-5)
    assert loss.correct == 1
    encoded = encoded_of(scores[:, 0], scores)
    assert json.loads(objective.decide(nn.Identity(), encoded, batch)[0]) == pytest.approx(
        batch.boxes_BR4[0, 1].tolist()
    )


def test_tasks_are_found_by_their_files() -> None:
    assert names() == ["gqa", "nlvr2", "refer", "snli_ve", "vcr", "vqa"]
    for name in names():
        task = load_task(name)
        assert task.STAGE.name == name
        assert callable(task.results)
        assert callable(task.metrics)
    with pytest.raises(ValueError, match="did you mean vqa"):
        load_task("vqa2")


def test_a_task_needs_a_model_or_a_recipe() -> None:
    any_objective: Any = Answering(name="vqa", answers=("a",))
    with pytest.raises(ValueError, match="--start"):
        for_task(None, None, any_objective, vqa.STAGE)


def test_too_long_a_question_is_cut_not_refused(
    images: tuple[Path, Path], wordpiece: WordPiece
) -> None:
    record = find_images([question(0, 1, "yes", text="cat " * 200)], images[0]).records[0]
    data = QuestionSet(ShardSet(*images), [record], Answering(name="vqa", answers=("yes",)))
    (pair,) = data.pairs(0, Inputs(max_length=20, max_regions=4), wordpiece)
    from pretrain.collate import collate

    batch = collate([pair], Inputs(max_length=20, max_regions=4), wordpiece)
    assert batch.tokens_BL.shape[1] + batch.regions_BRD.shape[1] == 20
