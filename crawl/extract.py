"""Which images does a page show, what does it say about each, and which one is it about?"""

import hashlib

from crawl.candidate import Candidate
from crawl.charset import to_utf8
from crawl.config import CrawlConfig
from crawl.dom import parse
from crawl.features import Evidence
from crawl.head import Head, read_head
from crawl.images import pictures
from crawl.language import detect
from crawl.main_image import choose, score
from crawl.optout import page_signals
from crawl.outline import Kind, Outline
from crawl.page import Page
from crawl.texts import PageTexts
from crawl.walk import outline

_LANGUAGE_CHARS = 600
_OWN_SOURCES = ("alt", "title", "caption", "file_name")


def extract(page: Page, config: CrawlConfig) -> tuple[Candidate, ...]:
    """Extract every image of a page with all its words, features and the main-image decision.

    A pure function of the page and the configuration. It never raises, whatever the bytes.

    Args:
        page: The document; one larger than `config.max_page_bytes` is not parsed.
        config: Settings.

    Returns:
        One candidate for every picture, in document order, those known only from meta tags last;
        () when the page has none.
    """
    if len(page.body) > config.max_page_bytes:
        return ()
    body, _ = to_utf8(page.body, page.header("content-type"))
    root = parse(body)
    head = read_head(root, page.url)
    flat = outline(root)
    found = pictures(flat, head.base, head.images, config.max_images_per_page)
    if not found:
        return ()
    page_texts = PageTexts(root, head, flat, config.surrounding_chars)
    texts = [page_texts.of(picture) for picture in found]
    own_words = [" ".join(t.text for t in each if t.source in _OWN_SOURCES) for each in texts]
    features = Evidence(flat, head, found).features(own_words)
    scores = [score(dom) for dom in features]
    main = choose(scores)
    language, language_score = detect(_running_text(flat, head))
    opt_out = page_signals(page.headers, head.metas)
    identity = _page_identity(page)
    return tuple(
        Candidate(
            candidate_id=_identify(identity, picture.urls[0]),
            page_url=page.url,
            image_url=picture.urls[0],
            alternative_urls=tuple(picture.urls[1:]),
            texts=texts[i],
            dom=features[i],
            main_score=scores[i],
            is_main=i == main,
            language=language,
            language_score=language_score,
            opt_out=opt_out,
            page_file=page.file,
            page_offset=page.offset,
            page_digest=page.digest,
            fetched_at=page.fetched_at,
        )
        for i, picture in enumerate(found)
    )


def candidate_id(page: Page, image_url: str) -> str:
    """The identity of a candidate: where its page was read, and which image it is.

    Of the archive only the name counts: moving it to another folder changes no identity.
    """
    return _identify(_page_identity(page), image_url)


def _page_identity(page: Page) -> "hashlib._Hash":
    archive = page.file.rsplit("/", 1)[-1]
    place = "\n".join((archive, str(page.offset), page.url, ""))
    return hashlib.sha256(place.encode("utf-8", "surrogatepass"))


def _identify(page: "hashlib._Hash", image_url: str) -> str:
    digest = page.copy()
    digest.update(image_url.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:32]


def _running_text(flat: Outline, head: Head) -> str:
    """Text to tell the language by: running text, or whatever words there are."""
    running = (t for t, k in zip(flat.blocks, flat.kinds, strict=True) if k is Kind.RUNNING)
    parts: list[str] = []
    length = 0
    for text in running:
        parts.append(text)
        length += len(text)
        if length >= _LANGUAGE_CHARS:
            break
    if length < 2 * len(head.title):
        parts = [head.title, *parts, *flat.blocks[:20]]
    return " ".join(parts)
