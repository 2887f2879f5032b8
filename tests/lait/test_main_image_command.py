"""Can a person teach and test the main-image model from the command line?"""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from crawl.main_image import read_model
from lait.commands import main_image
from tests.crawl.labelled import write_labelled


def test_train_then_eval(tmp_path: Path) -> None:
    folder = tmp_path
    write_labelled(folder)
    app = typer.Typer()
    main_image.register(app)
    given = ["--pages", str(folder / "pages.jsonl"), "--gold", str(folder / "gold.jsonl")]
    weights, out = tmp_path / "w.json", tmp_path / "answers.jsonl"
    trained = CliRunner().invoke(app, ["main-image", "train", *given, "--out", str(weights)])
    assert trained.exit_code == 0, trained.output
    assert "Cross-validation over sites" in trained.stdout
    assert read_model(weights).training.n_pages == 24
    tested = CliRunner().invoke(
        app, ["main-image", "eval", *given, "--weights", str(weights), "--out", str(out)]
    )
    assert tested.exit_code == 0, tested.output
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 48
    assert all(row["right"] for row in rows)
    crossed = CliRunner().invoke(app, ["main-image", "eval", *given])
    assert crossed.exit_code == 0, crossed.output
    assert "Learning curve" in crossed.stdout
