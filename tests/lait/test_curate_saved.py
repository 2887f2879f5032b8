"""Are saved pages curated, crawled for and accounted for as those of an archive are?"""

import json
from pathlib import Path

import pytest

from lait.crawl_plan import plan
from lait.crawl_settings import Source, load
from lait.inputs import read_funnel
from tests.lait.test_curate import STORY, cases, record, run


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Pages in a folder, and their pictures in an archive beside it."""
    folder = tmp_path / "saved"
    folder.mkdir()
    lines, pictures = [], []
    for number, (name, html, kind, body) in enumerate(cases()):
        (folder / f"{name}.html").write_bytes(html)
        lines.append({"file": f"{name}.html", "url": f"https://site.example/{name}.html"})
        if body is not None:
            pictures.append(record(number, f"https://site.example/{name}.jpg", kind, body))
    lines.append({"file": "gone.html", "url": "https://site.example/gone.html"})
    (folder / "pages.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "pictures.warc").write_bytes(b"".join(pictures))
    return folder


def test_saved_pages_and_an_archive_of_pictures(saved: Path, tmp_path: Path) -> None:
    run([str(saved), str(tmp_path / "pictures.warc")], tmp_path / "out")
    funnel = read_funnel(tmp_path / "out")
    assert (funnel.pages, funnel.damage) == (len(cases()), 1)
    assert funnel.kept >= 10


def test_their_pictures_are_crawled_for(saved: Path, tmp_path: Path) -> None:
    source = Source(archives=(str(saved),))
    config = load(None, [], "you@example.org", None)
    assert plan(source, tmp_path / "crawl", config=config) == (("site.example", len(cases())),)


def test_what_every_page_shows_is_not_crawled_for(tmp_path: Path) -> None:
    """The banner looks like the main image of each page; `lait curate` knows better, and so must
    the crawl that fetches for it."""
    lines = []
    for number in range(4):
        html = (
            f"<title>Story {number}</title><h1>Story {number}</h1>"
            f'<img src="//cdn.example/wide.jpg" width=900 height=400>{STORY * 3}'
            f'<figure><img src="/{number}.jpg" width=640 height=480></figure>{STORY * 3}'
        )
        (tmp_path / f"{number}.html").write_text(html)
        lines.append(json.dumps({"file": f"{number}.html", "url": f"https://s.example/{number}"}))
    (tmp_path / "pages.jsonl").write_text("\n".join(lines))
    config = load(None, [], "you@example.org", None)
    found = plan(Source(archives=(str(tmp_path),)), tmp_path / "crawl", config=config)
    assert found == (("s.example", 4),)


def test_a_folder_without_a_list_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/a.html").write_text("<img src=a.jpg>")
    with pytest.raises(ValueError, match=r"pages\.jsonl.*crawl\.guess_urls"):
        run([str(tmp_path / "saved")], tmp_path / "out")
    assert not (tmp_path / "out").exists()
