"""Is CLIP open_clip's own model and loss, on our data, and does it leave the house as one?"""

import dataclasses
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from filter.relevance.config import RelevanceConfig
from filter.relevance.train import train as train_relevance
from lait.world.sets import write_supervised
from pretrain import checkpoint
from pretrain import recipe as recipes
from pretrain.batch import Batch, View
from pretrain.checkpoint import load_dual, load_network
from pretrain.collate import Pair, collate
from pretrain.data import TrainingSet
from pretrain.dual import DualNetwork
from pretrain.embed.pixels import PixelSpec, pixels_of
from pretrain.evaluate.dual import score_dual
from pretrain.evaluate.retrieval import evaluate
from pretrain.export import export
from pretrain.loader import Loader
from pretrain.network import DataSizes, build
from pretrain.objectives.contrastive import Contrastive
from pretrain.objectives.objective import Encoded
from pretrain.optim import build_optimizer
from pretrain.plan import Plan, StageData, prepare
from pretrain.recipe import Recipe
from pretrain.regions.regions import Regions
from pretrain.run import run_stages
from pretrain.tokens import CLIP, load_wordpiece
from pretrain.workers import Workers
from shards.read import ShardReader
from tests.pretrain.helpers import draws, one_against_two, packed, picture

SIZES = DataSizes(vocabulary=49_408, feature_dim=0, classes=0)


@pytest.fixture
def small() -> Recipe:
    return recipes.load("clip", shrink=True)


@pytest.fixture
def dual(small: Recipe) -> DualNetwork:
    torch.manual_seed(0)
    network = build(small, SIZES)
    assert isinstance(network, DualNetwork)
    return network.train(False)


def first_batch(recipe: Recipe, data: TrainingSet, n: int) -> Batch:
    part = dataclasses.replace(recipe.stages[0], batch_pairs=n)
    loader = Loader(data=data, recipe=recipe, stage=part, seed=0)
    return next(loader.steps(0, loader.start())).parts[0].batch


def test_the_loss_is_open_clips(
    small: Recipe, dual: DualNetwork, memory_set: Callable[..., TrainingSet]
) -> None:
    """Its model called as it calls it, on the tokens of its own tokenizer."""
    data = memory_set(8)
    batch = first_batch(small, data, 8)
    ours = dual(batch, View.of(batch))["contrastive"]
    context = small.towers.text.context_length if small.towers else 0
    texts = {data.example(i).captions[0] for i in range(8)}
    by_tokens = {
        tuple(row.tolist()): text
        for text in texts
        for row in open_clip.SimpleTokenizer(context_length=context)([text])
    }
    padded = torch.nn.functional.pad(batch.tokens_BL, (0, context - batch.tokens_BL.shape[1]))
    assert {by_tokens[tuple(row.tolist())] for row in padded} == texts
    dual.clip.output_dict = True
    theirs = open_clip.ClipLoss()(**dual.clip(batch.pixels_BCHW, padded))
    assert ours.total.item() == pytest.approx(8 * theirs.item(), rel=1e-5)


@pytest.mark.parametrize(("set_to", "used"), [(9.0, math.log(100)), (-1.0, 0.0), (2.0, 2.0)])
def test_the_scale_stays_between_1_and_100(
    set_to: float,
    used: float,
    small: Recipe,
    dual: DualNetwork,
    memory_set: Callable[..., TrainingSet],
) -> None:
    batch = first_batch(small, memory_set(4), 4)
    with torch.no_grad():
        dual.clip.logit_scale.fill_(set_to)
    dual(batch, View.of(batch))
    assert dual.clip.logit_scale.item() == pytest.approx(used)


def test_right_is_an_image_whose_own_text_is_the_nearest(
    small: Recipe, dual: DualNetwork, memory_set: Callable[..., TrainingSet]
) -> None:
    batch = first_batch(small, memory_set(4), 4)
    image, text = torch.eye(4)[:, None], torch.eye(4)[[0, 2, 1, 3]][:, None]
    out = Encoded(text_BLH=text, image_BRH=image, words_VH=image)
    assert Contrastive().loss(dual.clip, out, batch, View.of(batch)).correct.item() == 2


def test_full_size_is_trained_as_the_authors_did() -> None:
    """Radford et al. of their vision transformers; open_clip's crop."""
    full = recipes.load("clip")
    (stage,) = full.stages
    optim = stage.optim
    assert (stage.batch_pairs, stage.epochs) == (32_768, 32.0)
    assert (optim.lr, optim.betas, optim.eps, optim.weight_decay) == (5e-4, (0.9, 0.98), 1e-6, 0.2)
    assert (optim.decay, optim.clip_norm) == ("cosine", None)
    assert full.inputs.pixels is not None
    assert full.inputs.pixels.crop == 0.9


def test_a_long_text_ends_as_open_clip_ends_it(small: Recipe) -> None:
    wordpiece = load_wordpiece(CLIP)
    text = "Crimson sailboats &amp; a naïve café " * 9
    (pieces,) = wordpiece.encode([text])
    pair = Pair(pieces=pieces, regions=Regions.none(), match=True, image=picture(0))
    batch = collate([pair], small.inputs, wordpiece)
    assert torch.equal(batch.tokens_BL, open_clip.SimpleTokenizer(context_length=32)([text]))


def test_full_size_is_open_clips_vit_b_32() -> None:
    full = recipes.load("clip")
    assert full.towers is not None
    ours, theirs = full.towers.model_cfg(), open_clip.get_model_config("ViT-B-32")
    assert theirs is not None
    assert ours["embed_dim"] == theirs["embed_dim"]
    assert theirs["text_cfg"] == ours["text_cfg"]
    assert {**ours["vision_cfg"], **theirs["vision_cfg"]} == ours["vision_cfg"]
    with torch.device("meta"):
        network = build(full, SIZES)
    assert sum(parameter.numel() for parameter in network.parameters()) == 151_277_313
    assert open_clip.get_model_preprocess_cfg(open_clip.create_model("ViT-B-32"))["mean"] == (
        full.inputs.pixels.mean if full.inputs.pixels else None
    )


def test_weights_decay_as_in_open_clip(small: Recipe, dual: DualNetwork) -> None:
    """open_clip spares what has one dimension, norms, biases and the scale."""
    names = {id(parameter): name for name, parameter in dual.named_parameters()}
    shapes = {name: parameter.ndim for name, parameter in dual.named_parameters()}
    for group in build_optimizer(dual, small.stages[0].optim).param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            spared = shapes[name] < 2 or any(part in name for part in ("ln", "bias", "logit_scale"))
            assert (group["weight_decay"] == 0.0) == spared, name


def test_pixels_in_use_are_open_clips() -> None:
    """Its own transform for evaluation: shorter side to the square's, the middle of it."""
    smooth = np.linspace(0, 255, 90 * 130 * 3).reshape(90, 130, 3).astype(np.uint8)
    image = Image.fromarray(smooth)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    transform = open_clip.image_transform(48, is_train=False, resize_mode="shortest")
    ours = pixels_of([buffer.getvalue()], PixelSpec(size_px=48))[0]
    assert (ours - transform(image)).abs().max() < 0.05


def test_pixels_in_training_are_parts_drawn_by_row() -> None:
    images = [picture(0)] * 6
    spec = PixelSpec(size_px=32, crop=0.5)
    cut = pixels_of(images, spec, draws(6))
    assert torch.equal(cut, pixels_of(images, spec, draws(6)))
    assert torch.equal(cut[2:4], pixels_of(images[:2], spec, draws(6).only([2, 3])))
    assert len({tuple(row.flatten()[:50].tolist()) for row in cut}) == 6
    whole = dataclasses.replace(spec, crop=None)
    bent = pixels_of(images[:2], whole, draws(2))
    assert torch.equal(bent[0], bent[1])


def test_a_part_has_at_least_its_share_of_the_area_and_nearly_the_images_shape() -> None:
    """Pixels tell their own place: red across, green down."""
    side, n = 256, 60
    across = np.arange(side, dtype=np.uint8)[None, :].repeat(side, 0)
    buffer = io.BytesIO()
    Image.fromarray(np.stack((across, across.T, across), axis=-1)).save(buffer, "PNG")
    spec = PixelSpec(size_px=64, crop=0.5, mean=(0, 0, 0), std=(1, 1, 1))
    places = pixels_of([buffer.getvalue()] * n, spec, draws(n))[:, :2, :, :] * 255 / (side - 1)
    shares, shapes = [], []
    for red, green in places:
        low, high = (red[:, 8].mean(), green[8].mean()), (red[:, 55].mean(), green[55].mean())
        width, height = ((b - a).item() * 64 / 47 for a, b in zip(low, high, strict=True))
        shares.append(width * height)
        shapes.append(width / height)
    assert 0.47 < min(shares) < 0.6
    assert 0.9 < max(shares) <= 1.03
    assert 0.73 < min(shapes) < 0.85
    assert 1.18 < max(shapes) < 1.36


def test_bytes_that_are_no_image_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be decoded"):
        pixels_of([b"no image"], PixelSpec())


def test_every_picture_and_text_is_embedded_once(
    small: Recipe,
    dual: DualNetwork,
    memory_set: Callable[..., TrainingSet],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = memory_set(70, n_captions=3)
    rows = {"image": 0, "text": 0}

    def counted(name: str) -> Callable[[torch.Tensor], torch.Tensor]:
        embed: Callable[[torch.Tensor], torch.Tensor] = getattr(dual, f"embed_{name}")

        def embed_counted(tensor: torch.Tensor) -> torch.Tensor:
            rows[name] += len(tensor)
            return embed(tensor)

        return embed_counted

    monkeypatch.setattr(dual, "embed_image", counted("image"))
    monkeypatch.setattr(dual, "embed_text", counted("text"))
    told: list[tuple[int, int]] = []
    scores_IT, owner_T = score_dual(dual, small, data, lambda done, n: told.append((done, n)))
    assert rows == {"image": 70, "text": 210}
    assert told[-1] == (280, 280)
    assert owner_T.tolist() == np.repeat(range(70), 3).tolist()
    example = data.example(66)
    assert small.inputs.pixels is not None
    with torch.no_grad():
        image = DualNetwork.embed_image(dual, pixels_of([example.image], small.inputs.pixels))
        tokens = open_clip.SimpleTokenizer(context_length=32)([example.captions[1]])
        text = dual.clip.encode_text(tokens, normalize=True)
    expected = (image @ text.T).item()
    assert scores_IT[66, 66 * 3 + 1] == pytest.approx(expected, abs=1e-5)


@pytest.fixture
def trained(small: Recipe, tmp_path: Path) -> Path:
    """A run of two short stages on shards, without regions."""
    part = dataclasses.replace(small.stages[0], epochs=2.0, batch_pairs=8, log_every=2)
    stages = (
        dataclasses.replace(part, name="web", checkpoint_every=2),
        dataclasses.replace(part, name="clean", checkpoint_every=2),
    )
    data = tuple(
        StageData(name=s.name, shards=packed(tmp_path / s.name, 16, first=100 * i), regions=None)
        for i, s in enumerate(stages)
    )
    recipe = dataclasses.replace(small, stages=stages)
    plan = Plan(recipe=recipe, stages=data, out=tmp_path / "model", seed=3)
    prepare(plan, 1)
    run_stages(plan, Workers(), torch.device("cpu"))
    return plan.out


def test_a_run_on_pixels_is_exported_and_judges_pairs(trained: Path, tmp_path: Path) -> None:
    """The whole way: stages, checkpoint, evaluation, open_clip, `lait relevance`."""
    found = checkpoint.find(trained)
    network, snapshot = load_dual(found)
    assert (snapshot.stage, snapshot.step, snapshot.regions_digest) == ("clean", 4, "")
    report = evaluate(trained, tmp_path / "clean", None)
    assert (report.n_images, report.n_texts) == (16, 16)

    towers = export(trained, tmp_path / "towers")
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{towers}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{towers}")
    sample = ShardReader(tmp_path / "clean").sample(0)
    with Image.open(io.BytesIO(sample.image)) as image:
        pixels = transform(image)[None]
    pieces = load_wordpiece(CLIP).encode([sample.text])[0].ids
    ids = torch.tensor([[49_406, *pieces, 49_407]])
    assert snapshot.recipe.inputs.pixels is not None
    with torch.no_grad():
        theirs = model.eval().encode_image(pixels, normalize=True)
        ours = network.embed_image(pixels_of([sample.image], snapshot.recipe.inputs.pixels))
        assert (theirs - ours).abs().max() < 0.02  # the two resize in slightly different ways
        theirs = model.encode_text(tokenizer([sample.text]), normalize=True)
        assert torch.allclose(theirs, network.embed_text(ids), atol=1e-6)

    write_supervised(tmp_path / "set", world_seed=1, n_images=12, texts_per_image=1)
    config = RelevanceConfig(
        backbone=f"open_clip:local-dir:{towers}", epochs=1, class_prior=0.0, folds=2
    )
    judged = train_relevance(tmp_path / "set" / "pairs.jsonl", tmp_path / "judge", config=config)
    assert judged.images == 12
    described = json.loads((tmp_path / "judge" / "open_clip_config.json").read_text())
    assert described["model_cfg"] == network.towers.model_cfg()


@pytest.mark.slow
def test_two_workers_have_the_gradients_of_one(small: Recipe, tmp_path: Path) -> None:
    """Each compares its own pairs with those of both. Red when it compares them with its own."""
    part = dataclasses.replace(small.stages[0], batch_pairs=12)
    recipe = dataclasses.replace(small, stages=(part,))
    one_against_two(recipe, SIZES, packed(tmp_path / "shards", 12), None, tmp_path)


def test_what_is_no_dual_encoder_is_refused(
    trained: Path, tiny: Recipe, small: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="is a dual encoder"):
        load_network(checkpoint.find(trained))
    plain = Plan(
        recipe=tiny,
        stages=(StageData(name="first", shards=tmp_path / "web", regions=None),),
        out=tmp_path / "out",
        seed=0,
    )
    with pytest.raises(ValueError, match="stage first has no regions"):
        prepare(plain, 1)
    part = dataclasses.replace(small.stages[0], batch_pairs=8, micro_batches=2)
    cut = dataclasses.replace(small, stages=(part,))
    with pytest.raises(ValueError, match="micro_batches=1"):
        prepare(dataclasses.replace(plain, recipe=cut), 1)
    other = dataclasses.replace(small, objectives=tiny.objectives)
    with pytest.raises(ValueError, match="objective mlm is not for it"):
        prepare(dataclasses.replace(plain, recipe=other), 1)
