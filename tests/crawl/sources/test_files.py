"""Is a saved HTML file read as the page it was?"""

from pathlib import Path

import pytest

from crawl.sources.files import read_page


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
