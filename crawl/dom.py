"""How does a document become a tree, whatever it is made of?"""

import re
import warnings
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag
from bs4.exceptions import ParserRejectedMarkup
from lxml import etree

MAX_DEPTH = 200
"""Where lxml gives up, deeper elements become children of the element at this depth."""
FALLBACK_BYTES = 512 * 2**10
"""BeautifulSoup is slow: of a document that lxml gives up on, it reads this much."""
_NAME = re.compile(r"[a-z_][a-z0-9_.-]*\Z")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(body: bytes) -> etree._Element:
    """Parse HTML in UTF-8 to an lxml tree without comments and processing instructions.

    lxml reads nearly everything. What it gives up on half-way (elements nested deeper than 256,
    single texts of many megabytes) goes through BeautifulSoup, which knows no limits, cut to
    bounded size and depth. Never raises: of a document without content an empty `html` remains.

    Args:
        body: The document, in UTF-8; invalid sequences become U+FFFD.
    """
    parser = etree.HTMLParser(
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,  # ids are looked up rarely; indexing them is a third of the parse
        huge_tree=False,
    )
    try:
        root: etree._Element | None = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        root = None  # nothing but white space, comments or a doctype
    if root is None:
        return etree.Element("html")
    last = parser.error_log.last_error
    if last is not None and last.level_name == "FATAL":
        return _parse_slowly(body)
    return root


def _parse_slowly(body: bytes) -> etree._Element:
    root = etree.Element("html")
    # One (BeautifulSoup children, lxml parent) pair for every open element: no recursion.
    stack: list[tuple[Iterator[object], etree._Element]] = [(_soup(body), root)]
    while stack:
        children, parent = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
        elif isinstance(child, Tag):
            anchor = stack[min(len(stack), MAX_DEPTH) - 1][1]
            stack.append((iter(child.contents), _append_element(anchor, child)))
        elif isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
            _append_text(parent, _NOT_XML.sub("\ufffd", child))
    return root


def _soup(body: bytes) -> Iterator[object]:
    text = body[:FALLBACK_BYTES].decode("utf-8", "replace")
    with warnings.catch_warnings():
        # BeautifulSoup's advice on markup that looks like XML, a path or a URL.
        warnings.simplefilter("ignore")
        try:
            soup = BeautifulSoup(text, "html.parser", multi_valued_attributes=None)
        except ParserRejectedMarkup:
            return iter(())
    return iter(soup.contents)


def _append_element(parent: etree._Element, tag: Tag) -> etree._Element:
    if tag.name == "html" and parent.tag == "html":
        return parent
    element = etree.SubElement(parent, tag.name if _NAME.match(tag.name) else "span")
    for name, value in tag.attrs.items():
        if _NAME.match(name):
            element.set(name, _NOT_XML.sub("\ufffd", str(value)))
    return element


def _append_text(parent: etree._Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
