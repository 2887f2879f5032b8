"""Do safety models of any kind judge pictures alike, in batches, and cost only what they refuse?"""

import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crawl.config import CrawlConfig
from filter.config import FilterConfig
from filter.decontaminate import with_digests
from filter.funnel import REASONS
from filter.judge import judge_block, judge_page, judge_ref
from filter.ledger import row
from filter.recipe import lait
from filter.recorded import recorded
from filter.replay import NOT_SCORED, judge_again
from filter.safety import Asked, SafetyModel, Unsafe, digest_of, load, worst
from filter.sieve import ERROR
from tests.filter.tiny_onnx import write

WEIGHTS = np.array([[0.0, 6.0, 0.0], [0.0, -3.0, 1.0], [0.0, -3.0, 0.0]])
BIAS = np.array([0.5, 0.0, -1.0])
CARD = {
    "size_px": 16,
    "layout": "NCHW",
    "mean": [0.5, 0.4, 0.3],
    "std": [0.5, 0.25, 0.2],
    "activation": "softmax",
    "labels": ["plain", "red", "green"],
    "unsafe": ["red", "green"],
}
ALT = "A lovely red umbrella stands open on the wide and sandy beach"


@pytest.fixture
def classifier(tmp_path):
    """The name of a classifier of mean colours, with some of its card changed."""

    def make(**changes) -> str:
        card = CARD | changes
        path = tmp_path / "model.onnx"
        write(path, WEIGHTS, BIAS, layout=card["layout"], side=card["size_px"])
        path.with_suffix(".json").write_text(json.dumps(card))
        return f"onnx:{path}"

    return make


def asked(*models: str, digest: str = "") -> Asked:
    return Asked(
        models=models, unsafe_prompts=("a red thing",), safe_prompts=("a thing",), digest=digest
    )


def plain(*colour: int) -> Image.Image:
    return Image.new("RGB", (40, 30), colour)


def expected(colour: tuple[int, int, int]) -> np.ndarray:
    mean = (np.array(colour) / 255 - CARD["mean"]) / CARD["std"]
    raised = np.exp(mean @ WEIGHTS + BIAS)
    return raised / raised.sum()


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_any_onnx_classifier(classifier, layout) -> None:
    (model,) = load(asked(classifier(layout=layout)))
    assert isinstance(model, SafetyModel)
    colours = [(250, 10, 20), (10, 240, 30), (128, 128, 128)]
    pixels = [model.preprocess(plain(*colour)) for colour in colours]
    found = model.unsafe(pixels)
    np.testing.assert_allclose(found, [expected(c)[1:].sum() for c in colours], atol=1e-5)
    assert model.unsafe([]) == []


@pytest.mark.parametrize(
    ("activation", "share"), [("sigmoid", lambda x: 1 / (1 + np.exp(-x))), ("none", lambda x: x)]
)
def test_activations(classifier, activation, share) -> None:
    (model,) = load(asked(classifier(activation=activation, unsafe=["green"])))
    # Such a green that the number itself lies in 0..1.
    colour = (128, 160, 77)
    mean = (np.array(colour) / 255 - CARD["mean"]) / CARD["std"]
    (found,) = model.unsafe([model.preprocess(plain(*colour))])
    assert found == pytest.approx(min(1.0, share((mean @ WEIGHTS + BIAS)[2])), abs=1e-5)


def test_the_surest_model_counts(classifier) -> None:
    class Fixed:
        def __init__(self, *scores: float) -> None:
            self.scores = [*scores]

        def preprocess(self, image, /):
            return np.asarray(image)

        def unsafe(self, pixels_N, /) -> list[float]:
            assert len(pixels_N) == 2
            return self.scores

    pixels = [(np.zeros((2, 2, 3), np.uint8),) * 2] * 2
    assert worst([Fixed(0.2, 0.9), Fixed(0.31234567, 0.1)], pixels) == [0.3123, 0.9]


def body(*colour: int, seed: int = 0) -> bytes:
    """A lively picture of some colour: no other filter minds it."""
    noise = np.random.default_rng(seed).integers(-60, 60, size=(12, 15, 1))
    coarse = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((400, 320), Image.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def judged(classifier, make_candidate, make_ref):
    """(Cascade, verdicts by offset) of a red, a blue and a grey picture."""

    def judge(**settings):
        settings = {"safety_models": (classifier(),), "min_natural": 0, **settings}
        cascade = lait(with_digests(FilterConfig(**settings)), CrawlConfig())
        bodies = {1: body(220, 40, 40), 2: body(40, 60, 200), 3: body(128, 100, 77)}
        block = []
        for offset in bodies:
            candidate = make_candidate(candidate_id=f"{offset:032x}", texts=(("alt", ALT),))
            block.append(
                judge_ref(judge_page(candidate, cascade), make_ref(offset=offset), cascade)
            )
        found = judge_block(block, lambda ref: bodies[ref.offset], cascade, None, 8)
        return cascade, {verdict.ref.offset: verdict for verdict in found}

    return judge


def test_unsafe_pictures_fall_and_the_others_do_not(judged) -> None:
    cascade, found = judged()
    assert {offset for offset, verdict in found.items() if verdict.kept} == {2, 3}
    assert (found[1].stage, found[1].reason, found[1].threshold) == ("safety", "unsafe", 0.5)
    assert found[1].value == found[1].image.unsafe > 0.9 > found[2].image.unsafe
    assert "unsafe" in REASONS["safety"]
    for verdict in found.values():
        assert row(verdict)["unsafe"] == verdict.image.unsafe
        again = judge_again(verdict, cascade, same_texts=True, scored=False)
        assert (again.kept, again.value) == (verdict.kept, verdict.value)


def test_what_was_never_asked_cannot_be_replayed(judged) -> None:
    _, found = judged(safety_models=())
    assert all(verdict.kept and verdict.image.unsafe is None for verdict in found.values())
    strict, _ = judged()
    again = judge_again(found[1], strict, same_texts=True, scored=False)
    assert (again.stage, again.reason) == ("safety", NOT_SCORED)
    looser, _ = judged(max_unsafe=1)
    _, dropped = judged()
    assert judge_again(dropped[1], looser, same_texts=True, scored=False).kept


def test_a_model_that_raises_on_one_picture_drops_only_it(judged, monkeypatch) -> None:
    class Fragile:
        def preprocess(self, image, /):
            return np.asarray(image.resize((4, 4)))

        def unsafe(self, pixels_N, /) -> list[float]:
            if any(pixels[..., 2].mean() > 150 for pixels in pixels_N):
                raise RuntimeError("too blue for me")
            return [0.25] * len(pixels_N)

    monkeypatch.setattr("filter.judge.load_safety", lambda _asked: (Fragile(),))
    _, found = judged()
    assert {offset for offset, verdict in found.items() if verdict.kept} == {1, 3}
    assert (found[2].stage, found[2].reason) == ("safety", ERROR)
    assert "too blue for me" in found[2].value
    assert recorded(row(found[2])).reason == ERROR


def test_not_a_number_is_not_safe(make_facts) -> None:
    refuse = Unsafe(max_unsafe=0.5)
    assert refuse(make_facts(unsafe=float("nan"))) is not None
    assert refuse(make_facts(unsafe=0.5)) is None
    assert refuse(make_facts(unsafe=None)) is None


def test_the_digest_covers_model_card_and_prompts(classifier, tmp_path) -> None:
    names = [classifier(), classifier(activation="none")]
    digests = {digest_of(asked(name)) for name in names[1:]}
    classifier()
    digests.add(digest_of(asked(names[0])))
    digests.add(digest_of(asked("open_clip:ViT-B-32/x")))
    other = Asked(models=("open_clip:ViT-B-32/x",), unsafe_prompts=("a",), safe_prompts=("b",),
                  digest="")  # fmt: skip
    digests.add(digest_of(other))
    assert len(digests) == 4
    assert digest_of(asked()) == with_digests(FilterConfig()).safety_digest == ""
    with pytest.raises(ValueError, match="have changed since the run began"):
        load(asked(names[0], digest="0" * 64))


@pytest.mark.parametrize(
    ("change", "needle"),
    [
        ({"unsafe": ["blue"]}, "'blue' is none of its labels"),
        ({"std": [0, 1, 1]}, "std: not positive"),
        ({"size_px": 2}, "size_px"),
        ({"colour": "BGR"}, "colour"),
        ({"labels": ["plain", "red"], "unsafe": ["red"]}, "3 numbers, its card has 2 labels"),
    ],
)
def test_cards_that_cannot_be(classifier, change, needle) -> None:
    name = classifier(**change)
    with pytest.raises(ValueError, match=needle):
        load(asked(name))[0].unsafe([np.zeros((16, 16, 3), np.uint8)])


@pytest.mark.parametrize(
    ("name", "needle"),
    [
        ("nsfw", "filter.safety_models: 'nsfw' is none of"),
        ("onnx:nowhere.onnx", "nowhere.onnx cannot be read"),
    ],
)
def test_models_that_are_not_there_are_named_before_a_run(name, needle) -> None:
    with pytest.raises(ValueError, match=needle):
        with_digests(FilterConfig(safety_models=(name,)))


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"broken")
    (tmp_path / "model.json").write_text(json.dumps(CARD))
    with pytest.raises(ValueError, match=r"model\.onnx cannot be run"):
        load(asked(f"onnx:{tmp_path / 'model.onnx'}"))


@pytest.mark.skipif(importlib.util.find_spec("nudenet") is None, reason="nudenet is not installed")
def test_nudenet_sees_nothing_in_a_plain_picture() -> None:
    (model,) = load(asked("nudenet"))
    assert isinstance(model, SafetyModel)
    assert model.unsafe([model.preprocess(plain(90, 120, 160))]) == [0.0]


@pytest.mark.skipif(importlib.util.find_spec("nudenet") is not None, reason="nudenet is installed")
def test_nudenet_is_asked_for_by_name() -> None:
    with pytest.raises(ValueError, match="pip install nudenet"):
        with_digests(FilterConfig(safety_models=("nudenet",)))
