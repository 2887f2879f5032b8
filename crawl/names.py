"""What do names (of classes, ids, files, folders) tell about an image?"""

import re
from functools import lru_cache
from itertools import islice

from crawl.outline import Seen
from crawl.versions import is_placeholder


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_BOILERPLATE_WORDS = _set(
    "ad ads advert advertisement advertising aside avatar banner breadcrumb breadcrumbs byline"
    " comment comments cookie disqus footer foot masthead menu modal nav navbar navigation navi"
    " newsletter outbrain popular popup promo promoted promotion rail recirc recommend"
    " recommendation recommendations recommended related rss sidebar signup skyscraper social"
    " sponsor sponsored subscribe taboola teaser teasers toolbar topbar trending widget widgets"
)
_CONTENT_HEADERS = _set("article content date entry hero lead post single story title")
"""What has a header of its own inside the page: `entry-header` holds the lead image."""
_GOOD = {
    word: weight
    for weight, words in (
        (1.0, "hero lead featured main primary cover feature headline top splash fullwidth"),
        (0.5, "article content entry post story photo figure image media large full big wide"),
    )
    for word in words.split()
}
_BAD = {
    word: -weight
    for weight, words in (
        (1.5, "logo icon icons avatar sprite pixel spacer badge emoji smiley flag gravatar"
              " tracking beacon favicon banner masthead"),
        (1.0, "ad ads advert advertisement sponsor button btn share social facebook twitter"
              " author byline profile userpic headshot rating star stars arrow bullet captcha"
              " placeholder blank transparent counter"),
        (0.5, "thumb thumbnail thumbnails thumbs related sidebar widget footer nav menu small mini"
              " tiny promo teaser recommended comment comments"),
    )
    for word in words.split()
}  # fmt: skip
_WEIGHTS = _GOOD | _BAD
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_CONTENT_WORD = re.compile(r"\w{2,}")
_BAD_HOST = re.compile(
    r"https?://(?:[^/]*\.)?(?:ads?|adserver|banners?|doubleclick|pixel|tracker|tracking|counter"
    r"|gravatar|stats)\d*\.[^/]*"
)
_BAD_FOLDER = re.compile(r"/(?:ads?|icons?|avatars?|logos?|emoji|flags|smilies|banners?)/")
_STOP_WORDS = _set("a an and at by for from in is it its of on or the to with")


def name_evidence(seen: Seen | None, url: str) -> float:
    """Sum of the evidence of the words in class, id, alt and file name.

    Each word of the element and its file counts once; those of the three boxes around it count
    half. A picture that only the head names has its file's name alone.
    """
    name = url.partition("?")[0].rpartition("/")[2][:100]
    total = _path_evidence(url)
    if seen is None:
        return max(min(total + _sum_evidence(name), 3.0), -4.0)
    get = seen.attributes.get
    alt = get("alt", "")
    if len(alt) >= 20:
        alt = ""  # 'logo' is a name; a long alt mentions such things in passing
    total += _sum_evidence(f"{get('class', '')} {get('id', '')} {alt}") + _sum_evidence(name)
    for box in islice(seen.box.and_above(), 3):
        if box.tag in ("body", "article", "main"):
            break
        for names in (box.element.get("class"), box.element.get("id")):
            if names:
                total += _sum_evidence(names) / 2
    return max(min(total, 3.0), -4.0)


def _path_evidence(url: str) -> float:
    """What folders and file type say against an image."""
    path = url.partition("?")[0].lower()
    against = 1.0 if _BAD_FOLDER.search(path) else 0.0
    if _BAD_HOST.match(path):
        against += 2
    if path.endswith((".gif", ".svg", ".ico")):
        against += 1
    if is_placeholder(url):
        against += 4
    return -against


@lru_cache(maxsize=8192)
def _sum_evidence(names: str) -> float:
    return sum(_WEIGHTS.get(word, 0.0) for word in sorted(_names(names)))


@lru_cache(maxsize=8192)
def is_boilerplate(names: str) -> bool:
    """Whether a class or id names a part of a page's frame: navigation, sidebar, related."""
    words = _names(names)
    if "header" in words and words.isdisjoint(_CONTENT_HEADERS):
        return True
    return not _BOILERPLATE_WORDS.isdisjoint(words)


def _names(names: str) -> set[str]:
    """Words of class names and the like: `relatedPosts`, `post-thumb_large`."""
    return {word.lower() for word in _WORD.findall(names[:300])}


def content_words(text: str) -> frozenset[str]:
    """Words that carry meaning, in lower case."""
    return frozenset(_CONTENT_WORD.findall(text.lower())) - _STOP_WORDS
