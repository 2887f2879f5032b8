"""Do the commands that ask a run print what was asked, and refuse in one line?"""

import csv
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from lait.commands import ledger
from lait.export import export, guarded

HIDDEN = ("=1+1", "+1", "-1", "@sum", "\tx", "\rx")


@pytest.fixture(scope="module")
def app() -> typer.Typer:
    made = typer.Typer()
    ledger.register(made)
    return made


def call(app: typer.Typer, *arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_replay(app, strict_run, tmp_path) -> None:
    done = call(app, "replay", strict_run, "--set", "filter.min_side_px=400", "--json",
                "--out", tmp_path / "out.parquet")  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["settings"]["filter"]["min_side_px"] == 400
    assert found["funnel"]["seen"] == found["before"]["seen"] > 100
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == found["funnel"]["seen"]
    table = call(app, "replay", strict_run, "--set", "filter.require_main_image=false")
    assert "in the run" in table.stdout
    assert "cannot be judged" in table.stdout
    assert "curate again to know" in " ".join(table.stdout.split())


def test_query(app, strict_run, tmp_path) -> None:
    sql = "select reason, count(*) n from ledger where not kept group by 1 order by n desc, reason"
    rows = json.loads(call(app, "ledger", "query", strict_run, sql, "--json").stdout)
    assert rows[0]["reason"] == "not_main"
    assert "not_main" in call(app, "ledger", "query", strict_run, sql).stdout
    done = call(app, "ledger", "query", strict_run, sql, "--out", tmp_path / "a.csv")
    assert done.exit_code == 0, done.output
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["reason"] for row in csv.DictReader(file)] == [row["reason"] for row in rows]


def test_why_host_and_drops(app, strict_run) -> None:
    sql = "select page_url, image_url, reason from ledger where reason = 'min_side'"
    asked = json.loads(call(app, "ledger", "query", strict_run, sql, "--json").stdout)[0]
    for url in (asked["page_url"], asked["image_url"]):
        shown = call(app, "ledger", "why", strict_run, url).stdout
        assert "dropped at size: min_side" in shown
        assert "(threshold 300.000)" in shown
    name = asked["page_url"].split("/")[2]
    assert "min_side" in call(app, "ledger", "host", strict_run, name).stdout
    rows = json.loads(call(app, "ledger", "drops", strict_run, "--json", "--by", "host").stdout)
    assert {"by", "stage", "reason", "candidates", "share"} == set(rows[0])
    assert "by" not in json.loads(call(app, "ledger", "drops", strict_run, "--json").stdout)[0]


@pytest.mark.parametrize(
    ("arguments", "needle"),
    [
        (("ledger", "query", "RUN", "drop view ledger"), "one SELECT"),
        (("ledger", "why", "RUN", "https://nobody.example/"), "nobody.example"),
        (("ledger", "host", "RUN", "nobody.example"), "nobody.example"),
        (("ledger", "query", "RUN", "select 1", "--out", "x.xlsx"), "x.xlsx"),
        (("replay", "RUN", "--out", "x.csv"), "x.csv"),
        (("replay", "RUN", "--set", "crawl.surrounding_chars=1"), "curate` again"),
        (("ledger", "drops", "/nowhere"), "/nowhere"),
    ],
)
def test_refusals_are_value_errors_in_one_line(app, strict_run, arguments, needle) -> None:
    done = call(app, *(strict_run if part == "RUN" else part for part in arguments))
    assert isinstance(done.exception, ValueError), done.exception
    assert needle in str(done.exception)
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize("text", HIDDEN)
def test_no_cell_is_a_formula(text) -> None:
    assert guarded(text) == f"'{text}"


def test_cells(tmp_path) -> None:
    assert [guarded(value) for value in (None, 1, -2.5, "a=1", ["=1"])] == [
        None, 1, -2.5, "a=1", '["=1"]',
    ]  # fmt: skip
    table = pa.table({"=x": ["@y"], "n": [-1]})
    export(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().splitlines() == ["'=x,n", "'@y,-1"]
    export(table, tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").equals(table)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.parquet"]


def test_no_escape_sequence_reaches_the_terminal(app, strict_run) -> None:
    done = call(app, "ledger", "query", strict_run, "select chr(27) || '[31mred' as t")
    assert "\x1b" not in done.stdout


def test_duckdb_is_loaded_only_when_asked() -> None:
    code = "import sys, lait.commands.ledger; assert 'duckdb' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
