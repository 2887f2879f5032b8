"""Do html5lib's tree documents give the images that the HTML standard puts into the tree?"""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import html5lib
import pytest

from crawl.dom import parse
from crawl.walk import outline
from tests.crawl.pages import candidates

FOLDER = "corpora/html/html5lib-tests/tree-construction"
LINE = re.compile(r"^\| ( *)(.*)$")
ELEMENT = re.compile(r"<(?:svg |math )?([^ >]+)>")
ATTRIBUTE = re.compile(r'([^\s<"=]+)="(.*)"')
OTHERWISE = re.compile(
    r"<select"  # the standard of 2025 lets a select hold any element; html5lib drops them
    r"|<frameset"  # our tree has a body beside the frames
    r"|<noscript"  # in the head it is never shown, and we do not look into heads
    r"|<template"  # html5lib does not know it
    r"|<svg>.*(?:<title|<script|<plaintext|<!\[CDATA)",  # no raw text to the standard, but to lxml
    re.IGNORECASE | re.DOTALL,
)
"""Where we knowingly differ."""


def cases(shared_data: Path) -> Iterator[tuple[str, str]]:
    """The markup of every case, and what follows it."""
    for file in sorted((shared_data / FOLDER).rglob("*.dat")):
        text = file.read_bytes().decode("utf-8", "replace")
        for block in re.split(r"(?:^|\n)#data\n", text)[1:]:
            data, _, rest = block.partition("\n#errors")
            yield data, rest


def images_of(tree: str) -> list[str]:
    """The `src` of every image in a dumped tree, without the inert ones of templates."""
    found: list[str] = []
    open_elements: list[tuple[int, str]] = []
    is_image = False
    for match in filter(None, map(LINE.match, tree.split("\n"))):
        depth, content = len(match[1]) // 2, match[2]
        attribute = ATTRIBUTE.fullmatch(content)
        if is_image and attribute and depth == open_elements[-1][0] + 1:
            found[-1] = attribute[2] if attribute[1] == "src" else found[-1]
            continue
        while open_elements and open_elements[-1][0] >= depth:
            open_elements.pop()
        element = ELEMENT.fullmatch(content)
        name = element[1] if element else content
        inert = any(name == "content" for _, name in open_elements)
        is_image = element is not None and name in ("img", "image") and not inert
        if is_image:
            found.append("")
        open_elements.append((depth, name))
    return sorted(found)


def our_images(markup: str) -> list[str]:
    body = markup.encode("utf-8", "surrogatepass")
    return sorted(seen.attributes.get("src", "") for seen in outline(parse(body)).images)


def test_no_document_makes_it_raise(shared_data: Path) -> None:
    """All 1,796, fragments among them, alone and with an image at either end."""
    n_cases = 0
    for data, _ in cases(shared_data):
        for markup in (data, f"<img src=a.jpg>{data}", f"{data}<img src=a.jpg>"):
            candidates(markup.encode("utf-8", "surrogatepass"))
        n_cases += 1
    assert n_cases == 1796


def test_same_images_as_the_expected_trees(shared_data: Path) -> None:
    """Every whole document that needs no script: no exception."""
    n_cases = n_images = 0
    for data, rest in cases(shared_data):
        if "#document-fragment" in rest or "#script-on" in rest:
            continue
        expected = images_of(rest.partition("#document\n")[2])
        assert our_images(data) == expected, data
        n_cases += 1
        n_images += len(expected)
    assert n_cases == 1593
    assert n_images > 10


@pytest.mark.slow
def test_same_images_as_html5lib(shared_data: Path) -> None:
    """An image put before every tag of every document is seen where html5lib sees it."""

    def theirs(element: ET.Element) -> Iterator[str]:
        for child in element:
            if isinstance(child.tag, str) and child.tag != "template":
                if child.tag.rpartition("}")[2] in ("img", "image"):
                    yield child.get("src", "")
                yield from theirs(child)

    n_cases = 0
    for data, rest in cases(shared_data):
        if "#document-fragment" in rest or "#script-on" in rest:
            continue
        for place in [*(match.start() for match in re.finditer("<", data)), len(data)]:
            markup = f"{data[:place]}<img src=here>{data[place:]}"
            tree = html5lib.parse(markup, namespaceHTMLElements=False)
            if sorted(theirs(tree)) != our_images(markup):
                assert OTHERWISE.search(markup), markup
            n_cases += 1
    assert n_cases > 8000
