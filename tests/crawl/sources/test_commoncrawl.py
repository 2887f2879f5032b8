"""Are the files of a crawl listed, and is a share of them the same for ever?"""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawl.sources.commoncrawl import check_crawl, fraction, join, orderly, paths, sample
from tests.crawl.small_crawl import CRAWL, Asked, Row


def test_archives_are_listed_as_they_are_published(asked: Asked, rows: list[Row]) -> None:
    found = paths(CRAWL, "warc", asked.base)
    assert found == sorted({row.file for row in rows})
    assert [path.replace("/warc/", "/wat/").replace(".gz", ".wat.gz") for path in found] == paths(
        CRAWL, "wat", asked.base
    )
    assert {path for path, _, _ in asked.ranges} == {
        f"/crawl-data/{CRAWL}/warc.paths.gz",
        f"/crawl-data/{CRAWL}/wat.paths.gz",
    }


def test_only_the_index_of_pages_is_listed(asked: Asked) -> None:
    found = paths(CRAWL, "cc-index-table", asked.base)
    assert len(found) == 2
    assert all("/subset=warc/" in path for path in found)


def test_a_folder_will_do(crawl_folder: tuple[Path, list[Row]], asked: Asked) -> None:
    root = str(crawl_folder[0])
    assert paths(CRAWL, "warc", root) == paths(CRAWL, "warc", asked.base)
    assert paths(CRAWL, "warc", root + "/") == paths(CRAWL, "warc", root)
    assert Path(join(root, paths(CRAWL, "warc", root)[0])).is_file()


@pytest.mark.parametrize(
    "crawl", ["", "2024-51", "CC-MAIN-2024", "CC-MAIN-2024-51/..", "cc-main-2024-51",
              "CC-MAIN-2024-54", "CC-MAIN-2024-00", "CC-MAIN-2024-51\n"]
)  # fmt: skip
def test_a_bad_id_is_told_what_one_looks_like(crawl: str) -> None:
    with pytest.raises(ValueError, match="one looks like CC-MAIN-2024-51") as error:
        paths(crawl, "warc", "/nowhere")
    assert repr(crawl) in str(error.value)


def test_good_ids() -> None:
    for crawl in ("CC-MAIN-2013-20", "CC-MAIN-2026-40", "CC-MAIN-2008-2009", "CC-MAIN-2012"):
        assert check_crawl(crawl) == crawl


def test_a_crawl_that_is_not_there(asked: Asked) -> None:
    with pytest.raises(ValueError, match=r"CC-MAIN-1?2023-14.* does not exist"):
        paths("CC-MAIN-2023-14", "warc", asked.base)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "is damaged"),
        (gzip.compress(b"a/b\n" * 999)[:40], "is damaged"),
        (gzip.compress(b"a/b\n../../etc/passwd\n"), "names '../../etc/passwd'"),
        (gzip.compress(b"/etc/passwd\n"), "names '/etc/passwd'"),
        (gzip.compress(b"http://10.0.0.1/x\n"), "names 'http://10.0.0.1/x'"),
    ],
)
def test_a_listing_that_cannot_be_believed(tmp_path: Path, content: bytes, message: str) -> None:
    listing = tmp_path / f"crawl-data/{CRAWL}/warc.paths.gz"
    listing.parent.mkdir(parents=True)
    listing.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        paths(CRAWL, "warc", str(tmp_path))


NAMES = st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=50)


@given(NAMES, st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_a_larger_share_holds_a_smaller_one(
    names: list[str], one: float, other: float, seed: int
) -> None:
    small, large = (sample(names, share, seed) for share in sorted((one, other)))
    assert set(small) <= set(large)
    assert large == [name for name in names if name in large]
    assert sample(names, 1, seed) == names
    assert sample(names, 0, seed) == []
    assert bool(large) == (bool(names) and max(one, other) > 0)


def test_a_share_is_the_same_for_ever() -> None:
    names = [f"segments/{n}.warc.gz" for n in range(10_000)]
    assert fraction(0, "a") == 0.05168939049863741
    tenth = sample(names, 0.1)
    assert 900 < len(tenth) < 1100
    assert tenth[0] == "segments/6.warc.gz"
    assert sample(names[::2], 0.1) == [name for name in tenth if name in set(names[::2])]
    assert 0 < len(set(sample(names, 0.1, seed=1)) & set(tenth)) < 200
    assert sorted(orderly(0, names)) == sorted(names)
    assert orderly(0, names[::-1]) == orderly(0, names) != orderly(1, names)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range(share: float) -> None:
    with pytest.raises(ValueError, match=f"--share {share} is out of range"):
        sample(["a"], share)
