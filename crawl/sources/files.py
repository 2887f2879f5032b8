"""What is the page in a saved HTML file?"""

import hashlib
from pathlib import Path

from crawl.page import Page
from crawl.url import normalise


def read_page(path: str, url: str) -> Page:
    """Read a saved HTML document.

    Args:
        path: The file; it becomes the page's `file`.
        url: The absolute http(s) URL the document was fetched from: relative URLs need it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: `url` is no absolute http(s) URL, or `path` is a folder.
    """
    address = normalise(url, "")
    if address is None:
        raise ValueError(
            f"{url!r} is no absolute http or https URL; give the page's own with --url"
        )
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder, not a saved page")
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist; name a saved HTML page")
    body = Path(path).read_bytes()
    return Page(
        url=address,
        body=body,
        headers=(),
        fetched_at="",
        file=path,
        offset=0,
        digest=hashlib.sha256(body).hexdigest(),
    )
