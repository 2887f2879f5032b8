"""Do the picture filters drop what nobody would call a photograph, and spare real ones?"""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from crawl.config import CrawlConfig
from filter.config import FilterConfig
from filter.decode import Decoded, DecodeLimits, decode
from filter.looks import FEATURES, look
from filter.natural import Blurred, NotNatural, TooDark, TooLight
from filter.natural_model import PACKAGED, NaturalModel, load_model, read_model, write_model
from filter.natural_train import Labelled, cross_validate, judge, read_labelled, scores, train
from filter.recipe import lait

LIMITS = DecodeLimits(min_bytes=0, max_bytes=2**25, max_pixels=64_000_000)
LABELS = Path(__file__).with_name("natural_labels.json")
"""Ids of real pictures, by looking at every twentieth: photographs, and charts, maps and tables.
Paintings, engravings and collages are neither."""


def real(shared_data: Path, every: int) -> list[Image.Image]:
    files = sorted((shared_data / "captions" / "images").rglob("*.jpg"))[::every]
    return [Image.open(file).convert("RGB") for file in files]


@pytest.mark.parametrize(
    ("refuse", "name", "low", "high"),
    [
        (TooDark(min_brightest=32), "brightest", "too_dark", None),
        (TooLight(max_darkest=215), "darkest", None, "too_light"),
        (Blurred(min_sharpness=10), "sharpness", "blurred", None),
        (NotNatural(min_natural=0.1), "natural", "not_natural", None),
    ],
)
def test_thresholds(make_facts, refuse, name, low, high) -> None:
    (threshold,) = (getattr(refuse, field) for field in refuse.__slots__)
    step = 0.01 if name == "natural" else 1
    for value, reason in (
        (threshold - step, low), (threshold, None), (threshold + step, high), (None, None),
    ):  # fmt: skip
        drop = refuse(make_facts(**{name: value}))
        assert (drop and drop.reason) == reason
        assert drop is None or (drop.value, drop.threshold) == (value, threshold)


def test_looks_of_made_pictures() -> None:
    night, snow = Image.new("RGB", (400, 300), (9, 9, 12)), Image.new("RGB", (400, 300), "white")
    assert look(night).brightest < 32
    assert look(snow).darkest > 215
    ImageDraw.Draw(night).rectangle((10, 10, 90, 90), "white")
    assert look(night).brightest == 255, "a lamp in the night is enough"
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (400, 400, 3), dtype=np.uint8))
    blurs = [look(noise.filter(ImageFilter.GaussianBlur(radius))).sharpness for radius in (0, 4, 9)]
    assert blurs == sorted(blurs, reverse=True)
    assert blurs[0] > 50 > 10 > blurs[2]


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 500), (7, 9), (5000, 3)])
def test_any_size_has_looks(size) -> None:
    found = look(Image.new("RGB", size, (1, 2, 3)))
    assert found.features.shape == (len(FEATURES),)
    assert np.isfinite(found.features).all()


def test_the_same_at_any_size(picture) -> None:
    image = Image.open(io.BytesIO(picture(1600, 1200, kind="PNG")))
    small = look(image.resize((800, 600), Image.Resampling.LANCZOS))
    assert np.abs(look(image).features - small.features).max() < 0.1


def test_defaults_spare_real_pictures(shared_data) -> None:
    """Of every 15th figure none is too dark, too light or blurred; a tenth of grey would be."""
    config = FilterConfig()
    filters = (
        TooDark(min_brightest=config.min_brightest),
        TooLight(max_darkest=config.max_darkest),
        Blurred(min_sharpness=10),
    )
    images = real(shared_data, 15)
    assert len(images) > 150
    for image in images:
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=1)
        found = decode(out.getvalue(), LIMITS)
        assert isinstance(found, Decoded)
        assert [refuse(found.facts) for refuse in filters] == [None] * 3


def test_blurred_copies_of_real_pictures_are_found(shared_data) -> None:
    images = real(shared_data, 60)
    blurred = [look(image.filter(ImageFilter.GaussianBlur(6))).sharpness for image in images]
    assert np.mean([sharpness < 10 for sharpness in blurred]) > 0.9


def test_the_packaged_model_on_pictures_that_were_looked_at(shared_data) -> None:
    folder, labels = shared_data / "captions", json.loads(LABELS.read_text())
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    path = {row["id"]: folder / row["image"] for row in rows}
    model = load_model("")

    def score(name: str) -> float:
        return model.score(look(Image.open(path[name]).convert("RGB")).features)

    natural = [score(name) for name in labels["natural"]]
    other = [score(name) for name in labels["not"]]
    pairs = [(n > o) + 0.5 * (n == o) for n in natural for o in other]
    assert (len(natural), len(other)) == (147, 73)
    assert np.mean(pairs) > 0.97, "area under the curve"
    threshold = FilterConfig().min_natural
    assert min(natural) >= threshold, "no photograph is lost"
    assert np.mean([one < threshold for one in other]) > 0.6


def blobs(n: int, natural: bool, seed: int) -> list[Image.Image]:
    """Textured fields, or flat shapes on white."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        if natural:
            field = rng.normal(128, 60, (40, 40, 3)).clip(0, 255).astype(np.uint8)
            image = Image.fromarray(field).resize((200, 200), Image.Resampling.BICUBIC)
            noise = rng.normal(0, 8, (200, 200, 3)) + np.asarray(image)
            image = Image.fromarray(noise.clip(0, 255).astype(np.uint8))
        else:
            image = Image.new("RGB", (200, 200), "white")
            for _ in range(4):
                x, y = (int(value) for value in rng.integers(0, 120, 2))
                fill = tuple(int(value) for value in rng.integers(0, 255, 3))
                ImageDraw.Draw(image).rectangle((x, y, x + 60, y + 40), fill)
        made.append(image)
    return made


@pytest.fixture(scope="module")
def labels_file(tmp_path_factory) -> Path:
    folder, lines = tmp_path_factory.mktemp("labels"), []
    for natural in (True, False):
        for number, image in enumerate(blobs(24, natural, seed=int(natural))):
            name = f"{natural}{number}.png"
            image.save(folder / name)
            lines.append({"image": name, "natural": natural, "source": f"s{number % 3}"})
    lines.append({"image": "gone.png", "natural": True, "source": "s0"})
    file = folder / "labels.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_train_and_judge(labels_file, tmp_path) -> None:
    labelled = read_labelled(labels_file)
    assert (len(labelled.natural_N), labelled.n_unreadable) == (48, 1)
    report = cross_validate(labelled)
    assert report.auc > 0.99
    assert (report.n_natural, report.n_other, report.n_sources) == (24, 24, 3)
    model = train(labelled, "blobs")
    write_model(tmp_path / "model.json", model)
    assert read_model(tmp_path / "model.json") == model
    found = scores(model, labelled)
    assert judge(found, labelled, n_sources=3).auc > 0.999
    write_model(tmp_path / "again.json", train(read_labelled(labels_file), "blobs"))
    again, first = (tmp_path / name for name in ("again.json", "model.json"))
    assert again.read_bytes() == first.read_bytes()


def test_the_judgement_counts_what_falls() -> None:
    natural = np.array([True, True, True, True, False, False])
    labelled = Labelled(
        features_NF=np.zeros((6, len(FEATURES))),
        natural_N=natural,
        source_N=np.array(["a"] * 6),
        n_unreadable=0,
    )
    found = np.array([0.9, 0.8, 0.7, 0.05, 0.01, 0.6])
    (row,) = judge(found, labelled, n_sources=1, thresholds=(0.1,)).thresholds
    assert (row.photographs_dropped, row.others_caught, row.precision) == (0.25, 0.5, 0.5)


@pytest.mark.parametrize(
    "line", ["{", '{"image": "a.png"}', '{"image": "a.png", "natural": 1}', '["a", true]']
)
def test_bad_labels(tmp_path, line) -> None:
    (tmp_path / "labels.jsonl").write_text(line)
    with pytest.raises(ValueError, match=r"labels\.jsonl, line 1"):
        read_labelled(tmp_path / "labels.jsonl")


def test_too_few_labels(labels_file) -> None:
    labelled = read_labelled(labels_file)
    one_kind = Labelled(
        features_NF=labelled.features_NF[:24],
        natural_N=labelled.natural_N[:24],
        source_N=labelled.source_N[:24],
        n_unreadable=0,
    )
    with pytest.raises(ValueError, match="24 natural and 0 other"):
        train(one_kind, "")
    with pytest.raises(ValueError, match="both are needed"):
        judge(np.zeros(24), one_kind, n_sources=1)


def test_models_that_cannot_be_used(tmp_path) -> None:
    good = PACKAGED.read_text()
    for content in ("", "{}", good.replace("lait natural 1", "x"), good.replace(FEATURES[0], "x"),
                    good.replace('"bias": ', '"bias": NaN, "x": ')):  # fmt: skip
        (tmp_path / "model.json").write_text(content)
        with pytest.raises(ValueError, match=r"model\.json .*filter\.natural_model"):
            read_model(tmp_path / "model.json")
    with pytest.raises(ValueError, match="nowhere"):
        load_model("nowhere.json")


def test_extreme_features_have_a_score() -> None:
    n = len(FEATURES)
    model = NaturalModel(mean=(0.0,) * n, scale=(1e-6,) * n, weight=(1e6,) * n, bias=0.0, about="")
    assert model.score(np.ones(n)) == 1.0
    assert model.score(-np.ones(n)) == 0.0


def test_the_cascade_asks_only_when_wanted() -> None:
    assert lait(FilterConfig(), CrawlConfig()).natural_model == ""
    assert lait(FilterConfig(min_natural=0), CrawlConfig()).natural_model is None


@pytest.mark.slow
def test_books_held_out_on_pictures_that_were_looked_at(shared_data) -> None:
    """Trained on keyword labels of the other books: at least 0.95 on what a person sees."""
    folder, labels = shared_data / "captions", json.loads(LABELS.read_text())
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    looked = {name: kind == "natural" for kind, names in labels.items() for name in names}
    rows = [json.loads(line) for line in lines]
    rows = [row for row in rows if row["kind_weak"] != "unknown" or row["id"] in looked]
    features = [look(Image.open(folder / row["image"]).convert("RGB")).features for row in rows]
    weak = np.array([row["kind_weak"] == "photo" for row in rows])
    known = np.array([row["kind_weak"] != "unknown" for row in rows])
    source = np.array([row["repo"] for row in rows])
    everything = Labelled(
        features_NF=np.array(features), natural_N=weak, source_N=source, n_unreadable=0
    )
    found = np.zeros(len(rows))
    for book in sorted(set(source.tolist())):
        model = train(_only(everything, known & (source != book)), "")
        held = source == book
        found[held] = scores(model, _only(everything, held))
    judged = np.array([row["id"] in looked for row in rows])
    truth = Labelled(
        features_NF=everything.features_NF[judged],
        natural_N=np.array([looked[row["id"]] for row in rows if row["id"] in looked]),
        source_N=source[judged],
        n_unreadable=0,
    )
    report = judge(found[judged], truth, n_sources=12, thresholds=(0.1,))
    assert report.auc >= 0.95
    assert report.thresholds[0].photographs_dropped <= 0.02
    assert report.thresholds[0].others_caught >= 0.6


def _only(labelled: Labelled, chosen: np.ndarray) -> Labelled:
    return Labelled(
        features_NF=labelled.features_NF[chosen],
        natural_N=labelled.natural_N[chosen],
        source_N=labelled.source_N[chosen],
        n_unreadable=0,
    )
