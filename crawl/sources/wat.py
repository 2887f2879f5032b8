"""Which images does Common Crawl's metadata (WAT) know of a page, without the page?

A WAT record is JSON about one response of an archive: the links of its HTML with their plain
attributes, the meta elements and the title, in the order of the document. There is no tree, no
running text and no caption, and an image that is only in `srcset` or a lazy-loading attribute is
not there. See https://commoncrawl.org/get-started for the format; `bench/wat.py` measures the loss.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any, Final

from crawl.candidate import Candidate
from crawl.config import CrawlConfig
from crawl.damage import Damage
from crawl.extract import extract
from crawl.images import picture_key
from crawl.language import detect
from crawl.page import Page
from crawl.sources.layout import Layout, probe_view
from crawl.sources.view import open_view
from crawl.sources.walk import Record, Walk
from crawl.url import normalise

_META_NAMES: Final = ("name", "property", "content", "http-equiv")
_IMAGE: Final = "IMG@/src"
_LINK: Final = "A@/href"
_OWN_SOURCES: Final = ("alt", "title")
_LANGUAGE_CHARS: Final = 600


def read_wat(path: str, config: CrawlConfig) -> Iterator[Candidate | Damage]:
    """The candidates of every page of a WAT file, in its order, and what could not be read.

    What the record knows is written down as the skeleton of a page and read by the rules for whole
    pages: the same pictures, names and choice of the head. What it does not know of an image is
    neutral in its features; `page_file`, `page_offset` and `page_digest` are the WAT record's.

    Args:
        path: A WAT file, one gzip member a record; local or remote.
        config: `max_page_bytes` limits a record.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no such archive.
        OSError: It cannot be reached.
    """
    with open_view(path) as view:
        kind = probe_view(view, path)
        if kind.layout is not Layout.MEMBERS:
            raise ValueError(f"{path} is no WAT file: its records are not gzip members")
        consume = partial(_page, path, config.max_page_bytes)
        walk = Walk(file=path, view=view, form=kind.form, layout=kind.layout, consume=consume)
        for item in walk.run(0, None):
            if isinstance(item, Damage):
                yield item
            elif isinstance(item, Page) and (found := extract(item, config)):
                language, score = _language(found)
                for candidate in found:
                    yield replace(candidate, language=language, language_score=score)


def _page(path: str, max_bytes: int, record: Record) -> Iterator[Page | Damage]:
    """What a record knows of its page, as a page; nothing for one that is of none."""
    if record.head.content_bytes > max_bytes:
        detail = f"record of {record.head.content_bytes} bytes is over {max_bytes}"
        yield Damage(file=path, offset=record.offset, reason="body_too_large", detail=detail)
        return
    content = record.content.read(record.head.content_bytes)
    if not content.startswith(b"{"):
        return  # the file's own description
    digest = hashlib.sha256(content).hexdigest()
    try:
        page = _skeleton(json.loads(content)["Envelope"], path, record.offset, digest)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        yield Damage(file=path, offset=record.offset, reason="bad_json", detail=detail)
        return
    if page is not None:
        yield page


def _skeleton(envelope: Any, path: str, offset: int, digest: str) -> Page | None:
    """What a record knows of its page, as a page; None when it is of none."""
    http = envelope["Payload-Metadata"].get("HTTP-Response-Metadata", {})
    html = http.get("HTML-Metadata")
    url = normalise(envelope["WARC-Header-Metadata"].get("WARC-Target-URI", ""), "")
    if not html or url is None or http["Response-Message"].get("Status") != "200":
        return None
    headers = [(name.lower(), value) for name, value in http.get("Headers", {}).items()]
    kept = [(n, v) for n, v in headers if n != "content-type" and isinstance(v, str)]
    parts = [*_head(html.get("Head", {})), "<body>", *_body(html.get("Links", []))]
    return Page(
        url=url,
        body="".join(parts).encode("utf-8", "replace"),
        headers=(("content-type", "text/html; charset=utf-8"), *kept),
        fetched_at=_text(envelope["WARC-Header-Metadata"], "WARC-Date"),
        file=path,
        offset=offset,
        digest=digest,
    )


def _head(head: Any) -> Iterator[str]:
    yield f"<head><title>{escape(_text(head, 'Title'))}</title>"
    if base := _text(head, "Base"):
        yield f'<base href="{escape(base)}">'
    for meta in head.get("Metas", []):
        yield _element("meta", {name: _text(meta, name) for name in _META_NAMES})
    for link in head.get("Link", []):
        if _text(link, "rel") == "image_src":
            yield _element("link", {"rel": "image_src", "href": _text(link, "url")})


def _body(links: Any) -> Iterator[str]:
    """The images, in order; a link that follows its image and names the same picture is around it.

    A link is written down when it ends, so what it holds stands before it.
    """
    for i, link in enumerate(links):
        if link.get("path") != _IMAGE:
            continue
        image = {name: _text(link, name) for name in _OWN_SOURCES}
        element = _element("img", {"src": _text(link, "url"), **image})
        after = links[i + 1] if i + 1 < len(links) else {}
        around = _text(after, "url") if after.get("path") == _LINK else ""
        if around and picture_key(around) == picture_key(_text(link, "url")):
            yield f'<a href="{escape(around)}">{element}</a>'
        else:
            yield element


def _element(tag: str, attributes: dict[str, str]) -> str:
    given = (f' {name}="{escape(value)}"' for name, value in attributes.items() if value)
    return f"<{tag}{''.join(given)}>"


def _text(record: Any, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _language(found: tuple[Candidate, ...]) -> tuple[str, float]:
    """The language of the words that a page without its text has: a guess."""
    words = [found[0].text("page_title"), found[0].text("description")]
    words += [candidate.text("alt") for candidate in found]
    return detect(" ".join(words)[:_LANGUAGE_CHARS])
