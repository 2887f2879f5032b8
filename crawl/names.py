"""What do names (of classes, ids, files, folders) tell about an image?"""

import re
from functools import lru_cache
from itertools import islice

from crawl.outline import Seen
from crawl.versions import is_placeholder


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FRAME_WORDS = _set(
    "aside avatar breadcrumb breadcrumbs byline comment comments cookie disqus footer foot menu nav"
    " navbar navigation navi newsletter outbrain popular recirc recommend recommendation"
    " recommendations recommended related rss sidebar signup skyscraper subscribe taboola toolbar"
    " topbar trending share sharing"
)
_MAYBE_FRAME_WORDS = _set(
    "ad ads advert advertisement advertising banner header masthead modal popup promo promoted"
    " promotion rail social sponsor sponsored teaser teasers widget widgets"
)
"""Names of frames that content carries nearly as often: `widget` in page builders, `ads` on the
picture that an ad may follow, `header` above an article."""
_CONTENT_HEADERS = _set("article content date entry hero lead post single story title")
"""What has a header of its own inside the page: `entry-header` holds the lead image."""
_CONTENT_WORDS = _set("image figure article hero lead featured photo picture content entry story")
"""Beside one of these, a word of `_MAYBE_FRAME_WORDS` says nothing."""
_GOOD = {
    word: weight
    for weight, words in (
        (1.0, "hero lead lede featured main primary cover feature headline top splash fullwidth"
              " lightbox opener aufmacher"),
        (0.5, "article content entry post story photo figure image media large full big wide"
              " attachment inline body"),
    )
    for word in words.split()
}  # fmt: skip
_BAD = {
    word: -weight
    for weight, words in (
        (1.5, "logo icon icons avatar sprite pixel spacer badge emoji smiley flag gravatar"
              " tracking beacon favicon banner masthead qrcode qr loader ajaxloader"),
        (1.0, "ad ads advert advertisement sponsor button btn share social facebook twitter"
              " author byline profile userpic headshot rating star stars arrow bullet captcha"
              " placeholder blank transparent counter back search close appstore playstore"),
        (0.5, "thumb thumbnail thumbnails thumbs related sidebar widget footer nav menu small mini"
              " tiny promo teaser recommended comment comments"),
    )
    for word in words.split()
}  # fmt: skip
_WEIGHTS = _GOOD | _BAD
_WORD = re.compile(r"[A-Za-z]*\d+[A-Za-z][A-Za-z0-9]*|[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
"""A word of a name, or a number with letters in it: `b9ad` is no advertisement."""
_CONTENT_WORD = re.compile(r"\w{2,}")
_BAD_HOST = re.compile(
    r"https?://(?:[^/]*\.)?(?:ads?|adserver|banners?|doubleclick|pixel|tracker|tracking|counter"
    r"|gravatar|stats)\d*\.[^/]*"
)
_BAD_FOLDER = re.compile(r"/(?:ads?|icons?|avatars?|logos?|emoji|flags|smilies|banners?)/")
_FURNITURE_FOLDER = re.compile(
    r"/(?:themes?|templates?|skins?|static|styleguide|plugins|dist|build|assets?|ajaxloader|css"
    r"|_next/static|common|widgets?|modules|layout)(?:-[^/]*)?/"
)
_CONTENT_FOLDER = re.compile(r"/(?:uploads?|storage|photos?|articles?|stor(?:y|ies)|posts?|news)/")
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[/_-]?(0[1-9]|1[0-2])(?!\d{5})")
_NUMBER = re.compile(r"\d{5,}")
_SITE_WIDE_WORDS = _set(
    "default logo share sharing social card facebook twitter og opengraph fallback"
    " placeholder blank generic favicon icon noimage site brand"
)
"""What the name of an image says that a site names on every page."""
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


def is_site_wide(url: str) -> bool:
    """Whether a file's name says that it stands for a site: `og-default.png`, `social_logo.jpg`."""
    return not _SITE_WIDE_WORDS.isdisjoint(_names(url.partition("?")[0].rpartition("/")[2]))


def _path_evidence(url: str) -> float:
    """What folders and file type say against an image."""
    path = url.partition("?")[0].lower()
    against = -_folders(path.rpartition("/")[0])[0]
    if path.endswith((".gif", ".svg", ".ico")):
        against += 1
    if is_placeholder(url):
        against += 4
    return -against


def folder_evidence(url: str) -> float:
    """What the folders of an image's URL say: +1 content of an editor, -1 furniture of a site."""
    return _folders(url.partition("?")[0].lower().rpartition("/")[0])[1]


@lru_cache(maxsize=8192)
def _folders(path: str) -> tuple[float, float]:
    """What the folders say against an image, and `folder_evidence`."""
    folder = f"{path}/"
    against = 1.0 if _BAD_FOLDER.search(folder) else 0.0
    if _BAD_HOST.match(folder):
        against += 2
    furniture = _FURNITURE_FOLDER.search(folder) is not None
    if _DATE.search(folder) or _CONTENT_FOLDER.search(folder):
        return -against, 0.5 if furniture else 1.0
    return -against, -1.0 if furniture else 0.0


def date_of(url: str) -> str:
    """The first year and month in a URL's path, `201605`, '' without."""
    match = _DATE.search(url.partition("?")[0])
    return match[1] + match[2] if match else ""


def numbers(url: str) -> frozenset[str]:
    """Long numbers in a URL: what a page and the images made for it often have in common."""
    return frozenset(_NUMBER.findall(url[:600]))


@lru_cache(maxsize=8192)
def _sum_evidence(names: str) -> float:
    # Sums of halves are exact: the order of a set does not matter.
    return sum([_WEIGHTS[word] for word in _names(names) if word in _WEIGHTS])


@lru_cache(maxsize=8192)
def frame_evidence(names: str) -> float:
    """Whether a class or id names a part of a page's frame: navigation, sidebar, related.

    Returns:
        1.0 for yes, 0.5 for a name that content carries as well, 0.0 for no.
    """
    words = _names(names)
    if not _FRAME_WORDS.isdisjoint(words):
        return 1.0
    if _MAYBE_FRAME_WORDS.isdisjoint(words):
        return 0.0
    if "header" in words and not words.isdisjoint(_CONTENT_HEADERS):
        return 0.0
    return 0.5 if words.isdisjoint(_CONTENT_WORDS) else 0.0


def _names(names: str) -> set[str]:
    """Words of class names and the like: `relatedPosts`, `post-thumb_large`."""
    return {word.lower() for word in _WORD.findall(names[:300])}


def content_words(text: str) -> frozenset[str]:
    """Words that carry meaning, in lower case."""
    return frozenset(_CONTENT_WORD.findall(text.lower())) - _STOP_WORDS
