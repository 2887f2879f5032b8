"""Does a list of URLs give every usable one, and name every line that is not?"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawl.damage import Damage
from crawl.sources.urls import read_urls

GOOD = ["https://a.example/", "https://b.example/x?q=%C3%A9", "https://a.example/"]
GIVEN = ["https://A.example", "https://b.example/x?q=é#frag", "https://a.example/"]
BAD = ["ftp://a.example/", "no url"]


def split(path: Path, column: str = "url") -> tuple[list[str], list[Damage]]:
    found = list(read_urls(str(path), column))
    urls = [one for one in found if isinstance(one, str)]
    return urls, [one for one in found if isinstance(one, Damage)]


def test_text(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    lines = ["\ufeff" + GIVEN[0], "", "# a comment", BAD[0], GIVEN[1], BAD[1], "x" * 70_000]
    data = "\r\n".join([*lines, GIVEN[2]]).encode() + b"\n\xff\xfe\n"
    path.write_bytes(data)
    urls, damage = split(path)
    assert urls == GOOD
    assert [one.detail.split(":")[0] for one in damage] == ["line 4", "line 6", "line 7", "line 9"]
    assert {(one.file, one.reason) for one in damage} == {(str(path), "bad_line")}
    assert data[damage[0].offset :].startswith(BAD[0].encode())
    assert data[damage[3].offset :] == b"\xff\xfe\n"
    assert BAD[0] in damage[0].detail
    assert "longer" in damage[2].detail


def test_table(tmp_path: Path) -> None:
    path = tmp_path / "urls.csv"
    rows = [f'1,"{GIVEN[0]}"', "2", f"3,{BAD[0]}", f"4,{GIVEN[1]}", '5,"open', f"6,{GIVEN[2]}"]
    path.write_text("id,address\n" + "\n".join(rows))
    urls, damage = split(path, "address")
    assert urls == GOOD
    assert [one.detail.split(":")[0] for one in damage] == ["line 3", "line 4", "line 6"]
    with pytest.raises(ValueError, match=r"no column 'url'.*id, address.*--column"):
        split(path)


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "urls.jsonl"
    lines = [json.dumps({"page": url}) for url in GIVEN] + [
        "[]",
        '{"url": "x"}',
        "{",
        '{"page": 3}',
    ]
    path.write_text("\n".join(lines) + "\n" + "[" * 60_000)
    urls, damage = split(path, "page")
    assert urls == GOOD
    assert len(damage) == 5
    assert "no field 'page'" in damage[0].detail
    assert all(len(one.detail) <= 300 for one in damage)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "urls.parquet"
    pq.write_table(pa.table({"url": [*GIVEN, None, BAD[0]], "n": range(5)}), path)
    urls, damage = split(path)
    assert urls == GOOD
    assert [(one.offset, one.detail.split(":")[0]) for one in damage] == [
        (4, "row 4"),
        (5, "row 5"),
    ]
    with pytest.raises(ValueError, match=r"no column 'n2'"):
        split(path, "n2")
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(ValueError, match=r"urls\.parquet is no Parquet"):
        split(path)


def test_lists_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.txt"):
        split(tmp_path / "gone.txt")
    (tmp_path / "urls.doc").write_text("x")
    with pytest.raises(ValueError, match=r"urls\.doc is no list of URLs.*\.txt"):
        split(tmp_path / "urls.doc")
    (tmp_path / "dir.txt").mkdir()
    with pytest.raises(OSError, match=r"dir\.txt"):
        split(tmp_path / "dir.txt")
