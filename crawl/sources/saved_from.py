"""Where does a saved HTML document say that it was saved from?"""

import re
from typing import Final

from crawl.charset import to_utf8
from crawl.dom import parse

_HEAD_BYTES: Final = 4096
_BROWSER: Final = re.compile(rb"<!--\s*saved from url=\(\d{4,5}\)([^\s<>]{1,4096})\s*-->")
"""What browsers write when they save a page; the number is the length of the URL."""
_SINGLE_FILE: Final = re.compile(
    rb"<!--\s*Page saved with SingleFile\s+url:\s*([^\s<>]{1,4096})", re.IGNORECASE
)


def saved_from(body: bytes) -> str:
    """The address that a document gives for itself, as spelled; '' when it gives none.

    In this order: the comment of the program that saved it, `<link rel=canonical>`, `og:url`. The
    last two are the site's wish, and may name another page.
    """
    for pattern in (_BROWSER, _SINGLE_FILE):
        if match := pattern.search(body[:_HEAD_BYTES]):
            return match[1].decode("utf-8", "replace")
    root = parse(to_utf8(body, "")[0])
    for link in root.iter("link"):
        if "canonical" in (link.get("rel") or "").lower().split() and (href := link.get("href")):
            return href
    for meta in root.iter("meta"):
        if meta.get("property") == "og:url" and (content := meta.get("content")):
            return content
    return ""
