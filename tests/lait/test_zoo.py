"""Does every model of the zoo go the same way, and does the page say what came out?"""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from lait.commands.study import zoo_table
from lait.zoo_table import Entry, Retrieved, Zoo, page_of
from tests.lait.test_study import lait


def entry(name: str, r1: float, vqa: float | None, *, dual: bool = False) -> Entry:
    """Of a model that finds this much after fine-tuning; a dual encoder has none."""
    found = Retrieved(r1=r1, r10=0.75)
    return Entry(
        name=name,
        citation=f"{name} et al.",
        parameters=1234567,
        zero_shot=found if dual else None,
        fine_tuned=None if dual else found,
        vqa=vqa,
    )


def zoo_of(*models: Entry, text: float = 0.012) -> Zoo:
    """These models and the two baselines."""
    return Zoo(
        n_images=100,
        pairs=76680,
        seed=0,
        scale=0.5,
        n_questions=800,
        chance=Retrieved(r1=0.01, r10=0.1),
        entries=(*models, entry("text alone", text, 0.42), entry("image alone", 0.005, 0.2)),
    )


def test_the_page_shows_every_model_and_what_cannot_be_scored() -> None:
    page = page_of(zoo_of(entry("vl_bert", 0.25, 0.5), entry("clip", 0.5, None, dual=True)))
    row = "| vl_bert | 1,234,567 | none | none | 0.250 | 0.750 | 0.500 | retrieval, VQA |\n"
    assert row in page
    assert "| clip | 1,234,567 | 0.500 | 0.750 | none | none | - | retrieval |\n" in page
    assert "| text alone | 1,234,567 | none | none | 0.012 | 0.750 | 0.420 |  |\n" in page
    assert "| chance |  | 0.010 | 0.100 | 0.010 | 0.100 |  |  |\n" in page
    assert "76,680 pairs" in page
    assert "--scale 0.5 --page" in page
    assert "- clip: clip et al.\n" in page
    assert "text alone et al." not in page


def test_eighty_characters_have_room_for_every_name_and_number() -> None:
    """Red when the parameters are shown, too."""
    screen = Console(width=80, file=io.StringIO())
    models = entry("twelve_in_one", 0.25, 0.5), entry("clip", 0.5, None, dual=True)
    screen.print(zoo_table(zoo_of(*models)))
    assert isinstance(screen.file, io.StringIO)
    lines = [line.split() for line in screen.file.getvalue().splitlines()]
    numbers = ["none", "none", "0.250", "0.750", "0.500"]
    assert ["twelve_in_one", *numbers, "retrieval,"] in lines  # VQA stands below
    assert ["image", "alone", "none", "none", "0.005", "0.750", "0.200"] in lines
    assert ["chance", "0.010,", "R@10", "0.100"] in lines


@pytest.mark.parametrize(
    ("r1", "vqa", "text", "above"),
    [
        (0.021, 0.43, 0.012, "retrieval, VQA"),
        (0.021, 0.42, 0.012, "retrieval"),  # as good as the text alone is not above it
        (0.019, 0.43, 0.012, "VQA"),  # above the baselines, but less than twice chance
        (0.021, 0.30, 0.022, "nothing"),  # above chance, but not above the text alone
    ],
)
def test_a_model_is_above_both_baselines_and_well_above_chance(
    r1: float, vqa: float, text: float, above: str
) -> None:
    page = page_of(zoo_of(entry("uniter", r1, vqa), entry("clip", 0.5, None), text=text))
    assert f" | {above} |\n" in page
    all_above = above == "retrieval, VQA"
    assert ("Here every model is" in page) is all_above
    assert ("in all that they were asked: uniter.\n" in page) is not all_above


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
    assert "| image alone |" in (tmp_path / "page.md").read_text()
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
