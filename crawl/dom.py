"""How does a document become a tree, whatever it is made of?"""

import re

from lxml import etree

from crawl.tame import may_have_huge_tag, tame

_END = re.compile(rb"</html[^>]*>", re.IGNORECASE)
_TAG = re.compile(rb"<[a-zA-Z]")


def parse(body: bytes) -> etree._Element:
    """Parse HTML in UTF-8 to an lxml tree without comments and processing instructions.

    What the parser gives up on half-way (elements nested deeper than 2,048) or would take hours
    for (elements with tens of thousands of attributes) is cut to bounded depth and width first,
    see `crawl.tame`. Never raises: of a document without content an empty `html` remains.

    Args:
        body: The document, in UTF-8; invalid sequences become U+FFFD.
    """
    body = _without_early_end(body)
    if may_have_huge_tag(body):
        body = tame(body)
    root, complete = _parse(body)
    if not complete:
        root, _ = _parse(tame(body))
    return etree.Element("html") if root is None else root


def _without_early_end(body: bytes) -> bytes:
    """The document without the tags that end it before its last element.

    The standard goes on reading after `</html>`; libxml2 forgets what follows.
    """
    end = _END.search(body)
    if end is None or not _TAG.search(body, end.end()):
        return body
    return body[: end.start()] + _END.sub(b"", body[end.start() :])


def _parse(body: bytes) -> tuple[etree._Element | None, bool]:
    """The tree, if there is one, and whether it holds the whole document."""
    parser = etree.HTMLParser(
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,  # ids are looked up rarely; indexing them is a third of the parse
        huge_tree=True,  # the caller bounds the bytes; without it 256 levels are too deep
    )
    try:
        root: etree._Element | None = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        root = None  # nothing but white space, comments or a doctype
    last = parser.error_log.last_error
    return root, last is None or last.level_name != "FATAL"
