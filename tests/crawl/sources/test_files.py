"""Are saved HTML files, one or a folder of them, read as the pages they were?"""

import json
import os
from pathlib import Path

import pytest

from crawl.damage import Damage
from crawl.page import Page
from crawl.sources.files import read_folder, read_page
from crawl.sources.saved_from import saved_from


def test_saved_page(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(b"<img src=a.jpg>")
    page = read_page(str(path), "HTTPS://example.org:443/x.html#top")
    assert page.url == "https://example.org/x.html"
    assert page.body == b"<img src=a.jpg>"
    assert (page.file, page.offset, page.headers) == (str(path), 0, ())
    assert len(page.digest) == 64


def test_bad_input_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.html does not exist"):
        read_page(str(tmp_path / "nowhere.html"), "https://example.org/")
    with pytest.raises(ValueError, match=r"'x\.html' is no absolute http or https URL"):
        read_page(str(tmp_path / "nowhere.html"), "x.html")
    with pytest.raises(ValueError, match="is a folder"):
        read_page(str(tmp_path), "https://example.org/")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pages = tmp_path / "pages"
    (pages / "sub").mkdir(parents=True)
    (pages / "b.html").write_bytes(b"B")
    (pages / "sub/a.HTM").write_bytes(b"A")
    (pages / "c.html").write_bytes(b"<link rel=canonical href='https://c.org/page'>C")
    (pages / "c.css").write_bytes(b"body {}")
    (tmp_path / "secret.html").write_bytes(b"not to be read")
    return pages


def read(folder: Path, urls: Path | str = "", **more: bool) -> list[Page | Damage]:
    return list(read_folder(str(folder), str(urls), max_page_bytes=1000, **more))


def told(items: list[Page | Damage]) -> list[tuple[str, str]]:
    return [
        (item.url, item.body.decode()[-1:]) if isinstance(item, Page) else (item.reason, item.file)
        for item in items
    ]


def test_a_folder_with_a_list(folder: Path, tmp_path: Path) -> None:
    urls = tmp_path / "urls.jsonl"
    urls.write_text(
        '{"file": "sub/a.HTM", "url": "http://a.org/"}\n\n{"file": "b.html", "url": "http://b.org"}'
    )
    a, b, c = read(folder, urls)
    assert told([a, b]) == [("http://a.org/", "A"), ("http://b.org/", "B")]
    assert isinstance(a, Page)
    assert a.file == str(folder / "sub/a.HTM")
    assert c == Damage(
        file=str(folder / "c.html"), offset=0, reason="no_url", detail="no URL is known"
    )
    table = tmp_path / "urls.csv"
    table.write_text(
        '\ufeffurl,file,note\nhttp://a.org/,sub/a.HTM,\n"http://b.org","b.html","x, y"'
    )
    assert read(folder, table)[:2] == [a, b]


def test_bad_lines_are_named(folder: Path, tmp_path: Path) -> None:
    (folder / "big.html").write_bytes(b"x" * 1001)
    os.symlink(tmp_path / "secret.html", folder / "link.html")
    lines = [
        "nonsense",
        '{"file": "b.html"}',
        '{"file": 7, "url": "http://b.org"}',
        json.dumps({"file": "b.html", "url": "ftp://b.org/"}),
        json.dumps({"file": "../secret.html", "url": "http://b.org/"}),
        json.dumps({"file": str(tmp_path / "secret.html"), "url": "http://b.org/"}),
        json.dumps({"file": "link.html", "url": "http://b.org/"}),
        json.dumps({"file": "gone.html", "url": "http://b.org/"}),
        json.dumps({"file": "big.html", "url": "http://b.org/"}),
        json.dumps({"file": "a\0b", "url": "http://b.org/"}),
        json.dumps({"file": "x" * 5000, "url": "http://b.org/"}),
        json.dumps({"file": "b.html", "url": "http://b.org/"}),
    ]
    urls = tmp_path / "urls.jsonl"
    urls.write_text("\n".join(lines))
    items = read(folder, urls)
    reasons = ["bad_line"] * 3 + ["no_url"] + ["outside"] * 3 + ["not_found", "body_too_large"]
    damaged, last = items[:11], items[11]
    assert [d.reason for d in damaged if isinstance(d, Damage)] == [*reasons, *["unreadable"] * 2]
    for number, item in enumerate(damaged, start=1):
        assert isinstance(item, Damage)
        assert item.file == str(urls)
        assert item.detail.startswith(f"line {number}")
        assert urls.read_bytes()[item.offset :].split(b"\n")[0] == lines[number - 1].encode()
    assert told([last]) == [("http://b.org/", "B")]


def test_guessing_is_only_done_when_asked(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="where were its pages fetched from"):
        read(folder)
    assert told(read(folder, guess_urls=True)) == [
        ("no_url", str(folder / "b.html")),
        ("https://c.org/page", "C"),
        ("no_url", str(folder / "sub/a.HTM")),
    ]
    urls = tmp_path / "urls.jsonl"
    urls.write_text('{"file": "c.html", "url": "http://told.org/"}')
    assert told(read(folder, urls, guess_urls=True))[0] == ("http://told.org/", "C")


@pytest.mark.parametrize(
    ("html", "url"),
    [
        ("<!-- saved from url=(0019)https://e.org/story --><link rel=canonical href=/x>",
         "https://e.org/story"),
        ("<!doctype html><html lang=en><!--\n Page saved with SingleFile \n url: https://e.org/s \n"
         " saved date: today\n--><meta property=og:url content=/x>", "https://e.org/s"),
        ("<meta property='og:url' content='http://o.org/'><link rel='x CANONICAL' href='http://c.org/'>",
         "http://c.org/"),
        ("<meta property='og:url' content='http://o.org/'><link rel=canonical>", "http://o.org/"),
        ("<p>https://e.org/", ""),
        ("", ""),
        (" " * 5000 + "<!-- saved from url=(0019)https://e.org/story -->", ""),
    ],
)  # fmt: skip
def test_what_a_document_says_of_itself(html: str, url: str) -> None:
    assert saved_from(html.encode()) == url


def test_bad_folders(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read(tmp_path / "nowhere", guess_urls=True)
    with pytest.raises(ValueError, match="is a file"):
        read(folder / "b.html", guess_urls=True)
    with pytest.raises(FileNotFoundError, match="lists the files"):
        read(folder, tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match=r"name it \.jsonl or \.csv"):
        read(folder, folder / "c.css")
