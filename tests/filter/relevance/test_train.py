"""Is training offline, deterministic, judged on unseen hosts, and never half-written?"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from filter.relevance.config import RelevanceConfig
from filter.relevance.evaluate import evaluate
from filter.relevance.folder import CARD
from filter.relevance.model import RelevanceModel
from filter.relevance.pairs import images_of, read_pairs, read_pixels
from filter.relevance.train import train
from tests.filter.relevance.conftest import TINY, Trained


def test_it_learns_more_than_chance_from_few_pairs(trained: Trained) -> None:
    assert trained.report.auc_random > 0.8
    assert trained.report.brier < 0.2
    assert trained.report.images == 48
    assert trained.report.pairs == 96
    assert trained.report.split == "host"
    assert trained.report.folds == 3


def test_progress_ends_at_its_total(trained: Trained) -> None:
    assert trained.progress[-1] == (48, 48)


def test_the_folder_holds_no_pickle_and_tells_what_it_is(trained: Trained) -> None:
    names = {path.name for path in trained.model.iterdir()}
    assert {"open_clip_config.json", "open_clip_model.safetensors", CARD} <= names
    assert not {name for name in names if Path(name).suffix in (".pt", ".pth", ".bin", ".pkl")}
    card = json.loads((trained.model / CARD).read_text())
    assert card["config"] == TINY.model_dump()
    assert card["report"]["auc_random"] == trained.report.auc_random
    assert set(card["files"]) == names - {CARD}
    assert "/" not in json.loads((trained.model / "open_clip_config.json").read_text())[
        "model_cfg"
    ]["text_cfg"]["hf_model_name"].removeprefix("sentence-transformers/")


def test_same_pairs_and_seed_give_the_same_bytes_on_any_number_of_threads(
    trained: Trained, tmp_path: Path
) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(trained.pairs, tmp_path / "again", config=TINY)
    finally:
        torch.set_num_threads(before)
    # relevance.json holds the hashes of all other files.
    assert (tmp_path / "again" / CARD).read_bytes() == (trained.model / CARD).read_bytes()


def test_the_network_computes_what_was_fitted(trained: Trained) -> None:
    """The bank was computed from the fitted projections, the vectors come out of open_clip."""
    model = RelevanceModel.load(trained.model)
    lines = read_pairs(trained.pairs)
    pixels = [read_pixels(path, 224, "squash") for path in images_of(lines).values()]
    images_NE = model.encoder.images([p for p in pixels if not isinstance(p, str)])
    texts_ME = model.encoder.texts([line.text for line in lines])
    np.testing.assert_allclose(images_NE.mean(axis=0), model.bank.image_E, atol=1e-5)
    np.testing.assert_allclose(texts_ME.mean(axis=0), model.bank.text_E, atol=1e-5)


def test_pairs_without_hosts_are_split_by_image(trained: Trained, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in trained.pairs.read_text().splitlines()[:40]]
    pairs = tmp_path / "pairs.jsonl"
    with pairs.open("w") as file:
        for one in lines:
            image = str(trained.pairs.parent / one["image"])
            file.write(json.dumps({"image": image, "text": one["text"]}) + "\n")
    told = train(pairs, tmp_path / "model", config=TINY)
    judged = evaluate(tmp_path / "model", pairs)
    assert (told.split, judged.split) == ("image", "none")
    assert told.auc_same_host is None
    assert judged.auc_same_host is None


def test_an_earlier_model_is_replaced_and_other_files_are_not(
    trained: Trained, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match=r"mine is not empty and no relevance model"):
        train(trained.pairs, tmp_path / "mine", config=TINY)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_missing_images_are_counted_and_named_and_nothing_is_written(
    trained: Trained, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in trained.pairs.read_text().splitlines()[:24]]
    for line in lines:
        line["image"] = str(trained.pairs.parent / line["image"])
    lines[3]["image"], lines[8]["image"] = "gone.jpg", "also-gone.jpg"
    (tmp_path / "bad.png").write_bytes(b"no picture")
    lines[10]["image"] = "bad.png"
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(ValueError, match=r"^.*3 of 15 images .*gone\.jpg \(No such file") as caught:
        train(pairs, tmp_path / "out", config=TINY)
    assert "also-gone.jpg" in str(caught.value)
    assert "bad.png (image_format" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_too_few_images_are_refused(trained: Trained, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(trained.pairs.read_text().splitlines(keepends=True)[:14]))
    with pytest.raises(ValueError, match="7 different images, training needs 8"):
        train(pairs, tmp_path / "out", config=TINY)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ("nonsense", "neither offline nor open_clip:"),
        ("open_clip:ViT-B-32", "names no weights"),
        ("open_clip:No-Such-Model/tag", "cannot be built.*No-Such-Model"),
        ("open_clip:local-dir:/no/such/folder", "cannot be built.*no/such/folder"),
    ],
)
def test_a_backbone_that_cannot_be_built_is_named(
    backbone: str, message: str, trained: Trained, tmp_path: Path
) -> None:
    config = RelevanceConfig(backbone=backbone)
    with pytest.raises(ValueError, match=f"backbone={backbone}.*{message}"):
        train(trained.pairs, tmp_path / "out", config=config)


@pytest.mark.slow
def test_real_captions_of_unseen_books(shared_data: Path, tmp_path: Path) -> None:
    """Every fourth figure; the whole set gives more (see bench/relevance.py)."""
    rows = (shared_data / "captions" / "train.jsonl").read_text().splitlines()[::4]
    with (tmp_path / "pairs.jsonl").open("w") as file:
        for row in map(json.loads, rows):
            image = str(shared_data / "captions" / row["image"])
            pair = {"image": image, "text": row["alt"], "host": row["repo"]}
            file.write(json.dumps(pair) + "\n")
    report = train(tmp_path / "pairs.jsonl", tmp_path / "model", config=RelevanceConfig())
    assert report.auc_random > 0.86
