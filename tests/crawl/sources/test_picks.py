"""Is a list of picks read as it was written, and is anything else refused?"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawl.sources.iso639 import long_codes
from crawl.sources.picks import Pick, read_picks, write_picks

PICKS = [
    Pick(url=f"http://e.org/{n}é", file="a/b.warc.gz", offset=n, length=9) for n in range(9000)
]


@pytest.mark.parametrize("name", ["p.parquet", "p.jsonl"])
def test_lists_are_read_as_written(tmp_path: Path, name: str) -> None:
    assert write_picks(tmp_path / name, iter(PICKS)) == len(PICKS)
    assert list(read_picks(tmp_path / name)) == PICKS
    assert write_picks(tmp_path / name, []) == 0
    assert list(read_picks(tmp_path / name)) == []


GOOD = {"url": "http://e.org/", "file": "a.warc.gz", "offset": 0, "length": 1}


@pytest.mark.parametrize(
    "line",
    ["nonsense", "[]", "7", "{}", "[" * 100_000, json.dumps({**GOOD, "file": "../a"}),
     json.dumps({**GOOD, "file": "http://10.0.0.1/a"}), json.dumps({**GOOD, "file": ""}),
     json.dumps({**GOOD, "offset": -1}), json.dumps({**GOOD, "length": 0}),
     json.dumps({**GOOD, "offset": True}), json.dumps({**GOOD, "offset": "3"}),
     json.dumps({**GOOD, "url": None})],
)  # fmt: skip
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + line + "\n")
    picks = read_picks(path)
    assert next(picks).file == "a.warc.gz"
    with pytest.raises(ValueError, match=r"p\.jsonl row 2") as error:
        next(picks)
    assert "\n" not in str(error.value)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="lait commoncrawl pick"):
        list(read_picks(tmp_path / "p.parquet"))
    (tmp_path / "p.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match="no Parquet file"):
        list(read_picks(tmp_path / "p.parquet"))
    pq.write_table(pa.table({"url": ["x"], "file": ["y"]}), tmp_path / "p.parquet")
    with pytest.raises(ValueError, match="no column 'offset'"):
        list(read_picks(tmp_path / "p.parquet"))


@pytest.mark.parametrize(
    ("language", "codes"),
    [("en", ("eng",)), ("EN ", ("eng",)), ("eng", ("eng",)), ("de", ("deu",)), ("zh", ("zho",)),
     ("no", ("nor",)), ("nb", ("nob", "nor")), ("iw", ("heb",)), ("gsw", ("gsw",))],
)  # fmt: skip
def test_languages(language: str, codes: tuple[str, ...]) -> None:
    assert long_codes(language) == codes


@pytest.mark.parametrize("language", ["", "xx", "english", "en-US", "e1", "deu|eng"])
def test_no_language(language: str) -> None:
    with pytest.raises(ValueError, match=r"--language .* is no language code"):
        long_codes(language)
