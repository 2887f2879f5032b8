"""Are the images of a WAT file found, with all that it knows and nothing that it does not?"""

import copy
import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawl.candidate import Candidate
from crawl.config import CrawlConfig
from crawl.damage import Damage
from crawl.sources.wat import read_wat
from tests.crawl.small_crawl import serve

HEAD: dict[str, Any] = {
    "Title": "A walk in the hills",
    "Base": "https://cdn.example.org/story/",
    "Metas": [
        {"name": "HTML@/lang", "content": "en"},
        {"property": "og:image", "content": "/i/lead.jpg"},
        {"property": "og:image:alt", "content": "Two walkers on a ridge"},
        {"name": "description", "content": "What we saw on a long day in the hills of the north."},
        {"name": "robots", "content": "noimageai"},
    ],
    "Link": [{"path": "LINK@/href", "rel": "stylesheet", "url": "/x.css"}],
}
LINKS: list[dict[str, Any]] = [
    {"path": "A@/href", "url": "/", "text": "Home"},
    {"path": "IMG@/src", "url": "a.jpg", "alt": 'A "red" <hut>', "title": "Hut & tree"},
    {"path": "IMG@/src", "url": "//img.example.net/lake-view-300x200.jpg"},
    {"path": "A@/href", "url": "//img.example.net/lake-view.jpg"},
    {"path": "IMG@/longdesc", "url": "long.html"},
    {"path": "IMG@/src", "url": "data:image/gif;base64,R0lGOD", "alt": "a pixel"},
    {"path": "IFRAME@/src", "url": "/frame.jpg"},
]


def envelope(head: Any = HEAD, links: Any = LINKS, status: str = "200") -> dict[str, Any]:
    return {
        "Container": {"Filename": "a.warc.gz", "Offset": "949"},
        "Envelope": {
            "WARC-Header-Metadata": {
                "WARC-Target-URI": "https://example.org/walk.html",
                "WARC-Date": "2024-12-01T10:00:00Z",
                "WARC-Type": "response",
            },
            "Payload-Metadata": {
                "HTTP-Response-Metadata": {
                    "Response-Message": {"Status": status},
                    "Headers": {
                        "X-Robots-Tag": "noai",
                        "Content-Type": "text/html; charset=utf-16",
                    },
                    "HTML-Metadata": {"Head": head, "Links": links},
                }
            },
        },
    }


def record(content: bytes, kind: str = "metadata") -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return gzip.compress(head.encode() + content + b"\r\n\r\n", mtime=0)


INFO = record(b"Software-Info: test\r\n", "warcinfo")
GOOD = record(json.dumps(envelope()).encode())


def read(path: Path, *members: bytes, **settings: int) -> list[Candidate | Damage]:
    path.write_bytes(INFO + b"".join(members))
    return list(read_wat(str(path), CrawlConfig(**settings)))


def test_what_a_record_knows(tmp_path: Path) -> None:
    hut, lake, lead = read(tmp_path / "a.warc.wat.gz", GOOD)
    assert isinstance(hut, Candidate)
    assert isinstance(lake, Candidate)
    assert isinstance(lead, Candidate)
    assert hut.image_url == "https://cdn.example.org/story/a.jpg"
    assert [(text.source, text.text) for text in hut.texts] == [
        ("alt", 'A "red" <hut>'),
        ("title", "Hut & tree"),
        ("page_title", "A walk in the hills"),
        ("description", "What we saw on a long day in the hills of the north."),
    ]
    # The link that its thumbnail stands in leads to the large version.
    assert lake.image_url == "https://img.example.net/lake-view.jpg"
    assert lake.alternative_urls == ("https://img.example.net/lake-view-300x200.jpg",)
    assert lead.image_url == "https://cdn.example.org/i/lead.jpg"
    assert lead.text("alt") == "Two walkers on a ridge"
    assert (hut.is_main, lake.is_main, lead.is_main) == (False, False, True)
    assert lead.dom.is_meta
    assert lead.main_score > max(hut.main_score, lake.main_score)
    for candidate in (hut, lake, lead):
        assert candidate.page_url == "https://example.org/walk.html"
        assert candidate.opt_out == ("noai", "noimageai")
        assert candidate.language == "en"
        assert candidate.fetched_at == "2024-12-01T10:00:00Z"
        # Neutral: nothing is said of a tree that is not there.
        dom = candidate.dom
        assert not any((dom.in_article, dom.in_boilerplate, dom.in_figure, dom.in_list))
        assert (dom.heading_distance, dom.text_chars_near, dom.levels_to_text) == (-1, 0, -1)
        assert dom.declared_height_px in (None, 200)


def test_provenance_is_the_record_of_the_wat_file(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.wat.gz"
    candidate = read(path, GOOD, GOOD)[-1]
    assert isinstance(candidate, Candidate)
    assert (candidate.page_file, candidate.page_offset) == (str(path), len(INFO + GOOD))
    content = json.dumps(envelope()).encode()
    assert candidate.page_digest == hashlib.sha256(content).hexdigest()
    items = list(read_wat(str(path), CrawlConfig()))
    assert len({c.candidate_id for c in items if isinstance(c, Candidate)}) == 6


@pytest.mark.parametrize(
    "content",
    [
        envelope(status="404"),
        envelope(links=[]) | {"Envelope": {"Payload-Metadata": {}, "WARC-Header-Metadata": {}}},
        envelope(head={}, links=[]),
        envelope(head={}, links=[{"path": "A@/href", "url": "/a.jpg"}]),
    ],
)
def test_records_without_images(tmp_path: Path, content: dict[str, Any]) -> None:
    assert read(tmp_path / "a.wat.gz", record(json.dumps(content).encode())) == []


def broken(*keys: str, value: Any) -> bytes:
    content = copy.deepcopy(envelope())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return json.dumps(content).encode()


HTTP = ("Envelope", "Payload-Metadata", "HTTP-Response-Metadata")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"Envelope": 7}',
        b'{"x": ' * 20_000,
        broken("Envelope", value=None),
        broken(*HTTP, "HTML-Metadata", value=[1]),
        broken(*HTTP, "HTML-Metadata", "Links", value=[3]),
        broken(*HTTP, "HTML-Metadata", "Links", value=7),
        broken(*HTTP, "HTML-Metadata", "Head", value=[]),
        broken(*HTTP, "Headers", value="x"),
        broken("Envelope", "WARC-Header-Metadata", "WARC-Target-URI", value={}),
    ],
)
def test_bad_json_is_named_and_passed_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wat.gz"
    bad = record(content)
    items = read(path, GOOD, bad, GOOD)
    (damage,) = (item for item in items if isinstance(item, Damage))
    assert (damage.file, damage.offset, damage.reason) == (str(path), len(INFO + GOOD), "bad_json")
    assert len(items) == 7


def test_odd_values_are_no_damage(tmp_path: Path) -> None:
    links = [{"path": "IMG@/src", "url": 7}, {"path": "IMG@/src", "url": "b.jpg", "alt": ["x"]}]
    links += [{"path": "IMG@/src", "url": "c.jpg", "alt": "\ud800 lone"}]
    content = json.dumps(envelope(head={"Title": None, "Metas": [{}]}, links=links)).encode()
    b, c = read(tmp_path / "a.wat.gz", record(content))
    assert isinstance(b, Candidate)
    assert isinstance(c, Candidate)
    assert b.image_url == "https://example.org/b.jpg"
    assert b.text("alt") == ""
    assert c.text("alt").endswith("lone")


def test_nothing_slips_out_of_its_place(tmp_path: Path) -> None:
    head = {
        "Title": "Höhle </title><img src='/title.jpg'>",
        "Base": "/é/'><img src=/base.jpg>",
        "Metas": [{"name": "x", "content": "'><img src=/meta.jpg>\"><img src=/meta2.jpg>"}],
    }
    links = [{"path": "IMG@/src", "url": "a.jpg", "alt": "Höhle\"><img src='/alt.jpg'>"}]
    (only,) = read(tmp_path / "a.wat.gz", record(json.dumps(envelope(head, links)).encode()))
    assert isinstance(only, Candidate)
    assert only.text("page_title") == "Höhle </title><img src='/title.jpg'>"
    assert only.text("alt") == "Höhle\"><img src='/alt.jpg'>"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["path", "url", "alt", "name", "content"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
PLACES = (
    (*HTTP, "HTML-Metadata", "Links"),
    (*HTTP, "HTML-Metadata", "Head"),
    (*HTTP, "HTML-Metadata", "Head", "Metas"),
    (*HTTP, "Headers"),
    (*HTTP, "Response-Message"),
    ("Envelope", "WARC-Header-Metadata", "WARC-Date"),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from(PLACES), JSON)
def test_any_json_is_read_or_named(tmp_path: Path, place: tuple[str, ...], value: Any) -> None:
    content = broken(*place, value=value)
    for item in read(tmp_path / "a.wat.gz", record(content), GOOD)[:-3]:
        if isinstance(item, Candidate):
            assert isinstance(item.fetched_at, str)
            assert all(isinstance(text.text, str) for text in item.texts)
        else:
            assert item.reason == "bad_json"


def test_damage_costs_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.wat.gz"
    hurt = GOOD[:200] + bytes(20) + GOOD[220:]
    items = read(path, GOOD, hurt, GOOD)
    assert sum(isinstance(item, Candidate) for item in items) == 6
    (damage,) = (item for item in items if isinstance(item, Damage))
    assert (damage.reason, damage.offset) == ("bad_record", len(INFO + GOOD))
    items = read(path, GOOD, GOOD[:-30])
    assert [item.reason for item in items if isinstance(item, Damage)] == ["truncated"]
    assert len(items) == 4


def test_limits(tmp_path: Path) -> None:
    large = record(json.dumps(envelope(links=LINKS * 100)).encode())
    items = read(tmp_path / "a.wat.gz", large, GOOD, max_page_bytes=20_000)
    assert isinstance(items[0], Damage)
    assert items[0].reason == "body_too_large"
    assert len(items) == 4


def test_no_wat(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"WARC/1.0\r\nContent-Length: 0\r\n\r\n\r\n\r\n")
    with pytest.raises(ValueError, match="is no WAT file"):
        list(read_wat(str(tmp_path / "a"), CrawlConfig()))
    with pytest.raises(FileNotFoundError):
        list(read_wat(str(tmp_path / "b"), CrawlConfig()))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    with serve(folder) as asked:
        yield asked.base


def test_remote(tmp_path: Path) -> None:
    local = read(tmp_path / "a.wat.gz", GOOD)
    with served(tmp_path) as base:
        remote = list(read_wat(f"{base}/a.wat.gz", CrawlConfig()))
    assert [c.candidate_id for c in remote if isinstance(c, Candidate)] == [
        c.candidate_id for c in local if isinstance(c, Candidate)
    ]
