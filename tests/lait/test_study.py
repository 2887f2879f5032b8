"""Is a study fair, and does it go on where it stopped?"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from lait.demo import Layout
from lait.study import run_study
from lait.study_data import uncurated_set, union_set
from lait.world.gold import read_gold
from pretrain.data import captions_of
from shards.read import ShardReader

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study") / "demo"
    lait(["demo", "--size", "tiny", "--out", str(out)])
    return out


def lait(arguments: Sequence[str]) -> str:
    command = [sys.executable, "-c", "from lait.cli import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def texts_of(shards: Path) -> dict[str, tuple[str, ...]]:
    with ShardReader(shards) as reader:
        samples = [reader.sample(i) for i in range(len(reader))]
    return {sample.key: captions_of(sample) for sample in samples}


def test_union_holds_both_sets_and_nothing_else(demo: Path, tmp_path: Path) -> None:
    layout = Layout(root=demo)
    web, clean = texts_of(layout.shards("web")), texts_of(layout.shards("clean"))
    union = texts_of(union_set(layout, tmp_path / "union").shards)
    assert union.keys() == web.keys() | clean.keys()
    for key, texts in union.items():
        assert set(texts) == {*web.get(key, ()), *clean.get(key, ())}


def test_uncurated_is_every_picture_with_an_alt_text(demo: Path, tmp_path: Path) -> None:
    layout = Layout(root=demo)
    uncurated = texts_of(uncurated_set(layout, tmp_path / "uncurated").shards)
    dropped = {
        line.drop: line.sha256[:32]
        for line in read_gold(layout.world / "gold.jsonl")
        if line.drop and line.sha256
    }
    # What curation would drop for its looks or its words is there; what cannot be decoded is not.
    assert dropped["min_side"] in uncurated
    assert dropped["image_corrupt"] not in uncurated
    assert len(uncurated) > len(texts_of(layout.shards("web")))


def test_every_arm_sees_as_many_pairs_and_a_second_call_trains_nothing(
    demo: Path, tmp_path: Path
) -> None:
    arguments = ["study", "curriculum", "--demo", str(demo), "--out", str(tmp_path / "out")]
    shown = lait([*arguments, "--seeds", "0", "--scale", "0.05", "--workers", "1"])
    assert "both in one stage" in shown
    study = json.loads((tmp_path / "out" / "study.json").read_text())
    assert [outcome["arm"] for outcome in study["outcomes"]] == [
        "web, then clean",
        "web alone",
        "clean alone",
        "both in one stage",
    ]
    drawn = ET.fromstring((tmp_path / "out" / "study.svg").read_text())
    words = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    for outcome in study["outcomes"]:
        assert f"{(outcome['text_r1'][0] + outcome['image_r1'][0]) / 2:.3f}" in words
    steps = {}
    for run in sorted((tmp_path / "out" / "runs").iterdir()):
        metrics = [
            file.read_text().splitlines()[-1] for file in sorted(run.glob("seed-0/*/metrics.jsonl"))
        ]
        steps[run.name] = sum(json.loads(last)["step"] for last in metrics)
    assert max(steps.values()) - min(steps.values()) <= 1, steps  # a stage rounds its steps
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    assert before
    again = lait([*arguments, "--seeds", "0", "--scale", "0.05", "--workers", "1"])
    assert again == shown
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == before


@pytest.mark.parametrize(
    ("question", "seeds", "says"), [("diet", (0,), "diet"), ("curation", (), "--seeds")]
)
def test_refusals_name_what_is_wrong(
    demo: Path, tmp_path: Path, question: str, seeds: tuple[int, ...], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        run_study(question, demo, tmp_path / "out", seeds=seeds)
    assert not (tmp_path / "out").exists()
