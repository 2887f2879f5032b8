"""Helpers that make small pages for the tests of extraction."""

import hashlib

from crawl.candidate import Candidate
from crawl.config import CrawlConfig
from crawl.extract import extract
from crawl.page import Page

URL = "https://example.org/news/story.html"


def page(html: str | bytes, url: str = URL, headers: tuple[tuple[str, str], ...] = ()) -> Page:
    """A fetched document."""
    body = html.encode() if isinstance(html, str) else html
    return Page(
        url=url,
        body=body,
        headers=headers,
        fetched_at="2024-05-01T12:00:00Z",
        file="a.warc",
        offset=7,
        digest=hashlib.sha256(body).hexdigest(),
    )


def candidates(html: str | bytes, url: str = URL, **settings: int) -> tuple[Candidate, ...]:
    """Everything extracted from a document."""
    return extract(page(html, url), CrawlConfig(**settings))


def only(html: str | bytes, url: str = URL) -> Candidate:
    """The single candidate of a document."""
    (candidate,) = candidates(html, url)
    return candidate


def texts(candidate: Candidate, source: str) -> list[str]:
    """All texts of one source."""
    return [text.text for text in candidate.texts if text.source == source]
