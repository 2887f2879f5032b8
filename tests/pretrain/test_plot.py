"""Does the plot show the report's own numbers, and is it a picture that any program reads?"""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from pretrain.evaluate.plot import Bar, bars, retrieval_plot
from pretrain.evaluate.recall import Recall
from pretrain.evaluate.retrieval import RetrievalReport

SVG = "{http://www.w3.org/2000/svg}"


def test_bars_are_as_long_as_the_recalls() -> None:
    report = RetrievalReport(
        checkpoint=Path("model"),
        shards=Path("eval"),
        n_images=5000,
        n_texts=25010,
        folds=5,
        text_retrieval=Recall(r1=0.25, r5=0.5, r10=1.0),
        image_retrieval=Recall(r1=0.125, r5=0.375, r10=0.75),
        chance_text_retrieval=Recall(r1=0.1, r5=0.2, r10=0.3),
        chance_image_retrieval=Recall(r1=0.1, r5=0.2, r10=0.3),
    )
    root = ET.fromstring(retrieval_plot(report))
    bars_of = list(root.iter(f"{SVG}rect"))[1:]  # the first is the ground
    lengths = [float(bar.get("width", "")) for bar in bars_of]
    scale = lengths[2]
    assert lengths == [pytest.approx(scale * r) for r in (0.25, 0.5, 1.0, 0.125, 0.375, 0.75)]
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert "Retrieval, 5,000 images, 25,010 texts, mean of 5 folds" in words
    assert "text to image, R@10" in words
    assert "0.375" in words


def test_labels_cannot_break_out() -> None:
    drawn = bars("<script>alert(1)</script>", [Bar(label='"><a&', value=0.5, chance=0.1)])
    root = ET.fromstring(drawn)
    assert not list(root.iter(f"{SVG}script"))
    assert '"><a&' in [text.text for text in root.iter(f"{SVG}text")]
