"""Does the ledger answer, and can a question do nothing but read it?"""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from filter.ask import ask, drops, host, why
from filter.ledger import write_ledger
from filter.sieve import dropped
from filter.verdict import Drop


@pytest.fixture
def run(tmp_path, make_verdict, make_candidate) -> Path:
    """A folder with a ledger of two files."""

    def at(number: int, page: str, image: str, **changes):
        candidate = make_candidate(
            candidate_id=f"{number:032x}", page_url=page, image_url=image, **changes
        )
        return make_verdict(number, candidate=candidate)

    kept = at(
        1, "https://a.org/1", "https://img.a.org/1.jpg", alternative_urls=("https://b.org/x",)
    )
    small = dropped(
        at(2, "https://www.a.org:8080/2", "https://img.a.org/2.jpg"),
        "size",
        Drop(reason="min_side", value=200, threshold=300),
    )
    foreign = [
        dropped(
            at(n, "https://nota.org/3", f"https://c.org/{n}.jpg", language="de"),
            "page",
            Drop(reason="language", value="de", threshold="en"),
        )
        for n in (3, 4)
    ]
    write_ledger(tmp_path / "run" / "ledger", "00000", [kept, small])
    write_ledger(tmp_path / "run" / "ledger", "00001", foreign)
    return tmp_path / "run"


def test_one_view_over_all_files(run) -> None:
    assert ask(run, "select count(*) as n from ledger").to_pylist() == [{"n": 4}]
    assert ask(run / "ledger", "select count(*) as n from ledger").to_pylist() == [{"n": 4}]
    texts = ask(run, "select texts[1].text as t from ledger where kept").to_pylist()
    assert texts == [{"t": "A red umbrella on the beach"}]


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("https://a.org/1", [1]),
        ("https://A.org/1", [1]),
        ("https://b.org/x", [1]),
        ("https://c.org/4.jpg", [4]),
        ("https://nota.org/3", [3, 4]),
        ("https://nobody.org/", []),
        ("') or true --", []),
    ],
)
def test_why(run, url, ids) -> None:
    assert [int(row["candidate_id"], 16) for row in why(run, url).to_pylist()] == ids


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.org", {("kept", ""): 1, ("size", "min_side"): 1}),
        ("WWW.a.org", {("size", "min_side"): 1}),
        ("nota.org", {("page", "language"): 2}),
        ("org", {("page", "language"): 2, ("kept", ""): 1, ("size", "min_side"): 1}),
        ("c.org", {}),
    ],
)
def test_host(run, name, expected) -> None:
    rows = host(run, name).to_pylist()
    assert {(row["stage"], row["reason"]): row["candidates"] for row in rows} == expected


def test_drops(run) -> None:
    rows = drops(run).to_pylist()
    assert [(row["reason"], row["candidates"], row["share"]) for row in rows] == [
        ("language", 2, 0.5), ("min_side", 1, 0.25),
    ]  # fmt: skip
    by_host = drops(run, "host").to_pylist()
    assert [(row["by"], row["reason"], row["share"]) for row in by_host] == [
        ("nota.org", "language", 1.0), ("www.a.org", "min_side", 1.0),
    ]  # fmt: skip
    assert len(drops(run, "language", limit=1)) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_parquet('{file}')",
        "select * from '{file}'",
        "select * from read_text('/etc/hostname')",
        "select * from glob('/*')",
        "copy ledger to '{out}'",
        "copy (select 1) to '{file}'",
        "attach '{out}' as x",
        "install httpfs",
        "set enable_external_access = true",
        "create table x as select 1",
        "drop view ledger",
        "insert into ledger values (1)",
        "delete from ledger",
        "pragma database_list",
        "select 1; select 2",
        "select * from nobody",
        "selekt",
        "",
    ],
)
def test_a_question_reads_the_ledger_and_nothing_else(run, tmp_path, sql) -> None:
    file, out = run / "ledger" / "00000.parquet", tmp_path / "out"
    before = file.read_bytes()
    with pytest.raises(ValueError, match=r"cannot be answered|one SELECT is answered"):
        ask(run, sql.format(file=file, out=out))
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_python_variables_are_no_tables(run) -> None:
    secret = pq.read_table(run / "ledger" / "00000.parquet")
    assert len(secret) == 2
    with pytest.raises(ValueError, match="secret"):
        ask(run, "select * from secret")


def test_no_ledger(tmp_path) -> None:
    with pytest.raises(ValueError, match="no ledger"):
        ask(tmp_path, "select 1")
