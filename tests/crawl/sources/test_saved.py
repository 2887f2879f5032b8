"""Does a folder of saved pages stand where an archive stands, the same wherever it lies?"""

import json
import shutil
from pathlib import Path

import pytest

from crawl.damage import Damage
from crawl.page import Page
from crawl.sources.parts import Part, parts
from crawl.sources.saved import digest_saved, is_saved_folder, read_saved

LIMITS = {"guess_urls": False, "max_page_bytes": 10_000}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    saved = tmp_path / "saved"
    lines = []
    for year in ("2020", "2021"):
        (saved / year).mkdir(parents=True)
        for name in ("index", "story"):
            (saved / year / f"{name}.html").write_text(f"<img src=/{name}.jpg>{year}")
            url = f"https://a.org/{year}/{name}"
            lines.append(json.dumps({"file": f"{year}/{name}.html", "url": url}))
    (saved / "pages.jsonl").write_text("\n".join(lines))
    return saved


def told(folder: Path, **more: bool) -> list[str]:
    items = read_saved(str(folder), **{**LIMITS, **more})
    return [item.url if isinstance(item, Page) else item.reason for item in items]


def test_pages_of_the_list_that_lies_in_the_folder(folder: Path) -> None:
    assert told(folder) == [f"https://a.org/{y}/{n}" for y in (2020, 2021) for n in NAMES]
    assert is_saved_folder(str(folder))
    assert is_saved_folder(folder.as_uri())
    assert not is_saved_folder("https://a.org/")
    assert list(parts(str(folder), 1)) == [Part(file=str(folder))]


NAMES = ("index", "story")


def test_without_a_list_the_pages_are_believed_only_if_told_so(folder: Path) -> None:
    (folder / "pages.jsonl").unlink()
    with pytest.raises(ValueError, match=r"pages\.jsonl.*guess_urls"):
        told(folder)
    (folder / "2020/index.html").write_text("<link rel=canonical href=https://b.org/x>")
    assert told(folder, guess_urls=True) == ["https://b.org/x", *["no_url"] * 3]


def test_pages_that_would_be_taken_for_one_another(folder: Path) -> None:
    """A candidate is known by the name of its file and the URL of its page."""
    lines = [json.dumps({"file": f"{y}/index.html", "url": "https://a.org/"}) for y in (2020, 2021)]
    (folder / "pages.jsonl").write_text("\n".join(lines))
    items = [*read_saved(str(folder), **LIMITS)]
    assert isinstance(items[0], Page)
    assert items[1] == Damage(
        file=str(folder / "2021/index.html"),
        offset=0,
        reason="twice",
        detail="another file of this name was saved from https://a.org/",
    )


def test_a_folder_is_known_by_its_pages_not_its_place(folder: Path, tmp_path: Path) -> None:
    before = digest_saved(str(folder), **LIMITS)
    (folder / "2020/style.css").write_text("no page")
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    assert digest_saved(f"{moved}/", **LIMITS) == before
    (folder / "2020/index.html").write_text("<img src=/other.jpg>2020")
    assert digest_saved(str(folder), **LIMITS) != before
    (folder / "pages.jsonl").write_text("")
    with pytest.raises(ValueError, match="no saved page that could be read"):
        digest_saved(str(folder), **LIMITS)
