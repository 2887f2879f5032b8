"""Is VisualBERT as it is specified? (Checks VS1 to VS7 of the specification.)"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import (
    VisualBertConfig,
    VisualBertForPreTraining,
    VisualBertForQuestionAnswering,
)

from pretrain import recipe as recipes
from pretrain.batch import Batch, View
from pretrain.bert import start_from_bert
from pretrain.collate import Inputs, Pair, collate, fit_two
from pretrain.data import TrainingSet
from pretrain.draws import Draws
from pretrain.embed.aligned import AlignedEmbedder, AlignedRegions
from pretrain.encoders.sublayers import single
from pretrain.loader import Loader
from pretrain.network import DataSizes, Network, count_parameters
from pretrain.objectives.answering import Answering
from pretrain.optim import build_optimizer
from pretrain.pooling.from_end import FromEnd
from pretrain.recipe import Recipe
from pretrain.released.load import start_from_released
from pretrain.steps.standard import corrupt, score_step
from pretrain.steps.strategy import Shown
from pretrain.task_plans.task_plan import PlanState
from pretrain.tasks.mask_token import asked_by_mask
from pretrain.tokens import WordPiece
from pretrain.two_captions import TwoCaptions
from pretrain.workers import Workers
from tests.pretrain.helpers import draws, encoded

SIZES = DataSizes(vocabulary=200, feature_dim=64, classes=7)
B, L, R = 3, 9, 5


@pytest.fixture
def small(vocabulary: Path) -> Recipe:
    return dataclasses.replace(recipes.load("visualbert", shrink=True), vocabulary=str(vocabulary))


@pytest.fixture
def of_two(wordpiece: WordPiece, memory_set: Callable[..., TrainingSet]) -> Batch:
    """Rows of two captions."""
    examples = [memory_set(4, n_captions=2).example(i) for i in range(4)]
    texts = [wordpiece.encode(example.captions) for example in examples]
    pairs = [
        Pair(pieces=first, second=second, regions=example.regions, match=True)
        for example, (first, second) in zip(examples, texts, strict=True)
    ]
    return collate(pairs, Inputs(max_length=60, closing_sep=False), wordpiece)


def the_peer() -> VisualBertForPreTraining:
    """Random weights, norms too: else one norm looks like another."""
    config = VisualBertConfig(
        vocab_size=SIZES.vocabulary,
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=64,
        visual_embedding_dim=SIZES.feature_dim,
    )
    torch.manual_seed(0)
    peer: VisualBertForPreTraining = VisualBertForPreTraining(config)
    peer.train(False)
    with torch.no_grad():
        for parameter in peer.parameters():
            parameter.normal_(std=0.2)
    return peer


def like_the_peer(segment: int) -> Recipe:
    full = recipes.load("visualbert")
    encoder = dataclasses.replace(
        full.encoder, sublayers=single(3), hidden=48, heads=4, feed_forward=96
    )
    text = dataclasses.replace(full.text, positions=64)
    return dataclasses.replace(
        full, encoder=encoder, text=text, region=AlignedRegions(segment=segment)
    )


def of_numbers(*, aligned: bool) -> Shown:
    """A batch at random: two texts a row, one row padded, pieces and nothing else selected."""
    generator = torch.Generator().manual_seed(1)
    text_mask, region_mask = torch.ones(B, L).bool(), torch.ones(B, R).bool()
    text_mask[1, 7:], region_mask[2, 3:] = False, False
    batch = Batch(
        tokens_BL=torch.randint(5, SIZES.vocabulary, (B, L), generator=generator),
        segments_BL=(torch.arange(L) > 4).long().expand(B, L),
        positions_BL=torch.arange(L).expand(B, L),
        words_BL=torch.arange(L).expand(B, L),
        text_mask_BL=text_mask,
        regions_BRD=torch.randn(B, R, SIZES.feature_dim, generator=generator),
        boxes_BR4=torch.rand(B, R, 4, generator=generator),
        probs_BRK=torch.rand(B, R, SIZES.classes, generator=generator),
        region_mask_BR=region_mask,
        match_B=torch.tensor([1, 0, 1]),
        aligned_BRL=torch.rand(B, R, L, generator=generator) < 0.3 if aligned else None,
    )
    selected = text_mask & (torch.rand(B, L, generator=generator) < 0.4)
    view = dataclasses.replace(
        View.of(batch),
        tokens_BL=batch.tokens_BL.masked_fill(selected, 4),
        masked_tokens_BL=selected,
    )
    return Shown(batch=batch, view=view)


def peer_inputs(shown: Shown, segment: int) -> dict[str, torch.Tensor]:
    batch, view = shown.batch, shown.view
    labels = torch.full((B, L + R), -100)
    labels[:, :L][view.masked_tokens_BL] = batch.tokens_BL[view.masked_tokens_BL]
    inputs = {
        "input_ids": view.tokens_BL,
        "token_type_ids": batch.segments_BL,
        "attention_mask": batch.text_mask_BL.long(),
        "visual_embeds": batch.regions_BRD,
        "visual_attention_mask": batch.region_mask_BR.long(),
        "visual_token_type_ids": torch.full((B, R), segment),
        "labels": labels,
        "sentence_image_labels": batch.match_B,
    }
    if batch.aligned_BRL is not None:
        place = torch.arange(L).expand(B, R, L)
        inputs["image_text_alignment"] = torch.where(batch.aligned_BRL, place, -1)
    return inputs


@pytest.mark.parametrize(("segment", "aligned"), [(0, False), (1, False), (0, True)])
def test_vs1_forward_and_loss_are_hugging_faces(
    segment: int, aligned: bool, tmp_path: Path
) -> None:
    peer, shown = the_peer(), of_numbers(aligned=aligned)
    recipe = like_the_peer(segment)
    network = Network(recipe, SIZES).eval()
    peer.save_pretrained(tmp_path)
    start_from_released(network, tmp_path)
    with torch.no_grad():
        theirs = peer(**peer_inputs(shown, segment), output_hidden_states=True)
        ours = encoded(network, shown.batch, shown.view)
        scores = score_step(network, recipe.objectives, [shown], Workers())
    hidden = torch.cat((ours.text_BLH, ours.image_BRH), dim=1)
    real = torch.cat((shown.batch.text_mask_BL, shown.batch.region_mask_BR), dim=1)
    assert (hidden - theirs.hidden_states[-1])[real].abs().max() < 2e-5
    matched = network.heads["itm"](ours.pooled)
    assert (matched - theirs.seq_relationship_logits).abs().max() < 2e-5
    assert scores["mlm"].mean + scores["itm"].mean == pytest.approx(theirs.loss.item(), rel=1e-5)


def test_its_head_for_questions_is_hugging_faces(tmp_path: Path) -> None:
    """Red when [CLS] is read, or the [SEP], or the token before a padded end."""
    peer, shown = the_peer(), of_numbers(aligned=False)
    peer.save_pretrained(tmp_path)
    torch.manual_seed(1)
    asking = VisualBertForQuestionAnswering(VisualBertConfig(**peer.config.to_dict(), num_labels=6))
    asking.visual_bert.load_state_dict(peer.visual_bert.state_dict())
    asking.eval()
    vqa = Answering(name="vqa", answers=tuple("abcdef"), kind="bce")
    plain = dataclasses.replace(like_the_peer(0), objectives=(vqa,))
    recipe = asked_by_mask(plain)
    assert recipe.inputs.mask_at_end
    (objective,) = recipe.objectives
    network = Network(recipe, SIZES).eval()
    start_from_released(network, tmp_path)
    network.heads["vqa"].load_state_dict(asking.cls.state_dict())
    targets = torch.rand(B, 6, generator=torch.Generator().manual_seed(2))
    batch = dataclasses.replace(shown.batch, targets_BX=targets)
    inputs = peer_inputs(shown, 0)
    del inputs["sentence_image_labels"]
    with torch.no_grad():
        theirs = asking(**inputs | {"input_ids": batch.tokens_BL, "labels": targets})
        seen = encoded(network, batch, View.of(batch))
        ours = objective.loss(network.heads["vqa"], seen, batch, View.of(batch))
    logits = network.heads["vqa"](seen.pooled)
    # Theirs are returned after a softmax, and before one half of the constant.
    assert (logits.log_softmax(-1) - theirs.logits).abs().max() < 2e-5
    constant = (targets * targets.log()).sum().item()
    assert (ours.total.item() + constant) / B == pytest.approx(theirs.loss.item(), rel=1e-5)


@pytest.mark.parametrize("closing_sep", [False, True])
def test_a_question_ends_with_a_mask_that_is_read(
    closing_sep: bool, wordpiece: WordPiece, memory_set: Callable[..., TrainingSet]
) -> None:
    inputs = Inputs(max_length=20, mask_at_end=True, closing_sep=closing_sep)
    regions = memory_set(1).example(0).regions
    long, short = wordpiece.encode(["cat " * 30, "a cat"])
    pairs = [Pair(pieces=pieces, regions=regions, match=True) for pieces in (long, short)]
    batch = collate(pairs, inputs, wordpiece)
    n_text_B = batch.text_mask_BL.sum(1)
    assert int(n_text_B[0]) + len(regions) == 20
    sep, mask = wordpiece.sep, wordpiece.mask
    ends = [mask, sep, *[sep] * closing_sep]
    pooler = FromEnd(place=2 + closing_sep).pooler(recipes.load("visualbert").encoder).eval()
    for b, n in enumerate(n_text_B.tolist()):
        assert batch.tokens_BL[b, n - len(ends) : n].tolist() == ends
        assert (batch.tokens_BL[b] == mask).sum() == 1
        assert batch.words_BL[b, n - len(ends) : n].tolist() == [-1] * len(ends)
    numbers_BL1 = batch.tokens_BL[:, :, None].float()
    assert pooler(numbers_BL1, numbers_BL1, batch.text_mask_BL).flatten().tolist() == [mask] * 2


def test_vs2_boxes_have_no_effect(
    small: Recipe, sizes: DataSizes, make_batch: Callable[..., Batch]
) -> None:
    network = Network(small, sizes).eval()
    batch = make_batch(3)
    moved = dataclasses.replace(batch, boxes_BR4=batch.boxes_BR4.flip(1) * 0.5)
    view = View.of(batch)
    assert torch.equal(network.embed_image(batch, view), network.embed_image(moved, view))
    # All stand at position 0: no other row of their table is used.
    with torch.no_grad():
        network.region.get_parameter("position.weight")[1:] = torch.nan
    assert network.embed_image(batch, view).isfinite().all()


def test_vs3_the_regions_tables_start_as_copies_and_hugging_faces_do_not(small: Recipe) -> None:
    recipe = dataclasses.replace(
        small,
        encoder=dataclasses.replace(small.encoder, hidden=384, heads=12, feed_forward=1536),
        init=dataclasses.replace(small.init, bert="packaged"),
    )
    network = Network(recipe, DataSizes(vocabulary=30_522, feature_dim=8, classes=3))
    region, text = network.region, network.text
    assert isinstance(region, AlignedEmbedder)
    random = region.position.weight.clone()
    assert torch.equal(random, text.position.weight)
    start_from_bert(network, recipe.init)
    assert not torch.equal(region.position.weight, random)
    assert torch.equal(region.segment.weight, text.segment.weight)
    assert torch.equal(region.position.weight, text.position.weight)
    assert region.position.weight.data_ptr() != text.position.weight.data_ptr()
    peer = VisualBertForPreTraining(VisualBertConfig(vocab_size=50, num_hidden_layers=1))
    theirs = peer.visual_bert.embeddings
    copied, text_table = theirs.visual_position_embeddings, theirs.position_embeddings
    assert not torch.equal(copied.weight, text_table.weight)


def test_vs4_regions_are_never_masked_and_never_asked_for(
    small: Recipe, of_two: Batch, wordpiece: WordPiece
) -> None:
    shown = corrupt(small.objectives, of_two, draws(4), wordpiece)
    assert shown.view.masked_tokens_BL.any()
    assert torch.equal(shown.view.regions_BRD, of_two.regions_BRD)
    assert not shown.view.masked_regions_BR.any()
    assert [objective.name for objective in small.objectives] == ["mlm", "itm"]


def test_vs5_the_second_caption_is_another_of_the_image_or_of_another_image() -> None:
    images = list(range(64))
    captions = [frozenset(f"{image} {k}" for k in range(3)) for image in images]
    texts = [f"{image} 0" for image in images]
    matches = 0
    for step in range(200):
        drawn = Draws(seed=0, step=step, rows=tuple(images))
        for row, choice in enumerate(TwoCaptions()(images, texts, captions, drawn)):
            assert choice.text_row == choice.image_row == row
            assert choice.second is not None
            assert (choice.second in captions[row]) == choice.match
            assert choice.second != texts[row]
            matches += choice.match
    assert matches / (200 * 64) == pytest.approx(0.5, abs=0.02)


def test_vs5_an_image_with_one_caption_is_shown_with_one() -> None:
    images = list(range(32))
    texts = [f"text {image}" for image in images]
    captions = [frozenset([text]) for text in texts]
    choices = TwoCaptions()(images, texts, captions, draws(32))
    assert all(choice.second is None for choice in choices)
    assert 0 < sum(choice.match for choice in choices) < 32
    assert all(choice.match == (choice.text_row == choice.image_row) for choice in choices)


def test_two_captions_are_laid_out_with_segments_and_words_of_their_own(
    of_two: Batch, wordpiece: WordPiece
) -> None:
    for b in range(len(of_two)):
        n = int(of_two.text_mask_BL[b].sum())
        tokens, segments = of_two.tokens_BL[b, :n].tolist(), of_two.segments_BL[b, :n].tolist()
        first_end = tokens.index(wordpiece.sep)
        assert tokens[0] == wordpiece.cls
        assert tokens.count(wordpiece.sep) == 2
        assert tokens[-1] == wordpiece.sep
        assert segments == [0] * (first_end + 1) + [1] * (n - first_end - 1)
        words = of_two.words_BL[b, :n]
        assert words[words >= 0].diff().min() >= 0
        assert words[first_end + 1] == words[first_end - 1] + 1


def test_the_longer_of_two_captions_is_cut(wordpiece: WordPiece) -> None:
    short, long = wordpiece.encode(["red cat", "a bird and the boat near a star on the house"])
    inputs = Inputs(max_length=13, closing_sep=False)
    for texts, lengths in (
        ((short, long), [2, 8]),
        ((long, short), [8, 2]),
        ((long, long), [5, 5]),
    ):
        assert [len(text.ids) for text in fit_two(*texts, 0, inputs)] == lengths


def test_vs6_alignment_adds_the_mean_of_the_words_places(
    small: Recipe, sizes: DataSizes, make_batch: Callable[..., Batch]
) -> None:
    network = Network(small, sizes).eval()
    batch = make_batch(1)
    aligned = torch.zeros(1, batch.regions_BRD.shape[1], batch.tokens_BL.shape[1]).bool()
    aligned[0, 0, [1, 3]] = True
    known = dataclasses.replace(batch, aligned_BRL=aligned)
    region, text, view = network.region, network.text, View.of(batch)
    assert isinstance(region, AlignedEmbedder)
    plain = region.feature(batch.regions_BRD) + region.segment.weight[0] + region.position.weight[0]
    mean = (text.position.weight[1] + text.position.weight[3]) / 2
    got = network.embed_image(known, view)
    assert torch.allclose(got[0, 0], text.norm(plain[0, 0] + mean), atol=1e-6)
    assert torch.allclose(got[0, 1:], text.norm(plain[0, 1:]), atol=1e-6)


def test_vs6_links_of_a_pair_reach_the_batch(
    wordpiece: WordPiece, memory_set: Callable[..., TrainingSet]
) -> None:
    example = memory_set(1).example(0)
    (pieces,) = wordpiece.encode(["a cats boat"])  # cat ##s is one word
    pair = Pair(pieces=pieces, regions=example.regions, match=True, links=((1, 1), (0, 2)))
    batch = collate([pair], Inputs(max_length=40), wordpiece)
    assert batch.aligned_BRL is not None
    assert batch.aligned_BRL[0, 1].nonzero().flatten().tolist() == [2, 3]
    assert batch.aligned_BRL[0, 0].nonzero().flatten().tolist() == [4]
    assert batch.aligned_BRL.sum() == 3


def test_vs7_the_pooler_learns(
    small: Recipe, sizes: DataSizes, make_batch: Callable[..., Batch]
) -> None:
    network = Network(small, sizes)
    batch = make_batch(4)
    network(batch, View.of(batch))["itm"].total.backward()
    pooler = dict(network.pooler.named_parameters())
    assert sorted(pooler) == ["dense.bias", "dense.weight"]
    optimizer = build_optimizer(network, small.stages[0].optim)
    learned = {id(p) for group in optimizer.param_groups for p in group["params"]}
    for parameter in pooler.values():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0
        assert id(parameter) in learned


def test_the_second_stage_asks_for_words_of_true_texts_alone(
    small: Recipe, memory_set: Callable[..., TrainingSet]
) -> None:
    first, task = recipes.load("visualbert").stages
    data = memory_set(16, n_captions=2)
    for part, n_texts in ((first, 2), (task, 1)):
        loader = Loader(
            data=data,
            recipe=small,
            stage=dataclasses.replace(part, batch_pairs=16),
            seed=0,
        )
        batch = next(loader.steps(0, loader.start())).parts[0].batch
        assert (batch.match_B == 1).all() == (part is task)
        assert batch.segments_BL.max() == n_texts - 1
    (turn,), _ = task.tasks.turns(PlanState(), seed=0, step=0)
    assert turn.asked == ("mlm",)


def test_the_small_second_stage_matches_single_texts_too(
    small: Recipe, memory_set: Callable[..., TrainingSet]
) -> None:
    """Red with the full recipe's second stage, which asks for words alone."""
    task = dataclasses.replace(small.stages[1], batch_pairs=16)
    data = memory_set(16, n_captions=2)
    loader = Loader(data=data, recipe=small, stage=task, seed=0)
    batch = next(loader.steps(0, loader.start())).parts[0].batch
    assert set(batch.match_B.tolist()) == {0, 1}
    assert batch.segments_BL.max() == 0
    (turn,), _ = task.tasks.turns(PlanState(), seed=0, step=0)
    assert turn.asked is None


def test_full_size_has_the_papers_numbers() -> None:
    full = recipes.load("visualbert")
    count = count_parameters(full, DataSizes(vocabulary=30_522, feature_dim=2048, classes=1600))
    assert round(count.body / 1e6, 2) == 111.45
    assert round((count.body + count.heads) / 1e6, 2) == 112.07
    stage = full.stages[0]
    assert (stage.optim.lr, stage.batch_pairs, stage.epochs) == (5e-5, 48, 10)
    assert stage.optim.variant == "bert"
