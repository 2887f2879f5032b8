"""Is VL-BERT as it is specified? (Checks VL1 to VL9 of the specification.)"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pretrain import recipe as recipes
from pretrain import stage
from pretrain.batch import Batch, View
from pretrain.bert import start_from_bert
from pretrain.collate import Inputs, Pair, collate
from pretrain.data import TrainingSet
from pretrain.embed.everywhere import EverywhereEmbedder, VisualEverywhere, geometry
from pretrain.embed.pixels import PixelSpec
from pretrain.embed.region_pixels import Resnet, blacked
from pretrain.evaluate.retrieval import score_all
from pretrain.loader import Loader
from pretrain.masking.tokens import TokenMasker
from pretrain.network import DataSizes, Network, count_parameters
from pretrain.objectives.itm import Itm
from pretrain.objectives.mlm import Mlm
from pretrain.optim import build_optimizer
from pretrain.plan import Plan, StageData, plan_from_plain, plan_to_plain, prepare
from pretrain.recipe import Recipe
from pretrain.recipes import vl_bert
from pretrain.regions.regions import Regions
from pretrain.regions.write import write_regions
from pretrain.run import run_stages
from pretrain.stage import Beside
from pretrain.steps.standard import corrupt
from pretrain.text_set import NAME, TextSet
from pretrain.tokens import WordPiece, load_wordpiece
from pretrain.workers import Workers
from tests.pretrain.helpers import CountingDetector, draws, encoded, packed


@pytest.fixture
def small(vocabulary: Path) -> Recipe:
    return dataclasses.replace(recipes.load("vl_bert", shrink=True), vocabulary=str(vocabulary))


@pytest.fixture
def seeing(small: Recipe, sizes: DataSizes) -> Network:
    """A network whose visual norms have been opened."""
    torch.manual_seed(0)
    network = Network(small, sizes).eval()
    with torch.no_grad():
        for norm in ("word_norm", "region_norm"):
            network.region.get_parameter(f"{norm}.weight").fill_(1.0)
    return network


def embedder(network: Network) -> EverywhereEmbedder:
    assert isinstance(network.region, EverywhereEmbedder)
    return network.region


def logits(network: Network, batch: Batch, view: View) -> Tensor:
    """All that the heads say, in one row."""
    with torch.no_grad():
        out = encoded(network, batch, view)
        words = network.heads["mlm"](out.text_BLH, out.words_VH)
        return torch.cat((words.flatten(), network.heads["mvrc"](out.image_BRH).flatten()))


def with_features(batch: Batch, features: Tensor) -> Batch:
    return dataclasses.replace(batch, regions_BRD=features)


def test_vl1_at_first_the_network_knows_no_image(
    small: Recipe, sizes: DataSizes, make_batch: Callable[..., Batch], wordpiece: WordPiece
) -> None:
    torch.manual_seed(0)
    network = Network(small, sizes)
    batch = make_batch(4)
    other = with_features(batch, torch.randn_like(batch.regions_BRD))
    before = logits(network, batch, View.of(batch))
    assert torch.equal(before, logits(network, other, View.of(other)))
    shown = corrupt(small.objectives, batch, draws(4), wordpiece)
    sum(loss.total for loss in network(batch, shown.view).values()).backward()
    for norm in ("word_norm", "region_norm"):
        gradient = network.region.get_parameter(f"{norm}.weight").grad
        assert gradient is not None
        assert gradient.abs().sum() > 0


def test_vl2_regions_share_a_place_and_the_end_stands_behind(
    seeing: Network, make_batch: Callable[..., Batch]
) -> None:
    """Against the sum written out, for a row that is padded."""
    batch = make_batch(4)
    n_text = batch.text_mask_BL.sum(1)
    b = int(n_text.argmin())
    assert n_text[b] < n_text.max()
    view, text, region = View.of(batch), seeing.text, embedder(seeing)
    rows = seeing.embed_image(batch, view)[b]
    visual = region._visual(batch, view)[b]
    T = int(n_text[b])
    place = text.segment.weight[2] + text.position.weight[T]
    expected = text.norm(region.token.weight[0] + region.region_norm(visual) + place)
    assert torch.allclose(rows[[0, *range(2, len(rows))]], expected, atol=1e-5)
    end = region.end.weight[0] + text.segment.weight[2] + text.position.weight[T + 1]
    assert torch.allclose(rows[1], text.norm(end), atol=1e-5)


def test_vl3_padding_between_text_and_regions_is_not_there(
    seeing: Network, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch(6)
    together = encoded(seeing, batch)
    for b in range(6):
        L, R = int(batch.text_mask_BL[b].sum()), int(batch.region_mask_BR[b].sum())
        alone = dataclasses.replace(
            batch.map(lambda tensor, b=b: tensor[b : b + 1]),  # type: ignore[misc]
            tokens_BL=batch.tokens_BL[b : b + 1, :L],
            segments_BL=batch.segments_BL[b : b + 1, :L],
            positions_BL=batch.positions_BL[b : b + 1, :L],
            words_BL=batch.words_BL[b : b + 1, :L],
            text_mask_BL=batch.text_mask_BL[b : b + 1, :L],
            regions_BRD=batch.regions_BRD[b : b + 1, :R],
            boxes_BR4=batch.boxes_BR4[b : b + 1, :R],
            probs_BRK=batch.probs_BRK[b : b + 1, :R],
            region_mask_BR=batch.region_mask_BR[b : b + 1, :R],
        )
        # Text, whole image, regions, end: T + R + 1 with R boxes of which the first is the image.
        streams = seeing.streams(alone, View.of(alone))
        assert streams.mask_BS.all()
        assert streams.mask_BS.shape[1] == L + (R + 1) + 1
        out = encoded(seeing, alone)
        assert (out.text_BLH[0] - together.text_BLH[b, :L]).abs().max() < 1e-5
        assert (out.image_BRH[0] - together.image_BRH[b, :R]).abs().max() < 1e-5


def test_vl3_text_and_regions_are_cut_whichever_is_longer(wordpiece: WordPiece) -> None:
    inputs = recipes.load("vl_bert").inputs
    many = Regions.none(feature_dim=2, classes=2)
    many = dataclasses.replace(
        many,
        boxes_R4=np.zeros((90, 4), np.float32),
        features_RD=np.zeros((90, 2), np.float16),
        probs_RK=np.zeros((90, 2), np.float16),
    )
    for n_words, n_boxes, expected in (
        (90, 90, (32, 32)),
        (10, 90, (10, 54)),
        (90, 12, (52, 12)),
        (40, 24, (40, 24)),
    ):
        (pieces,) = wordpiece.encode(["cat " * n_words])
        batch = collate(
            [Pair(pieces=pieces, regions=many.top(n_boxes), match=True)], inputs, wordpiece
        )
        assert (batch.tokens_BL.shape[1] - 2, batch.regions_BRD.shape[1]) == expected


@pytest.fixture
def pixels(
    wordpiece: WordPiece, sizes: DataSizes, small: Recipe, memory_set: Callable[..., TrainingSet]
) -> tuple[Network, Batch, View]:
    """End to end: two boxes that overlap, of which the first is hidden."""
    recipe = dataclasses.replace(small, region=VisualEverywhere(cnn=Resnet(depth="resnet18")))
    torch.manual_seed(0)
    network = Network(recipe, sizes).eval()
    with torch.no_grad():
        for norm in ("word_norm", "region_norm"):
            network.region.get_parameter(f"{norm}.weight").fill_(1.0)
    example = memory_set(1, most_things=2).example(0)
    boxes = np.array([[0.1, 0.1, 0.5, 0.6], [0.3, 0.3, 0.9, 0.9]], dtype=np.float32)
    regions = dataclasses.replace(example.regions, boxes_R4=boxes)
    pieces = wordpiece.encode(example.captions)[0]
    pair = Pair(pieces=pieces, regions=regions, match=True, image=example.image)
    inputs = dataclasses.replace(recipe.inputs, pixels=PixelSpec(size_px=64, crop=None))
    batch = collate([pair], inputs, wordpiece)
    hidden = torch.tensor([[True, False]])
    view = dataclasses.replace(View.of(batch), masked_regions_BR=hidden, hidden_regions_BR=hidden)
    return network, batch, view


def test_vl4_pixels_of_a_hidden_region_are_gone_before_the_cnn(
    pixels: tuple[Network, Batch, View],
) -> None:
    """Also where a visible region overlaps. Red when they are not blacked."""
    network, batch, view = pixels
    assert batch.pixels_BCHW is not None
    touched = torch.zeros(64, 64, dtype=torch.bool)
    touched[6:39, 6:32] = True  # 0.1 to 0.6 of the height, 0.1 to 0.5 of the width
    noise = torch.randn(batch.pixels_BCHW.shape, generator=torch.Generator().manual_seed(1))
    other = dataclasses.replace(batch, pixels_BCHW=torch.where(touched, noise, batch.pixels_BCHW))
    assert torch.equal(logits(network, batch, view), logits(network, other, view))
    shown = View.of(batch)
    assert not torch.allclose(logits(network, batch, shown), logits(network, other, shown))
    nearby = dataclasses.replace(batch, pixels_BCHW=batch.pixels_BCHW.roll(1, -1))
    assert not torch.allclose(logits(network, batch, view), logits(network, nearby, view))
    black = blacked(batch.pixels_BCHW, batch.boxes_BR4, view.hidden_regions_BR)
    assert (black[0, :, touched] == 0).all()
    assert torch.equal(black[0][:, ~touched], batch.pixels_BCHW[0][:, ~touched])


def test_vl4_the_cnn_learns_but_for_its_first_stages(pixels: tuple[Network, Batch, View]) -> None:
    network, batch, view = pixels
    sum(loss.total for loss in network(batch, view).values()).backward()
    cnn = embedder(network).cnn
    assert cnn is not None
    learning = {name for name, parameter in cnn.named_parameters() if parameter.requires_grad}
    assert {name.split(".")[0] for name in learning} == {"trunk", "last"}
    assert all(parameter.grad is not None for parameter in cnn.last.parameters())


def test_vl5_words_see_the_whole_image_alone(
    seeing: Network, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch(3)
    view, text, region = View.of(batch), seeing.text, embedder(seeing)
    whole = region.word_norm(region._visual(batch, view)[:, :1])
    expected = text.norm(
        text.word(batch.tokens_BL)
        + text.segment(batch.segments_BL)
        + text.position(batch.positions_BL)
        + whole
    )
    assert torch.allclose(seeing.embed_text(batch, view), expected, atol=1e-5)
    # A box that moves changes its own row, never a word's embedding.
    moved = dataclasses.replace(batch, boxes_BR4=batch.boxes_BR4 * 0.5)
    assert torch.equal(seeing.embed_text(batch, view), seeing.embed_text(moved, view))
    assert not torch.equal(seeing.embed_image(batch, view), seeing.embed_image(moved, view))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "corpus.txt"
    lines = ["a red cat near the house", "", "birds and boats", "the star of a tree with a cup"]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_vl6_text_alone_teaches_no_region(
    seeing: Network, small: Recipe, sizes: DataSizes, corpus: Path, wordpiece: WordPiece
) -> None:
    texts = TextSet(corpus, wordpiece, sizes, 6)
    pairs = [texts.pairs(i, small.inputs, wordpiece)[0] for i in range(len(texts))]
    batch = collate(pairs, small.inputs, wordpiece)
    assert wordpiece.cls not in batch.tokens_BL
    assert wordpiece.sep not in batch.tokens_BL
    assert batch.tokens_BL.shape == (4, 6)  # 6 + 5 + 8 pieces of text, the last one padded
    streams = seeing.streams(batch, View.of(batch))
    assert streams.mask_BS.sum(1).tolist() == [n + 1 for n in batch.text_mask_BL.sum(1).tolist()]
    masker = TokenMasker(select=0.9, unit="word")
    view = masker(View.of(batch), batch, draws(4), wordpiece)
    seeing.train()
    seeing(batch, view, ("mlm",))["mlm"].total.backward()
    region = embedder(seeing)
    for name in ("feature.weight", "geometry.weight", "token.weight"):
        gradient = region.get_parameter(name).grad
        assert gradient is not None, name  # connected: no worker waits for it in vain
        assert gradient.abs().sum() == 0, name
    for name in ("no_image.weight", "end.weight"):
        gradient = region.get_parameter(name).grad
        assert gradient is not None
        assert gradient.abs().sum() > 0, name


def test_vl6_each_step_has_as_many_texts_as_pairs_and_the_corpus_begins_anew(
    small: Recipe,
    sizes: DataSizes,
    corpus: Path,
    wordpiece: WordPiece,
    memory_set: Callable[..., TrainingSet],
) -> None:
    plan = recipes.load("vl_bert").stages[0].tasks
    part = dataclasses.replace(small.stages[0], tasks=plan, epochs=4.0, batch_pairs=8)
    recipe = dataclasses.replace(small, stages=(part,))
    load = Loader(data=memory_set(16), recipe=recipe, stage=part, seed=0)
    texts = TextSet(corpus, wordpiece, sizes, 6)
    beside = Beside(more={NAME: dataclasses.replace(load, data=texts, seed=1)})
    torch.manual_seed(0)
    network = Network(recipe, sizes)
    optimizer = build_optimizer(network, part.optim)
    reports = list(
        stage.run(
            network,
            optimizer,
            load,
            Workers(),
            torch.device("cpu"),
            first_step=0,
            position=load.start(),
            beside=beside,
        )
    )
    assert len(reports) == 8
    for report in reports:
        assert {"mlm", "mvrc", "text/mlm"} == set(report.scores)
    by_name = {place.data: place for place in reports[-1].places}
    assert by_name[NAME].steps == by_name[""].steps == 8
    assert by_name[NAME].position.epoch == 8 * 8 // len(texts) == 16
    assert by_name[""].position.epoch == 4
    (turn, helper), _ = plan.turns(reports[-1].state, seed=0, step=0)
    assert (turn.asked, helper.data, helper.asked) == (None, NAME, ("mlm",))


def test_vl6_a_run_mixes_the_file_in_and_refuses_to_go_without(
    small: Recipe, corpus: Path, tmp_path: Path
) -> None:
    tasks = recipes.load("vl_bert").stages[0].tasks
    part = dataclasses.replace(
        small.stages[0], tasks=tasks, epochs=2.0, batch_pairs=8, log_every=1, checkpoint_every=1
    )
    shards = packed(tmp_path / "shards", 8)
    write_regions(shards, tmp_path / "regions", detector=CountingDetector())
    data = StageData(name=part.name, shards=shards, regions=tmp_path / "regions", text=corpus)
    plan = Plan(
        recipe=dataclasses.replace(small, stages=(part,)),
        stages=(data,),
        out=tmp_path / "model",
        seed=0,
    )
    without = dataclasses.replace(plan, stages=(dataclasses.replace(data, text=None),))
    with pytest.raises(ValueError, match="--text pretraining=FILE"):
        prepare(without, 1)
    prepare(plan, 1)
    run_stages(plan_from_plain(plan_to_plain(plan)), Workers(), torch.device("cpu"))
    lines = (plan.out / part.name / "metrics.jsonl").read_text()
    assert lines.count('"text/mlm"') == 2
    corpus.write_text("another text\n")
    with pytest.raises(ValueError, match="other settings or data"):
        prepare(plan, 1)


def test_vl7_all_pieces_of_a_word_share_what_is_done_to_them(wordpiece: WordPiece) -> None:
    (masker,) = (o.corruption for o in recipes.load("vl_bert").objectives if isinstance(o, Mlm))
    (pieces,) = wordpiece.encode(["cats " * 20])  # each word has two pieces
    pair = Pair(pieces=pieces, regions=Regions.none(feature_dim=1, classes=1), match=True)
    batch = collate([pair] * 500, Inputs(max_length=60, closing_sep=False), wordpiece)
    assert (masker.unit, masker.select, masker.mask, masker.random) == ("word", 0.15, 0.8, 0.1)
    # A random piece may be [MASK] by chance: without any, what is hidden is what was meant to be.
    masker = dataclasses.replace(masker, random=0.0)
    view = masker(View.of(batch), batch, draws(500), wordpiece)
    body = slice(1, 41)
    selected = view.masked_tokens_BL[:, body].view(500, 20, 2)
    assert torch.equal(selected[..., 0], selected[..., 1])
    hidden = (view.tokens_BL == wordpiece.mask)[:, body].view(500, 20, 2)
    assert torch.equal(hidden[..., 0], hidden[..., 1])
    assert hidden[..., 0].sum() / (500 * 20) == pytest.approx(0.12, abs=0.01)


def test_vl8_the_whole_image_does_not_show_what_is_hidden(
    seeing: Network, make_batch: Callable[..., Batch]
) -> None:
    batch = make_batch(4)
    hidden = torch.zeros_like(batch.region_mask_BR)
    hidden[:, 0] = True
    view = dataclasses.replace(
        View.of(batch),
        regions_BRD=batch.regions_BRD.masked_fill(hidden[..., None], 0.0),
        hidden_regions_BR=hidden,
    )
    rows = seeing.embed_text(batch, view)
    rest = batch.map(lambda tensor: tensor)
    rest = dataclasses.replace(
        rest,
        regions_BRD=batch.regions_BRD[:, 1:],
        boxes_BR4=batch.boxes_BR4[:, 1:],
        probs_BRK=batch.probs_BRK[:, 1:],
        region_mask_BR=batch.region_mask_BR[:, 1:],
    )
    assert torch.allclose(rows, seeing.embed_text(rest, View.of(rest)), atol=1e-5)
    assert not torch.allclose(rows, seeing.embed_text(batch, View.of(batch)), atol=1e-3)


def test_vl9_geometry_is_that_of_the_formula() -> None:
    boxes = np.random.default_rng(0).uniform(size=(2, 3, 4))
    expected = np.zeros((2, 3, 2048))
    for b in range(2):
        for r in range(3):
            x1, y1, x2, y2 = 100 * boxes[b, r]
            for k, value in enumerate(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1)):
                for i in range(256):
                    angle = value / 1000 ** (i / 256)
                    expected[b, r, 512 * k + i] = np.sin(angle)
                    expected[b, r, 512 * k + 256 + i] = np.cos(angle)
    assert abs(geometry(torch.from_numpy(boxes)).numpy() - expected).max() < 1e-5


def test_a_pair_is_scored_as_a_whole(
    seeing: Network, small: Recipe, sizes: DataSizes, memory_set: Callable[..., TrainingSet]
) -> None:
    """Words carry the image and regions stand behind the text: neither is embedded on its own."""
    recipe = dataclasses.replace(small, objectives=(Itm(),))
    torch.manual_seed(0)
    network = Network(recipe, sizes).eval()
    network.region.load_state_dict(seeing.region.state_dict())
    data = memory_set(3, n_captions=2)
    scores_IT, _ = score_all(network, recipe, data)
    wordpiece = load_wordpiece(recipe.vocabulary)
    texts = [caption for i in range(3) for caption in data.example(i).captions]
    for i in range(3):
        for t, pieces in enumerate(wordpiece.encode(texts)):
            pair = Pair(pieces=pieces, regions=data.example(i).regions, match=True)
            with torch.no_grad():
                out = encoded(network, collate([pair], recipe.inputs, wordpiece))
                expected = network.heads["itm"](out.first).item()
            assert scores_IT[i, t] == pytest.approx(expected, abs=1e-5)


def test_a_bert_starts_it_though_it_has_fewer_segments() -> None:
    recipe = recipes.load("vl_bert", shrink=True)
    encoder = dataclasses.replace(recipe.encoder, hidden=384, heads=12, feed_forward=1536)
    network = Network(
        dataclasses.replace(recipe, encoder=encoder),
        DataSizes(vocabulary=30_522, feature_dim=8, classes=3),
    )
    before = network.text.segment.weight.clone()
    start_from_bert(network, dataclasses.replace(recipe.init, bert="packaged"))
    assert torch.equal(network.text.segment.weight[2], before[2])
    assert not torch.equal(network.text.segment.weight[0], before[0])


def test_full_size_has_the_papers_numbers() -> None:
    full = recipes.load("vl_bert")
    sizes = DataSizes(vocabulary=30_522, feature_dim=2048, classes=1601)
    count = count_parameters(full, sizes)
    projection = 4096 * 768 + 768
    assert round((count.body - projection) / 1e6, 1) == 108.9
    assert round(projection / 1e6, 2) == 3.15
    assert round(count.heads / 1e6, 2) == 2.44
    part = full.stages[0]
    assert part.optim.lr == pytest.approx(2.56e-5)
    assert (part.batch_pairs, part.optim.weight_decay, part.optim.clip_norm) == (128, 1e-4, 10)
    assert part.optim.groups == ()
    deep = count_parameters(vl_bert.end_to_end(), sizes)
    assert deep.body - count.body == 42_394_816 - 2048  # torchvision's CNN, no learned appearance
