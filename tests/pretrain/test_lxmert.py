"""Is LXMERT as its authors trained it? (Checks LX1 to LX7 of the specification.)"""

import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import smooth_l1_loss
from transformers import LxmertConfig, LxmertForPreTraining

from pretrain import checkpoint
from pretrain import recipe as recipes
from pretrain.batch import Batch, View
from pretrain.draws import Draws
from pretrain.encoders.gated import EncoderSpec, GatedEncoder
from pretrain.encoders.streams import Streams
from pretrain.encoders.sublayers import lxmert
from pretrain.finetune import for_retrieval
from pretrain.loader import Loader
from pretrain.masking.regions import RegionMasker
from pretrain.network import DataSizes, Network, count_parameters
from pretrain.objectives.detected import SELECT, Detected
from pretrain.objectives.itm import Itm
from pretrain.objectives.objective import Encoded, Sizes
from pretrain.objectives.qa import NO_ANSWER, AnswerSampler, Qa
from pretrain.objectives.ranking import Ranking
from pretrain.plan import Plan, StageData, prepare
from pretrain.recipe import Init, Recipe
from pretrain.recipes.lxmert import BACKGROUND
from pretrain.regions.write import write_regions
from pretrain.released.load import start_from_released
from pretrain.run import run_stages
from pretrain.sentences import Question
from pretrain.steps.score import weighted
from pretrain.steps.standard import corrupt, score_step, train_step
from pretrain.steps.strategy import Shown
from pretrain.task_plans.task_plan import Turn
from pretrain.tokens import WordPiece
from pretrain.workers import Workers
from tests.pretrain.conftest import MemorySet
from tests.pretrain.helpers import CountingDetector, draws, packed

B, L, R, D, OBJECTS, ATTRIBUTES, ANSWERS = 6, 9, 5, 64, 11, 7, 31
SIZES = DataSizes(vocabulary=200, feature_dim=D, classes=1 + OBJECTS, attributes=ATTRIBUTES)


def small_recipe() -> Recipe:
    """The recipe at paper size but for its widths, without dropout."""
    full = recipes.load("lxmert")
    replaced = {"qa": {"n_answers": ANSWERS}}
    return dataclasses.replace(
        full,
        text=dataclasses.replace(full.text, positions=64),
        encoder=EncoderSpec(
            sublayers=lxmert(n_text=3, n_image=2, n_cross=2),
            hidden=48,
            heads=4,
            feed_forward=96,
            dropout=0.0,
        ),
        objectives=tuple(
            dataclasses.replace(o, **replaced.get(o.name, {}))  # type: ignore[type-var]
            for o in full.objectives
        ),
    )


def peer(**widths: int) -> LxmertForPreTraining:
    """Their network of the small recipe's widths."""
    torch.manual_seed(0)
    config = LxmertConfig(
        **{"vocab_size": 200, "visual_feat_dim": D, "num_object_labels": OBJECTS, **widths},
        hidden_size=48,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=64,
        num_qa_labels=ANSWERS,
        num_attr_labels=ATTRIBUTES,
        visual_pos_dim=4,
        l_layers=3,
        x_layers=2,
        r_layers=2,
        visual_loss_normalizer=1 / SELECT,
    )
    model = LxmertForPreTraining(config).eval()
    for parameter in model.parameters():  # norms and biases too, or equal ones would look mapped
        nn.init.normal_(parameter, std=0.2)
    return model


@pytest.fixture(scope="module")
def theirs() -> LxmertForPreTraining:
    return peer()


@pytest.fixture(scope="module")
def released(theirs: LxmertForPreTraining, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their checkpoint, as it is published."""
    folder = tmp_path_factory.mktemp("released")
    theirs.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def ours(released: Path) -> Network:
    network = Network(small_recipe(), SIZES).eval()
    start_from_released(network, released)
    return network


@pytest.fixture
def batch() -> Batch:
    """One text is padded and one image has a region less."""
    made = torch.Generator().manual_seed(1)
    text_mask, region_mask = torch.ones(B, L).bool(), torch.ones(B, R).bool()
    text_mask[2, -2:], region_mask[3, -1:] = False, False
    return Batch(
        tokens_BL=torch.randint(5, 200, (B, L), generator=made),
        segments_BL=torch.zeros(B, L).long(),
        positions_BL=torch.arange(L).expand(B, L),
        words_BL=torch.arange(L).expand(B, L),
        text_mask_BL=text_mask,
        regions_BRD=torch.randn(B, R, D, generator=made),
        boxes_BR4=torch.rand(B, R, 4, generator=made),
        probs_BRK=torch.rand(B, R, 1 + OBJECTS, generator=made),
        attributes_BRA=torch.rand(B, R, ATTRIBUTES, generator=made),
        region_mask_BR=region_mask,
        match_B=torch.tensor([1, 0, 1, 1, 0, 1]),
    )


@pytest.fixture
def view(batch: Batch) -> View:
    """With words, regions and answers to be found."""
    made = torch.Generator().manual_seed(2)
    words = (torch.rand(B, L, generator=made) < 0.3) & batch.text_mask_BL
    regions = (torch.rand(B, R, generator=made) < 0.4) & batch.region_mask_BR
    assert words.any()
    assert regions.any()
    return dataclasses.replace(
        View.of(batch),
        tokens_BL=batch.tokens_BL.masked_fill(words, 4),
        regions_BRD=batch.regions_BRD.masked_fill(regions[:, :, None], 0.0),
        masked_tokens_BL=words,
        masked_regions_BR=regions,
        hidden_regions_BR=regions,
        answers_B=torch.tensor([3, 5, NO_ANSWER, 8, NO_ANSWER, 30]),
    )


def their_inputs(batch: Batch, view: View) -> dict[str, Tensor]:
    return {
        "input_ids": view.tokens_BL,
        "visual_feats": view.regions_BRD,
        "visual_pos": batch.boxes_BR4,
        "attention_mask": batch.text_mask_BL.long(),
        "token_type_ids": batch.segments_BL,
    }


def test_lx1_forward_is_that_of_hugging_face(
    theirs: LxmertForPreTraining, ours: Network, batch: Batch, view: View
) -> None:
    with torch.no_grad():
        inputs = their_inputs(batch, view) | {"visual_attention_mask": batch.region_mask_BR.long()}
        expected, body = theirs(**inputs), theirs.lxmert(**inputs)
        got = ours.encode(ours.streams(batch, view))
        heads = ours.heads
        pairs = {
            "language": (got.text_BLH, body.language_output, batch.text_mask_BL),
            "vision": (got.image_BRH, body.vision_output, batch.region_mask_BR),
            "words": (
                heads["mlm"](got.text_BLH, got.words_VH),
                expected.prediction_logits,
                batch.text_mask_BL,
            ),
            "pooled": (got.pooled, body.pooled_output, ...),
            "matching": (heads["itm"](got.pooled), expected.cross_relationship_score, ...),
            "answers": (heads["qa"](got.pooled), expected.question_answering_score, ...),
        }
    for name, (our, their, real) in pairs.items():
        assert (our - their)[real].abs().max() <= 1e-5 * their.abs().max(), name


def test_lx1_loss_is_that_of_hugging_face(
    theirs: LxmertForPreTraining, ours: Network, batch: Batch, view: View
) -> None:
    every = torch.ones(B, R).bool()  # their loss knows no padded regions
    batch = dataclasses.replace(batch, region_mask_BR=every)
    assert batch.attributes_BRA is not None
    assert view.answers_B is not None
    object_conf, objects = batch.probs_BRK[..., 1:].max(-1)
    attribute_conf, attributes = batch.attributes_BRA.max(-1)
    with torch.no_grad():
        expected = theirs(
            **their_inputs(batch, view),
            labels=batch.tokens_BL.masked_fill(~view.masked_tokens_BL, -100),
            matched_label=batch.match_B,
            obj_labels={
                "obj": (objects, object_conf),
                "attr": (attributes, attribute_conf),
                "feat": (batch.regions_BRD, view.masked_regions_BR.float()),
            },
            ans=torch.where(
                (batch.match_B == 1) & (view.answers_B != NO_ANSWER), view.answers_B, -100
            ),
        ).loss.item()
    shown = [Shown(batch=batch, view=view)]
    scores = score_step(ours, ours.recipe.objectives, shown, Workers())
    assert weighted(ours.recipe.objectives, scores) == pytest.approx(expected, rel=1e-5)


def test_lx1_parameters_are_those_of_hugging_face() -> None:
    with torch.device("meta"):
        peer = LxmertForPreTraining(LxmertConfig())
    body = sum(p.numel() for p in peer.lxmert.parameters())
    total = sum(p.numel() for p in peer.parameters())
    sizes = DataSizes(vocabulary=30_522, feature_dim=2048, classes=1601, attributes=400)
    counted = count_parameters(recipes.load("lxmert"), sizes)
    assert (counted.body, counted.body + counted.heads) == (body, total)
    assert (round(body / 1e6, 2), round(total / 1e6, 2)) == (207.94, 228.05)


def test_lx2_one_cross_attention_for_both_directions(ours: Network, batch: Batch) -> None:
    names = [n for n, _ in ours.encoder.named_parameters() if n.startswith("sublayers.6.")]
    assert names
    assert all(name.startswith("sublayers.6.text.") for name in names)
    streams = ours.streams(batch, View.of(batch))
    changed = GatedEncoder(ours.recipe.encoder).eval()
    changed.load_state_dict(ours.encoder.state_dict())
    with torch.no_grad():
        changed.sublayers[6].text.output.bias.add_(torch.randn(48))
        before, after = (e.sublayers[:7] for e in (ours.encoder, changed))
        out = [_through(sublayers, streams) for sublayers in (before, after)]
    assert not torch.allclose(out[0].text, out[1].text)
    assert not torch.allclose(out[0].image, out[1].image)


def _through(sublayers: nn.ModuleList, streams: Streams) -> Streams:
    for sublayer in sublayers:
        streams = sublayer(streams)
    return streams


def test_lx3_the_streams_meet_before_each_looks_at_itself(ours: Network, batch: Batch) -> None:
    sublayers = list(ours.recipe.encoder.sublayers)
    sublayers[6:8] = reversed(sublayers[6:8])
    swapped = GatedEncoder(dataclasses.replace(ours.recipe.encoder, sublayers=tuple(sublayers)))
    weights = {
        name.replace(".6.", ".x.").replace(".7.", ".6.").replace(".x.", ".7."): tensor
        for name, tensor in ours.encoder.state_dict().items()
    }
    swapped.load_state_dict(weights)
    streams = ours.streams(batch, View.of(batch))
    with torch.no_grad():
        assert not torch.allclose(
            swapped.eval()(streams).text, ours.encoder(streams).text, atol=1e-3
        )


DETECTED = Detected(background=BACKGROUND)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A head for regions on hidden vectors at random."""

    head: nn.Module
    hidden_BRH: Tensor

    def loss(self, objective: Detected, batch: Batch, view: View) -> float:
        hidden = self.hidden_BRH
        encoded = Encoded(text_BLH=hidden, image_BRH=hidden, words_VH=hidden)
        return objective.loss(self.head, encoded, batch, view).total.item()

    def labels(self, objective: Detected, batch: Batch, view: View) -> float:
        """The loss without that of the features."""
        masked = view.masked_regions_BR & batch.region_mask_BR
        predicted = self.head.features(self.head.transform(self.hidden_BRH[masked]))
        distance = smooth_l1_loss(predicted, batch.regions_BRD[masked], reduction="sum")
        return self.loss(objective, batch, view) - distance.item() / D


@pytest.fixture
def asked() -> Asked:
    torch.manual_seed(0)
    sizes = Sizes(
        hidden=8,
        image_hidden=8,
        pooled=8,
        vocabulary=200,
        feature_dim=D,
        classes=1 + OBJECTS,
        attributes=ATTRIBUTES,
        eps=1e-12,
    )
    return Asked(head=DETECTED.head(sizes), hidden_BRH=torch.randn(B, R, 8))


def test_lx4_the_feature_to_find_is_the_original_one(
    asked: Asked, batch: Batch, view: View
) -> None:
    """Of a region that is shown as zeros, an answer of zeros is wrong."""
    nn.init.zeros_(asked.head.features.weight)
    nn.init.zeros_(asked.head.features.bias)
    told = dataclasses.replace(batch, regions_BRD=view.regions_BRD)
    assert asked.loss(DETECTED, batch, view) > asked.loss(DETECTED, told, view) + 1.0


@pytest.mark.parametrize("masked_only", [False, True])
def test_lx5_labels_are_of_all_regions_by_confidence_or_of_masked_ones(
    masked_only: bool, asked: Asked, batch: Batch, view: View
) -> None:
    objective = dataclasses.replace(DETECTED, masked_only=masked_only)
    every = dataclasses.replace(view, masked_regions_BR=torch.ones(B, R).bool())
    surer = dataclasses.replace(batch, probs_BRK=2 * batch.probs_BRK)
    plain = asked.labels(objective, batch, view)
    of_more, of_surer = (
        asked.labels(objective, batch, every),
        asked.labels(objective, surer, view),
    )
    assert (of_more == pytest.approx(plain, rel=1e-4)) != masked_only
    assert (of_surer == pytest.approx(plain, rel=1e-4)) == masked_only


def test_lx5_a_detector_without_attributes_is_asked_for_the_rest(batch: Batch, view: View) -> None:
    sizes = dataclasses.replace(SIZES, attributes=0)
    network = Network(small_recipe(), sizes)
    scores = score_step(
        network,
        network.recipe.objectives,
        [Shown(batch=dataclasses.replace(batch, attributes_BRA=None), view=view)],
        Workers(),
    )
    assert scores["detected"].total > 0


def test_lx6_only_matching_pairs_with_an_answer_are_asked(batch: Batch, view: View) -> None:
    objective = Qa(n_answers=ANSWERS)
    assert int(objective.count(batch, view)) == 3  # two have none, and one does not match
    hidden = torch.randn(B, 1, ANSWERS)
    encoded = Encoded(text_BLH=hidden, image_BRH=hidden, words_VH=hidden)
    total = objective.loss(nn.Identity(), encoded, batch, view).total
    by_hand = -hidden[:, 0].log_softmax(-1)[[0, 3, 5], [3, 8, 30]].sum()
    assert torch.isclose(total, by_hand)
    silent = dataclasses.replace(view, answers_B=None)
    assert objective.loss(nn.Identity(), encoded, batch, silent).total == 0
    assert int(objective.count(batch, silent)) == 0


def test_lx6_answers_are_drawn_by_their_scores(
    make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    n, steps = 50, 100
    targets = torch.zeros(n, 4)
    targets[:, 1], targets[:, 3] = 0.3, 0.9
    targets[0] = 0.0
    batch = dataclasses.replace(make_batch(n), targets_BX=targets)
    drawn = torch.stack(
        [
            AnswerSampler()(View.of(batch), batch, draws(n, step), wordpiece).answers_B
            for step in range(steps)
        ]
    )
    assert (drawn[:, 0] == NO_ANSWER).all()
    assert set(drawn[:, 1:].unique().tolist()) == {1, 3}
    assert (drawn[:, 1:] == 1).float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert Qa(answers=("no", "yes")).row_of({"yes": 0.9, "maybe": 1.0}) == (0.0, 0.9)


def test_lx6_questions_of_a_set_are_texts_like_captions(
    vocabulary: Path, memory_set: Callable[..., MemorySet]
) -> None:
    small = recipes.load("lxmert", shrink=True)
    asking = dataclasses.replace(
        small,
        vocabulary=str(vocabulary),
        objectives=(Qa(answers=("red", "blue"), n_answers=2), Itm(logits=2)),
    )
    data = MemorySet(
        examples=tuple(
            # Each its own, or none could be a mismatch.
            dataclasses.replace(
                example,
                questions=(Question(text="cat " * (20 + i), right={"blue": 1.0}),),
            )
            for i, example in enumerate(memory_set(24).examples)
        )
    )
    stage = dataclasses.replace(small.stages[0], epochs=10.0, batch_pairs=24)
    told = Loader(data=data, recipe=asking, stage=stage, seed=0)
    n_questions = n_asked = n_pairs = 0
    for step in told.steps(0, told.start()):
        for part in step.parts:
            shown = corrupt(asking.objectives, part.batch, part.draws, told.wordpiece)
            n_pairs += len(part.batch)
            n_questions += int((part.batch.text_mask_BL.sum(1) >= 22).sum())
            n_asked += int(asking.objectives[0].count(shown.batch, shown.view))
            answers = shown.view.answers_B
            assert answers is None or set(answers.tolist()) <= {NO_ANSWER, 1}
    assert n_questions / n_pairs == pytest.approx(0.5, abs=0.1)  # one caption, one question
    assert n_asked / n_questions == pytest.approx(0.5, abs=0.15)  # not of mismatches
    deaf = dataclasses.replace(asking, objectives=(Qa(n_answers=2), Itm(logits=2)))
    untold = Loader(data=data, recipe=deaf, stage=stage, seed=0)
    (part,) = next(untold.steps(0, untold.start())).parts
    assert part.batch.targets_BX is None
    assert not (part.batch.text_mask_BL.sum(1) >= 22).any()
    narrow = dataclasses.replace(asking, objectives=(Qa(answers=("a", "b"), n_answers=1),))
    with pytest.raises(ValueError, match=r"objectives\.qa\.n_answers=1"):
        Network(narrow, SIZES)


def test_lx7_region_losses_are_means_over_all_regions_by_the_share_that_is_masked(
    ours: Network, batch: Batch, view: View
) -> None:
    weights = {o.name: o.weight for o in ours.recipe.objectives}
    assert weights == {"mlm": 1.0, "itm": 1.0, "detected": 1 / 0.15, "qa": 1.0}
    scores = score_step(ours, ours.recipe.objectives, [Shown(batch=batch, view=view)], Workers())
    assert scores["detected"].count == B * R - 1
    assert Detected().weight == 1 / 0.15
    # What is minimised is their weighted sum: 1 each, and 1/0.15 for the regions.
    total = sum(weights[name] * score.mean for name, score in scores.items())
    still = torch.optim.SGD(ours.parameters(), lr=0.0)
    part = dataclasses.replace(
        ours.recipe.stages[0],
        optim=dataclasses.replace(ours.recipe.stages[0].optim, clip_norm=None),
    )
    shown = Shown(batch=batch, view=view)
    objectives = ours.recipe.objectives
    told = train_step(ours, still, objectives, part, [(Turn(), [shown])], Workers())
    assert sum(weights[name] * score.mean for name, score in told.items()) == pytest.approx(total)
    made = {name: p.grad for name, p in ours.named_parameters() if p.grad is not None}
    losses = ours(batch, view)
    minimised = sum(
        weight * losses[name].total / max(1.0, scores[name].count)
        for name, weight in {"mlm": 1.0, "itm": 1.0, "detected": 1 / 0.15, "qa": 1.0}.items()
    )
    by_hand = torch.autograd.grad(minimised, [ours.get_parameter(name) for name in made])
    for (name, gradient), expected in zip(made.items(), by_hand, strict=True):
        assert torch.allclose(gradient, expected, rtol=1e-4, atol=1e-5), name
    ours.zero_grad(set_to_none=True)


def test_a_tenth_of_the_masked_regions_show_another_pairs_region(
    make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    masker = RegionMasker(select=0.5, zero=0.8, other=0.1)
    batch = make_batch(16)
    original = batch.regions_BRD.clone()
    known = {tuple(row) for row in original[batch.region_mask_BR].tolist()}
    n_selected = n_zeroed = n_swapped = 0
    for step in range(40):
        view = masker(View.of(batch), batch, draws(16, step), wordpiece)
        chosen = view.masked_regions_BR
        swapped = chosen & ~view.hidden_regions_BR & (view.regions_BRD != original).any(-1)
        assert (view.regions_BRD == original)[~chosen].all()
        assert all(tuple(row) in known for row in view.regions_BRD[swapped].tolist())
        n_selected += int(chosen.sum())
        n_zeroed += int(view.hidden_regions_BR.sum())
        n_swapped += int(swapped.sum())
    assert torch.equal(batch.regions_BRD, original)
    assert n_zeroed / n_selected == pytest.approx(0.8, abs=0.04)
    assert n_swapped / n_selected == pytest.approx(0.1, abs=0.03)
    alone = make_batch(1)
    assert masker(View.of(alone), alone, draws(1), wordpiece).masked_regions_BR.shape[0] == 1


def test_a_released_checkpoint_of_something_else_is_refused(released: Path, tmp_path: Path) -> None:
    network = Network(small_recipe(), SIZES)
    with pytest.raises(ValueError, match=r"no model\.safetensors"):
        start_from_released(network, tmp_path)
    other = dataclasses.replace(
        small_recipe(),
        encoder=dataclasses.replace(network.recipe.encoder, sublayers=lxmert(3, 1, 2)),
    )
    with pytest.raises(ValueError, match=r"r_layers\.1.* no place"):
        start_from_released(Network(other, SIZES), released)
    wider = Network(small_recipe(), dataclasses.replace(SIZES, feature_dim=D + 1))
    with pytest.raises(ValueError, match=r"does not fit: region\.feature\.weight"):
        start_from_released(wider, released)
    (tmp_path / "config.json").write_text('{"model_type": "lxmart"}')
    (tmp_path / "pytorch_model.bin").write_bytes(
        pickle.dumps(Draws(seed=0, step=0, rows=()), protocol=2)
    )
    with pytest.raises(ValueError, match="holds more than tensors"):
        start_from_released(network, tmp_path)
    torch.save({"x": torch.ones(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="did you mean lxmert"):
        start_from_released(network, tmp_path)


def test_heads_of_other_widths_stay_as_they_are(released: Path) -> None:
    """The body is what users want; their detector has its own classes."""
    sizes = dataclasses.replace(SIZES, classes=4)
    network = Network(small_recipe(), sizes)
    before = network.heads["detected"].objects.weight.clone()
    start_from_released(network, released)
    assert torch.equal(network.heads["detected"].objects.weight, before)
    assert network.heads["detected"].features.bias.abs().max() > 0


def test_a_run_begins_with_a_released_checkpoint(
    vocabulary: Path, wordpiece: WordPiece, tmp_path: Path
) -> None:
    model = peer(vocab_size=wordpiece.vocabulary, visual_feat_dim=3, num_object_labels=1)
    model.save_pretrained(tmp_path / "released")
    shards = packed(tmp_path / "set", 16)
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    small = small_recipe()
    still = dataclasses.replace(small.stages[0].optim, lr=0.0)
    stage = dataclasses.replace(
        small.stages[0], epochs=1.0, batch_pairs=8, micro_batches=1, optim=still
    )
    recipe = dataclasses.replace(
        small,
        vocabulary=str(vocabulary),
        init=Init(bert=None, released=str(tmp_path / "released")),
        stages=(stage,),
    )
    data = StageData(name=stage.name, shards=shards, regions=tmp_path / "regions")
    plan = Plan(recipe=recipe, stages=(data,), out=tmp_path / "out", seed=0)
    prepare(plan, 1)
    run_stages(plan, Workers(), torch.device("cpu"))
    ours = checkpoint.load_network(checkpoint.find(plan.out))[0].state_dict()
    features = model.lxmert.encoder.visn_fc.visn_fc
    assert torch.equal(ours["region.feature.weight"], features.weight)
    assert torch.equal(ours["region.feature.bias"], features.bias)
    # Fine-tuning for retrieval goes on with the two-way head that pretraining has.
    (ranking,) = for_retrieval(plan.out).objectives
    assert isinstance(ranking, Ranking)
    assert ranking.matching == Itm(logits=2)
