"""Does every model of the zoo go the same way, and does the page say what came out?"""

import json
from pathlib import Path

import pytest

from lait.zoo import Entry, Retrieved, Zoo, page_of
from tests.lait.test_study import lait


def test_the_page_shows_every_model_and_what_cannot_be_scored() -> None:
    entry = Entry(
        name="vl_bert",
        citation="Su et al.",
        parameters=1234567,
        zero_shot=None,
        fine_tuned=Retrieved(r1=0.25, r10=0.75),
        vqa=0.5,
    )
    zoo = Zoo(
        n_images=100,
        pairs=76680,
        seed=0,
        scale=0.5,
        n_questions=800,
        chance=Retrieved(r1=0.01, r10=0.1),
        entries=(entry, entry, entry),
    )
    page = page_of(zoo)
    row = "| vl_bert | 1,234,567 | none | none | 0.250 | 0.750 | 0.500 |\n"
    assert page.count(row) == 3
    assert "| chance |  | 0.010 | 0.100 | 0.010 | 0.100 |  |\n" in page
    assert "76,680 pairs" in page
    assert "--scale 0.5 --page" in page


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_models_are_shown_as_many_pairs(tmp_path: Path) -> None:
    """And a second call trains nothing; red when a stage keeps its own epochs."""
    demo, out = tmp_path / "demo", tmp_path / "zoo"
    lait(["demo", "--size", "tiny", "--out", str(demo)])
    arguments = ["zoo", "--demo", str(demo), "--out", str(out), "--recipe", "imagebert"]
    arguments += ["--scale", "0.05", "--workers", "1", "--page", str(tmp_path / "page.md")]
    shown = lait(arguments)
    assert "image alone" in shown
    zoo = json.loads((out / "zoo.json").read_text())
    names = [entry["name"] for entry in zoo["entries"]]
    assert names == ["imagebert", "text alone", "image alone"]
    assert len({entry["parameters"] for entry in zoo["entries"]}) == 1
    assert all(0 < entry["vqa"] < 1 for entry in zoo["entries"])
    for stage in ("web", "clean"):
        lines = {
            (out / name / "pretrained" / stage / "metrics.jsonl").read_text().splitlines()[-1]
            for name in names
        }
        assert len({json.loads(line)["total_steps"] for line in lines}) == 1
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert lait(arguments) == shown
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")} == before
