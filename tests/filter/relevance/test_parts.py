"""Do the parts that need no model do what they say: pixels, colours, features, splits, numbers?"""

import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from filter.relevance.calibrate import fit_calibration, importance
from filter.relevance.colour import COLOURS, Floats, log_colours, named_colours
from filter.relevance.config import RelevanceConfig
from filter.relevance.contrast import info_nce
from filter.relevance.features import FEATURES, Bank, Said, Seen, pair_features
from filter.relevance.fit import Pooled, class_prior, fit
from filter.relevance.negatives import (
    Paired,
    hard_wrong,
    paired_of,
    random_wrong,
    same_host_wrong,
    text_ids,
)
from filter.relevance.pairs import PairLine
from filter.relevance.preprocess import Resize, preprocess
from filter.relevance.report import RECALLS, Scores, auc, best_f1, calibration_table, report
from filter.relevance.split import fold_of

RED, GREEN, BLUE = (230, 20, 20), (20, 160, 40), (30, 60, 220)


def bands(width_px: int, height_px: int) -> Image.Image:
    """Red left, green middle, blue right."""
    image = Image.new("RGB", (width_px, height_px), GREEN)
    image.paste(RED, (0, 0, width_px // 6, height_px))
    image.paste(BLUE, (width_px - width_px // 6, 0, width_px, height_px))
    return image


@pytest.mark.parametrize(
    ("resize", "left", "top"),
    [("squash", RED, RED), ("shortest", GREEN, GREEN), ("longest", RED, (0, 0, 0))],
)
def test_ways_to_make_a_picture_square(
    resize: Resize, left: tuple[int, int, int], top: tuple[int, int, int]
) -> None:
    pixels = preprocess(bands(900, 300), 60, resize)
    assert pixels.shape == (60, 60, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.writeable
    np.testing.assert_allclose(pixels[30, 1], left, atol=2)
    np.testing.assert_allclose(pixels[1, 1], top, atol=2)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    assert preprocess(bands(400, 300).convert(mode)).shape == (224, 224, 3)


def test_shrinking_in_two_steps_stays_close_to_the_fair_result() -> None:
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).resize((2400, 1600))
    fair = transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC)(smooth)
    difference = np.abs(preprocess(smooth).astype(int) - np.asarray(fair).astype(int))
    assert difference.mean() < 0.5
    assert difference.max() <= 8


def test_what_the_cascade_imports_needs_no_torch() -> None:
    code = (
        "import sys\n"
        "import filter.relevance.preprocess, filter.relevance.config, filter.relevance.report\n"
        "import filter.relevance.folder, filter.relevance.features, filter.relevance.evaluate\n"
        "assert 'torch' not in sys.modules and 'sklearn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        (RED, "red"),
        ((255, 140, 0), "orange"),
        ((250, 220, 30), "yellow"),
        (GREEN, "green"),
        (BLUE, "blue"),
        ((130, 40, 190), "purple"),
        ((255, 150, 200), "pink"),
        ((110, 65, 25), "brown"),
        ((250, 250, 250), "white"),
        ((15, 15, 15), "black"),
        ((128, 128, 128), "grey"),
    ],
)
def test_plain_colours_are_told(rgb: tuple[int, int, int], name: str) -> None:
    pixels = np.full((64, 64, 3), rgb, dtype=np.uint8)
    assert COLOURS[int(log_colours(pixels).argmax())] == name


def test_colour_words_are_found_as_words() -> None:
    assert [
        COLOURS[i] for i in named_colours("A Red car, two GRAY cats and a violet-blue sky")
    ] == [
        "red",
        "grey",
        "purple",
        "blue",
    ]
    assert named_colours("The greenhouse was bored; reduced whitewash") == ()
    assert len(named_colours("red red crimson")) == 1


def seen_and_said(texts: tuple[str, ...]) -> tuple[Seen, Said, Bank]:
    rng = np.random.default_rng(3)
    n, width, k = len(texts), 5, len(COLOURS)
    bank = Bank(image_E=rng.normal(size=5), text_E=rng.normal(size=5), colours_K=np.zeros(k))
    return (
        Seen(vectors_NE=rng.normal(size=(n, width)), colours_NK=rng.normal(size=(n, k))),
        Said(vectors_ME=rng.normal(size=(n, width)), texts=texts),
        bank,
    )


def test_features_by_hand() -> None:
    images, texts, bank = seen_and_said(("a red and blue cat", "a cat"))
    features = dict(zip(FEATURES, pair_features(images, texts, bank).T, strict=True))
    red, blue = (images.colours_NK[0, COLOURS.index(name)] for name in ("red", "blue"))
    assert features["cosine"][1] == pytest.approx(images.vectors_NE[1] @ texts.vectors_ME[1])
    assert features["image_commonness"][0] == pytest.approx(images.vectors_NE[0] @ bank.text_E)
    assert features["text_commonness"][0] == pytest.approx(texts.vectors_ME[0] @ bank.image_E)
    assert features["log_words"][1] == pytest.approx(np.log(3))
    assert features["colours_shown"].tolist() == [pytest.approx((red + blue) / 2), 0]
    assert features["scarcest_colour"].tolist() == [pytest.approx(min(red, blue)), 0]
    assert features["colours_named"].tolist() == [2, 0]


def test_a_pairs_features_are_its_own() -> None:
    images, texts, bank = seen_and_said(("a red cat", "a", "two blue boats on a lake", "sky"))
    whole = pair_features(images, texts, bank)
    for row in range(4):
        rows = np.array([row])
        np.testing.assert_array_equal(
            pair_features(images.take(rows), texts.take(rows), bank)[0], whole[row]
        )


def test_no_pairs_have_no_features() -> None:
    images, texts, bank = seen_and_said(("a red cat",))
    none = np.zeros(0, dtype=np.int64)
    assert pair_features(images.take(none), texts.take(none), bank).shape == (0, len(FEATURES))


def test_calibration_turns_features_into_frequencies() -> None:
    """Scores drawn from a known logistic law come back as its probabilities."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(20_000, len(FEATURES)))
    features[:, 1:] *= 1e-9
    is_true = rng.random(20_000) < 1 / (1 + np.exp(-2 * features[:, 0]))
    calibration = fit_calibration(features, is_true)
    probe = np.zeros((3, len(FEATURES)))
    probe[:, 0] = (-1, 0, 1)
    np.testing.assert_allclose(calibration(probe), 1 / (1 + np.exp([2, 0, -2])), atol=0.02)


def line(image: str, host: str | None, text: str = "a") -> PairLine:
    return PairLine(image=Path(image), name=image, text=text, host=host, fields={})


def test_no_host_and_no_image_is_split() -> None:
    rng = np.random.default_rng(0)
    lines = [line(f"{rng.integers(60)}", f"h{rng.integers(9)}") for _ in range(60)]
    # Hosts that share an image hang together; give each image one host but for a single one.
    lines = [line(one.name, f"h{int(one.name) % 9}") for one in lines] + [line("1", "h2")]
    folds, split = fold_of(lines, 4, seed=0)
    assert split == "host"
    assert len(set(folds.tolist())) == 4
    for key in ("host", "name"):
        for value in {getattr(one, key) for one in lines}:
            inside = {
                fold for fold, one in zip(folds, lines, strict=True) if getattr(one, key) == value
            }
            assert len(inside) == 1
    assert folds[-1] == next(f for f, one in zip(folds, lines, strict=True) if one.host == "h1")
    assert np.bincount(folds).min() > 5


@pytest.mark.parametrize("host", [None, "only"])
def test_images_are_dealt_where_hosts_cannot_be(host: str | None) -> None:
    lines = [line(str(number // 2), host) for number in range(40)]
    folds, split = fold_of(lines, 4, seed=0)
    assert split == "image"
    assert np.bincount(folds).tolist() == [10, 10, 10, 10]
    assert all(folds[0::2] == folds[1::2])


def test_a_host_of_one_image_does_not_make_a_fold() -> None:
    lines = [line(str(number), "big" if number else "small") for number in range(12)]
    folds, split = fold_of(lines, 4, seed=0)
    assert split == "image"
    assert np.bincount(folds).min() >= 2


LINES = [
    line("0", "h", "a red cat"),
    line("0", "h", "a cat"),
    line("1", "h", "A  Cat"),
    line("1", "h", "a dog"),
    line("2", "i", "a dog on grass"),
    line("3", "i", "a boat"),
    line("4", None, "a plane"),
]


def test_wrong_texts_are_wrong() -> None:
    paired = paired_of(LINES)
    assert text_ids(["a cat", "A  Cat "]).tolist() == [0, 0]
    rng = np.random.default_rng(0)
    own = {(one.name, " ".join(one.text.lower().split())) for one in LINES}
    vectors = np.eye(7) + 0.1
    for images, texts in (
        random_wrong(paired, 50, rng),
        same_host_wrong(paired, rng),
        hard_wrong(paired, vectors, rng),
    ):
        assert len(images)
        for image, text in zip(images.tolist(), texts.tolist(), strict=True):
            assert (str(image), " ".join(LINES[text].text.lower().split())) not in own
    assert len(random_wrong(paired, 50, rng)[0]) == 350


def test_no_wrong_text_is_made_up_where_there_is_none() -> None:
    paired = paired_of([line("0", "h", "a cat"), line("1", "h", "A cat")])
    rng = np.random.default_rng(0)
    assert len(random_wrong(paired, 4, rng)[0]) == 0
    assert len(same_host_wrong(paired, rng)[0]) == 0
    assert len(hard_wrong(paired, np.eye(2), rng)[0]) == 0


def test_wrong_texts_of_the_same_host() -> None:
    paired = paired_of(LINES)
    images, texts = same_host_wrong(paired, np.random.default_rng(0))
    hosts = ["h", "h", "i", "i", None]
    assert all(LINES[text].host == hosts[image] for image, text in zip(images, texts, strict=True))
    assert set(images.tolist()) == {0, 1, 2, 3}


def test_the_nearest_wrong_text_is_found() -> None:
    paired = Paired(
        image_of_M=np.array([0, 0, 1, 2]),
        text_id_M=np.arange(4),
        host_of_M=np.full(4, -1),
    )
    vectors = np.array([[1, 0], [1, 0.01], [0.9, 0.1], [0, 1.0]])
    images, texts = hard_wrong(paired, vectors, np.random.default_rng(0))
    assert images.tolist() == [0, 0, 1, 2]
    assert texts.tolist() == [2, 2, 1, 2]


def test_numbers_against_counting() -> None:
    rng = np.random.default_rng(1)
    true: Floats = np.round(np.clip(rng.normal(0.7, 0.2, 80), 0, 1), 2).astype(np.float64)
    wrong: Floats = np.round(np.clip(rng.normal(0.4, 0.2, 200), 0, 1), 2).astype(np.float64)
    counted = np.mean([(t > w) + 0.5 * (t == w) for t, w in product(true, wrong)])
    assert auc(true, wrong) == pytest.approx(counted)

    def f1(threshold: float) -> float:
        recall, fall_out = (true >= threshold).mean(), (wrong >= threshold).mean()
        precision = recall / (recall + fall_out)
        return float(2 * precision * recall / (precision + recall))

    assert f1(best_f1(true, wrong)) == pytest.approx(max(f1(t) for t in true))
    made = report(
        Scores(true=true, random=wrong, hard=wrong[:0], same_host=wrong[:9]),
        images=40,
        split="host",
        folds=4,
        threshold=None,
    )
    assert made.f1 == pytest.approx(f1(made.threshold))
    assert made.auc_hard is None
    assert made.auc_same_host == auc(true, wrong[:9])
    for point in made.precision_at_recall:
        assert (true >= point.threshold).mean() == point.recall
    reached = [point.recall for point in made.precision_at_recall]
    assert all(got >= want for got, want in zip(reached, RECALLS, strict=True))
    assert made.brier == pytest.approx(((1 - true) ** 2).mean() / 2 + (wrong**2).mean() / 2)


def test_a_calibrated_score_is_the_share_of_true_pairs() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(40_000)
    is_true = rng.random(40_000) < scores
    table = calibration_table(scores[is_true], scores[~is_true])
    assert len(table) == 10
    assert sum(one.pairs for one in table) == 40_000
    for one in table:
        assert one.low <= one.mean_score <= one.high
        assert one.true_share == pytest.approx(one.mean_score, abs=0.03)


def test_equal_texts_are_not_held_against_each_other() -> None:
    logits = torch.tensor([[2.0, 9.0, 0.0], [9.0, 2.0, 0.0], [0.0, 0.0, 2.0]])
    apart, same = (info_nce(logits, torch.tensor(ids)) for ids in ([0, 1, 2], [0, 0, 2]))
    assert apart > 4
    expected = (2 * np.log(1 + np.exp(-2)) + np.log(1 + 2 * np.exp(-2))) / 3
    assert float(same) == pytest.approx(expected, rel=1e-5)


def test_the_class_prior_points_at_the_name_of_the_likely_class() -> None:
    rng = np.random.default_rng(0)
    weights, names = rng.normal(size=(4, 16)), rng.normal(size=(4, 8))
    expected = weights[2] @ class_prior(weights, names)
    centred = names / np.linalg.norm(names, axis=1, keepdims=True)
    assert int((centred @ expected).argmax()) == 2


def test_the_mirror_half_alone_finds_the_texts_of_unseen_pictures() -> None:
    rng = np.random.default_rng(5)
    hidden = rng.normal(size=(120, 6))
    pictures = hidden @ rng.normal(size=(6, 40)) + rng.normal(size=(120, 40))
    texts = hidden @ rng.normal(size=(6, 24)) + rng.normal(size=(120, 24))
    taught = np.arange(80)
    pooled = Pooled(
        images_ND=pictures[:80], texts_MT=texts[:80], image_of_M=taught, text_id_M=taught
    )
    config = RelevanceConfig(epochs=0, embed_dim=12, mirror_dim=8, class_prior=0)
    both = fit(pooled, None, config)
    alone = fit(pooled, None, config.model_copy(update={"mirror_dim": 0}))
    assert both.image_DE.shape == (40, 20)
    assert alone.image_DE.shape == (40, 12)
    share = both.image_DE[:, :12] / alone.image_DE
    np.testing.assert_allclose(share, share[0, 0], err_msg="the first half keeps its directions")
    mirror = replace(
        both,
        image_DE=both.image_DE[:, 12:],
        image_bias_E=both.image_bias_E[12:],
        text_TE=both.text_TE[:, 12:],
    )
    cosines = mirror.images(pictures[80:]) @ mirror.texts(texts[80:]).T
    assert auc(np.diag(cosines), cosines[~np.eye(40, dtype=bool)]) > 0.9


def test_importance_is_what_is_lost_with_a_feature() -> None:
    rng = np.random.default_rng(1)
    true, wrong = rng.normal(size=(300, len(FEATURES))), rng.normal(size=(300, len(FEATURES)))
    true[:, 0] += 2.0
    both, is_true = np.concatenate([true, wrong]), np.arange(600) < 300
    told = importance(fit_calibration(both, is_true), true, wrong)
    assert told[0].feature == FEATURES[0]
    assert told[0].auc_lost > 0.35
    assert all(abs(each.auc_lost) < 0.02 for each in told[1:])
