"""Does the report show its numbers to a person?"""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from filter.relevance.folder import REPORT
from filter.relevance.page import page, write_page
from filter.relevance.report import CURVE
from tests.filter.relevance.conftest import Trained


def figures(html: str) -> dict[str, ET.Element]:
    """The drawings by their captions, parsed as XML."""
    parts = [part.split("</figure>")[0] for part in html.split("<figure>")[1:]]
    whole = [ET.fromstring(f"<figure>{part}</figure>") for part in parts]
    return {str(one[0].text): one[1] for one in whole}


def test_a_trained_model_has_a_page_with_four_plots(trained: Trained) -> None:
    html = (trained.model / REPORT).read_text(encoding="utf-8")
    assert html == page(trained.report)
    assert "<script" not in html
    assert "http" not in html
    bars, recall, calibration, importance = figures(html).values()
    assert len(recall.findall("circle")) == len(CURVE)
    assert len(calibration.findall("circle")) == len(trained.report.calibration)
    told = [text.text for text in bars.findall("text")]
    assert f"{trained.report.auc_random:.3f}" in told
    assert f"{trained.report.auc_hard:.3f}" in told
    features = [text.text for text in importance.findall("text")][::2]
    assert features == [each.feature for each in trained.report.importance]
    assert features[0] == "cosine"


def test_points_lie_where_their_numbers_say(trained: Trained) -> None:
    recall = list(figures(page(trained.report)).values())[1]
    across = [float(circle.attrib["cx"]) for circle in recall.findall("circle")]
    assert across == sorted(across)
    down = [float(circle.attrib["cy"]) for circle in recall.findall("circle")]
    precise = [point.precision for point in trained.report.curve]
    assert down[0] <= down[-1]
    assert down[0] == pytest.approx(20 + 300 * (1 - precise[0]), abs=0.1)


def test_a_page_that_cannot_be_written_is_one_clear_line(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        write_page(tmp_path / "missing" / "page.html", trained.report)
