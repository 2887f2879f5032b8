"""How do saved pages with a known main image become something to learn from?"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from crawl.candidate import Candidate, DomFeatures
from crawl.config import CrawlConfig
from crawl.extract import extract
from crawl.images import picture_key
from crawl.page import Page
from crawl.sources.files import read_page
from crawl.url import normalise

_TAG: Final = re.compile(rb"<(?:meta|link)\b[^>]*>", re.IGNORECASE)
_HINT: Final = re.compile(
    rb"""(?:property|name|itemprop|rel|as)\s*=\s*["']?[^"'>]*(?:image|thumbnail)""", re.IGNORECASE
)
_JSON_LD: Final = re.compile(
    rb"<script\b[^>]*ld\+json[^>]*>.*?</script\s*>", re.IGNORECASE | re.DOTALL
)
_GENERIC: Final = re.compile(
    r"(?:\d{1,4}|.{0,3}|default|original|image|photo|img|large|small|medium|thumb(?:nail)?|picture"
    r"|full|index|main|master|cover|lead|hero|header|file|download)\Z"
)
_IMAGE_FILE: Final = re.compile(r"\.(?:jpe?g|png|gif|webp|avif|bmp|svg)\Z")
_SECOND_LEVELS: Final = frozenset(["ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"])
"""Under two-letter domains these are registries themselves: `bbc.co.uk`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What extraction makes of a page."""

    urls: tuple[tuple[str, ...], ...]
    """Of each image all URLs, the one a crawl would fetch first."""
    doms: tuple[DomFeatures, ...]
    right: tuple[bool, ...]
    """Which of them are the page's main image, under any of their URLs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPage:
    """A page and the answer."""

    file: str
    site: str
    """Registered domain: pages of one site look alike, and never teach what they test."""
    group: str
    """Where it comes from; accuracy is told for each group."""
    main_image: str | None
    """URL of its main image; None when it is about none of its images."""
    weight: float
    """How much it counts when weights are fitted."""
    full: Version
    """As it is."""
    blind: Version
    """Without anything that its head says about images."""


def read_labelled(
    pages: Path, gold: Path, config: CrawlConfig, tell: Callable[[int, int], None]
) -> list[LabelledPage]:
    """Extracts every page that has an answer.

    Args:
        pages: JSONL, lines `{"file", "url"}`, files relative to it.
        gold: JSONL, lines `{"file", "main_image"}`, and maybe `site`, `group` and `weight`. Of
            files only the names count. `main_image` is a URL or null.
        config: Settings of extraction.
        tell: Called with (done, total).

    Raises:
        ValueError: A line or a file cannot be read, or no page has an answer.
    """
    answers = {_name(str(line["file"])): line for line in _lines(gold, ("file", "main_image"))}
    entries = [line for line in _lines(pages, ("file", "url")) if _name(line["file"]) in answers]
    if not entries:
        raise ValueError(f"--gold {gold} has no answer for any file of --pages {pages}")
    labelled = []
    for done, entry in enumerate(entries, start=1):
        page = read_page(str(pages.parent / entry["file"]), entry["url"])
        labelled.append(_label(page, answers[_name(entry["file"])], config))
        tell(done, len(entries))
    return labelled


def _name(file: str) -> str:
    return file.rpartition("/")[2]


def _lines(path: Path, keys: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    wanted = ", ".join(f'"{key}"' for key in keys)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            _ = [entry[key] for key in keys]
        except (ValueError, TypeError, KeyError):
            raise ValueError(
                f"{path} line {number}: expected {{{wanted}}}, got {line.strip()[:80]!r}"
            ) from None
        yield entry


def _label(page: Page, answer: dict[str, Any], config: CrawlConfig) -> LabelledPage:
    label: str | None = answer["main_image"]
    return LabelledPage(
        file=_name(page.file),
        site=str(answer.get("site") or site_of(page.url)),
        group=str(answer.get("group", "all")),
        main_image=label,
        weight=float(answer.get("weight", 1.0)),
        full=_version(extract(page, config), label, page.url),
        blind=_version(extract(replace(page, body=blind(page.body)), config), label, page.url),
    )


def _version(candidates: tuple[Candidate, ...], label: str | None, base: str) -> Version:
    urls = tuple((each.image_url, *each.alternative_urls) for each in candidates)
    right = tuple(label is not None and is_same_picture(each, label, base) for each in urls)
    return Version(urls=urls, doms=tuple(each.dom for each in candidates), right=right)


def is_same_picture(urls: tuple[str, ...], label: str, base: str) -> bool:
    """Whether one of a picture's URLs is the label, or names another size or copy of it."""
    wanted = normalise(label, base) or label
    return wanted in urls or any(
        not _identities(wanted).isdisjoint(_identities(url)) for url in urls
    )


def _identities(url: str) -> set[str]:
    """What the URLs of one picture have in common: its file, wherever it is served from.

    A picture that a resizing service fetches is the one inside the service's URL. Names that any
    picture may have (`1.jpg`, `large.jpg`) and names without a type count with their folder.
    """
    url = unquote(unquote(url)).lower()
    inner = url.rpartition("://")[2].partition("&")[0].partition("?")[0]
    path = inner if _IMAGE_FILE.search(inner) else url.partition("://")[2].partition("?")[0]
    folder, _, name = path.rpartition("/")
    stem, dot, _ = name.rpartition(".")
    if not dot or _GENERIC.match(stem):
        return {f"{folder.rpartition('/')[2]}/{name}" if len(name) > 5 or dot else url}
    return {name, picture_key(f"https://{path}")}


def blind(body: bytes) -> bytes:
    """A document without the meta and link elements and JSON-LD that name an image."""

    def keep(match: re.Match[bytes]) -> bytes:
        return b"" if _HINT.search(match[0]) else match[0]

    return _TAG.sub(keep, _JSON_LD.sub(b"", body))


def site_of(url: str) -> str:
    """Registered domain of a URL, by the shape of its host name."""
    labels = (urlsplit(url).hostname or url).split(".")
    n = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-n:])
