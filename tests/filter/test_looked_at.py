"""How right are the filters on real texts and pictures that were looked at, one by one?

`text_labels.json` holds texts of saved pages by the first 16 hex digits of their sha256: those that
describe a picture, and those that a person would refuse, by reason. `natural_labels.json` and
`pair_labels.json` hold figures of textbooks by their names: photographs and others, figures whose
own text describes them, and (figure, figure whose text it was shown with and does not fit).
Neither texts nor pictures are kept here.
"""

import hashlib
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import html
from sklearn.metrics import roc_auc_score

from crawl.config import CrawlConfig
from filter.config import FilterConfig
from filter.decode import Decoded, DecodeLimits, decode
from filter.natural_model import load_model
from filter.recipe import lait
from filter.relevance.config import RelevanceConfig
from filter.relevance.model import RelevanceModel
from filter.relevance.pairs import read_pixels
from filter.relevance.train import train

HERE = Path(__file__).parent
CASCADE = lait(FilterConfig(), CrawlConfig())


def labels(name: str) -> dict[str, Any]:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def texts_of(saved: Path) -> dict[str, str]:
    """Texts of the attributes alt and title of all images, by hash."""
    found = {}
    with tarfile.open(saved, "r|xz") as tar:
        for member in tar:
            body = tar.extractfile(member).read() if member.isfile() else b""
            if len(body) > 600_000 or b"<img" not in body.lower():
                continue
            for image in html.fromstring(body).iter("img"):
                for text in (image.get("alt"), image.get("title")):
                    plain = " ".join((text or "").split())
                    found[hashlib.sha256(plain.encode()).hexdigest()[:16]] = plain
    return found


@pytest.mark.slow
def test_texts_of_real_pages(shared_data: Path) -> None:
    """Precision and recall of the text filters; a text may well fall for two reasons."""
    texts = texts_of(shared_data / "mainimage" / "html.tar.xz")
    judged = [
        (expected, refusal.drop.reason if (refusal := CASCADE.text(texts[name])) else "description")
        for expected, names in labels("text_labels.json").items()
        for name in names
    ]
    for reason, precision, recall in (
        ("description", 0.96, 1.0),
        ("text_file_name", 0.8, 1.0),
        ("text_boilerplate", 1.0, 0.75),
        ("text_language", 1.0, 0.85),
        ("text_spam", 1.0, 1.0),
    ):
        both = judged.count((reason, reason))
        assert both >= precision * sum(found == reason for _, found in judged), reason
        assert both >= recall * sum(expected == reason for expected, _ in judged), reason
    assert sum(found == "description" for _, found in judged) <= 26, "one lets a headline through"


def test_human_alt_texts_pass(shared_data: Path) -> None:
    """Of all 2,847 alts of the textbooks no filter but that of the length refuses one in a hundred.

    A length is no fault: `max_words` says what is wanted.
    """
    fell = Counter()
    rows = figures(shared_data / "captions")
    for row in rows.values():
        refusal = CASCADE.text(row["alt"])
        fell[refusal.drop.reason if refusal else None] += 1
    assert fell["text_file_name"] == fell["text_personal"] == fell["text_oov"] == 0
    others = fell.total() - fell[None] - fell["text_long"] - fell["text_short"]
    assert others <= 0.007 * len(rows), fell


def figures(folder: Path) -> dict[str, dict[str, Any]]:
    lines = (folder / "train.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def test_no_picture_filter_minds_real_photographs(shared_data: Path) -> None:
    """Every fourth photograph that was looked at, under the cascade of the defaults."""
    folder = shared_data / "captions"
    rows, model = figures(folder), load_model("")
    limits = DecodeLimits(min_bytes=1, max_bytes=2**25, max_pixels=64_000_000)
    fates = []
    for name in labels("natural_labels.json")["natural"][::4]:
        found = decode((folder / rows[name]["image"]).read_bytes(), limits)
        assert isinstance(found, Decoded)
        assert model.score(found.looks.features) >= FilterConfig().min_natural, name
        refusal = CASCADE.image(found.facts)
        fates.append(refusal.drop.reason if refusal else None)
    assert len(fates) >= 35
    assert set(fates) <= {None, "aspect_ratio"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_pairs_of_books_that_the_relevance_model_has_not_seen(
    shared_data: Path, tmp_path: Path
) -> None:
    """Two models, each trained on figures of half of the books, judge the pairs of the others."""
    folder, looked = shared_data / "captions", labels("pair_labels.json")
    rows = figures(folder)
    pairs = [(name, name, True) for name in looked["match"]]
    pairs += [(picture, text, False) for picture, text in looked["mismatch"]]
    seen = {name for pair in pairs for name in pair[:2]}
    books = sorted({row["repo"] for row in rows.values()})
    scores, truth = [], []
    for number, held_out in enumerate((books[::2], books[1::2])):
        lessons = [r for r in rows.values() if r["repo"] not in held_out and r["id"] not in seen]
        model = trained(folder, lessons[::3], tmp_path / str(number))
        asked = [pair for pair in pairs if rows[pair[0]]["repo"] in held_out]
        pixels = [
            read_pixels(folder / rows[name]["image"], model.size_px, model.encoder.resize)
            for name, _, _ in asked
        ]
        found = model.score(pixels, [[rows[name]["alt"]] for _, name, _ in asked])
        scores += [score for (score,) in found]
        truth += [true for _, _, true in asked]
    kept, true = np.array(scores) >= FilterConfig().min_relevance, np.array(truth)
    assert len(true) == 237
    assert roc_auc_score(true, scores) >= 0.85
    assert true[kept].mean() >= 0.75
    assert kept[true].mean() >= 0.76


def trained(folder: Path, rows: list[dict[str, Any]], out: Path) -> RelevanceModel:
    """A relevance model of some figures and their alts."""
    pairs = out.with_suffix(".jsonl")
    lines = [
        {"image": str(folder / row["image"]), "text": row["alt"], "host": row["repo"]}
        for row in rows
    ]
    pairs.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    train(pairs, out, config=RelevanceConfig())
    return RelevanceModel.load(out)
