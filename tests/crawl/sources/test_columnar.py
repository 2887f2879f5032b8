"""Are the right records picked from the index, and is no more of it read than that takes?"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawl.sources import columnar
from crawl.sources.columnar import Choice, find, pick
from crawl.sources.commoncrawl import join, paths
from crawl.sources.picks import Pick, read_picks
from crawl.sources.storage import size
from tests.crawl.small_crawl import CRAWL, Asked, Row, write_index

TAIL_BYTES = 64 * 2**10
"""What pyarrow reads of a file to see its footer."""


def picked(asked: Asked, out: Path, choice: Choice) -> list[Pick]:
    assert pick(CRAWL, choice, asked.base, out) == len(list(read_picks(out)))
    return list(read_picks(out))


def places(rows: list[Row]) -> list[tuple[str, str, int, int]]:
    return sorted((row.file, row.url, row.offset, row.length) for row in rows)


@pytest.mark.parametrize(
    ("choice", "rule"),
    [
        (Choice(), lambda row: row.mime == "text/html"),
        (Choice(mimes=()), lambda row: True),
        (Choice(mimes=("application/pdf",)), lambda row: row.mime == "application/pdf"),
        (
            Choice(languages=("en",), mimes=()),
            lambda row: row.language in ("eng", "eng,fra"),
        ),
        (
            Choice(languages=("deu", "fr"), mimes=()),
            lambda row: row.language == "deu,eng",
        ),
        (Choice(tlds=("DE", ".net"), mimes=()), lambda row: row.tld in ("de", "net")),
        (Choice(domains=("example.com",), mimes=()), lambda row: row.tld == "com"),
        (Choice(hosts=("h3.example.org",), mimes=()), lambda row: row.host == "h3.example.org"),
        (
            Choice(tlds=("org",), languages=("en",)),
            lambda row: (row.tld, row.mime) == ("org", "text/html") and row.language is not None,
        ),
        (Choice(tlds=("zz",)), lambda row: False),
    ],
)
def test_every_condition(
    asked: Asked, rows: list[Row], tmp_path: Path, choice: Choice, rule: Callable[[Row], bool]
) -> None:
    found = picked(asked, tmp_path / "p.parquet", choice)
    assert places([row for row in rows if rule(row)]) == sorted(
        (p.file, p.url, p.offset, p.length) for p in found
    )
    assert found == sorted(found, key=Pick.place)


def test_only_what_is_needed_is_read(asked: Asked, tmp_path: Path, rows: list[Row]) -> None:
    parts = paths(CRAWL, "cc-index-table", asked.base)
    whole = sum(size(join(asked.base, part)) for part in parts)
    asked.ranges.clear()
    picked(asked, tmp_path / "a.parquet", Choice(mimes=()))
    everything = asked.n_bytes(".parquet")
    assert everything < 2 * TAIL_BYTES + 20_000 < whole
    asked.ranges.clear()
    # Statistics rule out all row groups: footers are read and nothing else.
    picked(asked, tmp_path / "b.parquet", Choice(tlds=("zz",)))
    assert len(asked.of(".parquet")) == 2
    asked.ranges.clear()
    # Statistics cannot rule out a host between two others: its column is read, the others are not.
    picked(asked, tmp_path / "c.parquet", Choice(hosts=("h3.example.org0",), mimes=()))
    narrow = [n for _, n in asked.of(".parquet") if n < TAIL_BYTES]
    assert 0 < len(narrow) < 10
    assert sum(narrow) < 2000


def test_the_same_bytes_each_time(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = Choice(languages=("en",), share=0.7)
    first = tmp_path / "1.parquet"
    picked(asked, first, choice)
    picked(asked, tmp_path / "2.parquet", choice)
    monkeypatch.setattr(columnar, "_RUN_ROWS", 3)
    monkeypatch.setattr(columnar, "_BATCH_ROWS", 4)
    picked(asked, tmp_path / "3.parquet", choice)
    for other in ("2.parquet", "3.parquet"):
        assert first.read_bytes() == (tmp_path / other).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{n}.parquet" for n in (1, 2, 3)]


def test_shares_are_nested(asked: Asked, tmp_path: Path) -> None:
    found = [
        set(picked(asked, tmp_path / "p.jsonl", Choice(share=share))) for share in (0, 0.3, 0.6, 1)
    ]
    assert found[0] == set()
    assert found[0] < found[1] < found[2] < found[3]
    other = set(picked(asked, tmp_path / "p.jsonl", Choice(share=0.3, seed=1)))
    assert other != found[1]


def test_a_limit_stops_the_reading(asked: Asked, tmp_path: Path) -> None:
    some = picked(asked, tmp_path / "p.parquet", Choice(limit=7))
    assert len(some) == 7
    assert len({path for path, _, _ in asked.ranges if "subset" in path}) == 1
    assert picked(asked, tmp_path / "p.parquet", Choice(limit=7)) == some
    assert set(some) < set(picked(asked, tmp_path / "p.parquet", Choice(limit=9)))
    assert len(picked(asked, tmp_path / "p.parquet", Choice(limit=1000))) == 54
    # An other seed begins elsewhere: not always with the first hosts of the alphabet.
    begins = {picked(asked, tmp_path / "p.parquet", Choice(limit=1, seed=n))[0] for n in range(9)}
    assert len(begins) == 2


def test_pages_of_one_host(asked: Asked, tmp_path: Path) -> None:
    hosts = Counter(
        p.url.split("/")[2] for p in picked(asked, tmp_path / "p.parquet", Choice(per_host=1))
    )
    assert len(hosts) > 20
    assert set(hosts.values()) == {1}


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(languages=("english",)), "--language 'english'"),
        (Choice(share=2), "--share 2"),
        (Choice(limit=0), "--limit 0"),
        (Choice(per_host=-1), "--per-host -1"),
    ],
)
def test_bad_conditions_are_told_before_anything_is_asked(
    asked: Asked, tmp_path: Path, choice: Choice, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pick(CRAWL, choice, asked.base, tmp_path / "p.parquet")
    assert not asked.ranges
    assert not list(tmp_path.iterdir())


def test_an_index_that_cannot_be_used(tmp_path: Path, rows: list[Row]) -> None:
    write_index(tmp_path / "old.parquet", rows)
    table = pq.read_table(tmp_path / "old.parquet").drop_columns(["content_languages"])
    pq.write_table(table, tmp_path / "old.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1" + b"x" * 100)
    with pytest.raises(ValueError, match=r"old\.parquet has no column content_languages"):
        list(find(["old.parquet"], Choice(languages=("en",)), str(tmp_path)))
    assert len(list(find(["old.parquet"], Choice(mimes=()), str(tmp_path)))) == len(rows)
    with pytest.raises(ValueError, match=r"bad\.parquet is no Parquet file"):
        list(find(["bad.parquet"], Choice(), str(tmp_path)))
    with pytest.raises(FileNotFoundError, match=r"gone\.parquet"):
        list(find(["gone.parquet"], Choice(), str(tmp_path)))


def test_an_index_that_names_files_elsewhere(tmp_path: Path, rows: list[Row]) -> None:
    write_index(tmp_path / "p.parquet", rows[:3])
    table = pq.read_table(tmp_path / "p.parquet")
    at = table.schema.get_field_index("warc_filename")
    away = pa.array(["../../etc/passwd"] * 3)
    pq.write_table(table.set_column(at, "warc_filename", away), tmp_path / "p.parquet")
    with pytest.raises(ValueError, match=r"names '\.\./\.\./etc/passwd'"):
        list(find(["p.parquet"], Choice(mimes=()), str(tmp_path)))
