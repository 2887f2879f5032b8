"""Does any document become a tree, whole, in bounded time?"""

from collections.abc import Callable

import pytest

from crawl.dom import parse
from crawl.tame import MAX_ATTRIBUTES, MAX_OPEN, may_have_huge_tag, tame

IMAGE = b"<img src=a.jpg>"


def n_images(body: bytes) -> int:
    return sum(1 for _ in parse(body).iter("img"))


@pytest.mark.parametrize("tag", ["div", "i", "p", "table", "ul><li", "font", "x-y"])
@pytest.mark.parametrize("n_levels", [200, 2_000, 20_000])
def test_deep_documents_keep_their_images_and_words(tag: str, n_levels: int) -> None:
    body = f"<{tag}>".encode() * n_levels + IMAGE + b"words"
    body += b"</div></i></p></table></ul></font></x-y>" * n_levels + IMAGE
    tree = parse(body)
    assert sum(1 for _ in tree.iter("img")) == 2
    assert "words" in "".join(map(str, tree.itertext()))


@pytest.mark.parametrize("size", [11 * 2**20, 30 * 2**20])
@pytest.mark.parametrize("wrap", ["<p>{}</p>", "<p title='{}'></p>", "<script>{}</script>", "{}"])
def test_texts_of_many_megabytes(size: int, wrap: str) -> None:
    before, after = wrap.encode().split(b"{}")
    assert n_images(IMAGE + before + b"a" * size + after + IMAGE) == 2


ATTRIBUTES: list[Callable[[int], bytes]] = [
    lambda i: b" a%d" % i,
    lambda i: b" a%d=1" % i,
    lambda i: b' a%d=">"' % i,
    lambda i: b"/a%d='>'" % i,
    lambda i: b' a%d = "> <img src=b>"' % i,
    lambda i: b" <%d" % i,
    lambda i: b'a%d=""' % i,
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_tag_with_countless_attributes(attribute: Callable[[int], bytes]) -> None:
    """The parser alone would need hours: its time grows with the square of their number."""
    body = b"<p " + b"".join(map(attribute, range(300_000))) + b">" + IMAGE
    assert may_have_huge_tag(body)
    assert n_images(body) == 1


def test_tame_leaves_other_documents_alone() -> None:
    body = (
        b"<!doctype html><title><b></title><!-- <p a b c> --><script>'<div a=1>'</script>"
        b"<p a='>' b=\"<\" c=d>x</p></p><a/b/c><img src=a.jpg/><br></br><textarea><i></textarea>"
    )
    assert tame(body) == body
    assert tame(b"<div>" * MAX_OPEN) == b"<div>" * MAX_OPEN
    long_value = b"<p title='" + b"word " * 200_000 + b"'>"
    assert tame(long_value) == long_value
    assert not may_have_huge_tag(b"<p class=x>words</p>" * 50_000)


def test_tame_cuts_depth_and_attributes() -> None:
    assert tame(b"<i>" * (MAX_OPEN + 2) + b"x</i></i></i>") == b"<i>" * MAX_OPEN + b"  x  </i>"
    attributes = b"".join(b" a%d" % i for i in range(MAX_ATTRIBUTES * 2))
    assert tame(b"<p" + attributes + b">x").count(b" a") == MAX_ATTRIBUTES


@pytest.mark.parametrize(
    "body", [b"", b" ", b"<!-- -->", b"\0", b"\xff\xfe", b"<", b"<!doctype html>"]
)
def test_nothing_gives_a_tree(body: bytes) -> None:
    assert parse(body).tag == "html"
