"""Does the notebook run on a finished run, and is what it shows harmless?"""

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lxml import html as lxml_html
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import review
from tests.review import hostile
from tests.review.chromium import CANARY, browse, needs_chromium
from tests.review.conftest import RunMaker, jpeg, several_fates

PLAIN = {
    "html", "head", "title", "body", "div", "p", "b", "svg", "g", "rect", "text", "line", "iframe",
}  # fmt: skip
"""Elements of a notebook's outputs, none of which can run anything (the frame is looked into)."""

NOTEBOOK = Path(review.__file__).parent / "review.ipynb"


def execute(run: Path) -> list[dict[str, Any]]:
    """Run the notebook as JupyterLab would, from its own folder; the outputs in order."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(NOTEBOOK.parent)}}
    )
    client.execute(env={**os.environ, "LAIT_RUN": str(run)})
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [output for cell in cells for output in cell.outputs]


def test_it_is_committed_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_the_environment_is_read_in_one_place_that_can_be_edited() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (cell,) = [cell for cell in notebook.cells if "environ" in cell.source]
    assert cell.metadata.tags == ["parameters"]
    assert cell.source.count("environ") == 1
    assert "RUN = " in cell.source


def test_it_shows_funnel_histograms_and_grid(make_run: RunMaker) -> None:
    rows = several_fates()
    outputs = execute(make_run(rows, {r["candidate_id"]: jpeg(n) for n, r in enumerate(rows)}))
    assert [output["data"]["text/plain"] for output in outputs] == [
        "<funnel>",
        "<histograms>",
        "<grid of 40 samples>",
    ]
    assert {kind for output in outputs for kind in output["data"]} == {"text/plain", "text/html"}
    funnel, charts, grid = (output["data"]["text/html"] for output in outputs)
    assert "seen 100 = kept 20 + dropped 80" in funnel
    assert charts.count("<svg") == 8
    page = lxml_html.fragment_fromstring(grid).get("srcdoc")
    assert len(lxml_html.document_fromstring(page).xpath("//figure")) == 40


def test_an_unfinished_run_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CellExecutionError) as raised:
        execute(tmp_path / "nothing")
    assert raised.value.ename == "ValueError"
    assert "nothing is not a finished run" in raised.value.evalue


@needs_chromium
def test_hostile_words_stay_words_in_the_executed_notebook(
    make_run: RunMaker, shared_data: Path, tmp_path: Path
) -> None:
    rows = hostile.rows(hostile.payloads(shared_data))
    run = make_run(rows, {r["candidate_id"]: jpeg(n) for n, r in enumerate(rows)})
    shown = "".join(output["data"]["text/html"] for output in execute(run))
    file = tmp_path / "notebook.html"
    file.write_text(
        f"<!doctype html><html><head><title>quiet</title>{CANARY}</head><body>{shown}</body></html>"
    )
    seen = browse(file)
    assert seen.requests == ()
    assert "<title>quiet</title>" in seen.dom
    page = lxml_html.document_fromstring(seen.dom.replace(CANARY, ""))
    tags = {str(node.tag) for node in page.iter()}
    assert tags <= PLAIN
    (frame,) = page.iter("iframe")
    assert frame.get("sandbox") == ""
    assert hostile.offences(frame.get("srcdoc")) == []
