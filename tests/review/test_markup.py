"""Does what was crawled stay words and pixels?"""

import base64
import html
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html
from PIL import Image

from review.markup import Html, data_url, document, sandboxed, text
from tests.review.conftest import jpeg


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=60))
def test_text_reads_as_it_was_written(words: str) -> None:
    for page in (f"<p>{text(words)}</p>", f'<p title="{text(words)}">'):
        node = lxml_html.fragment_fromstring(page)
        assert (node.get("title") if node.get("title") is not None else node.text or "") == words
        assert len(node) == 0


def test_every_payload_is_one_text_node(shared_data: Path) -> None:
    payloads = json.loads((shared_data / "corpora/xss/dompurify/payloads.json").read_text())
    assert len(payloads) == 221
    for payload in payloads:
        node = lxml_html.fragment_fromstring(f'<p class="{text(payload)}">{text(payload)}</p>')
        assert list(node.attrib) == ["class"]
        assert len(node) == 0, payload


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("gnp.\u202etap", r"gnp.\u202etap"),
        ("a\u2066b\u2069", r"a\u2066b\u2069"),
        ("nul\x00bell\x07", r"nul\u0000bell\u0007"),
        ("two\nlines", r"two\u000alines"),
        ("héllo 漢字 👩‍🚒", "héllo 漢字 👩‍🚒"),
    ],
)
def test_what_cannot_be_seen_is_written_out(words: str, shown: str) -> None:
    assert html.unescape(text(words)) == shown


def test_a_long_text_is_cut_and_says_so() -> None:
    assert text("ab" * 600, max_chars=10) == "ababababab … 1,190 more characters"


def test_a_picture_is_encoded_again() -> None:
    source = jpeg(3) + b"<script>alert(1)</script>"
    url = data_url(source)
    assert url is not None
    kind, encoded = url.split(",")
    assert kind == "data:image/jpeg;base64"
    assert b"script" not in base64.b64decode(encoded)
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
        assert (image.format, image.size) == ("JPEG", (128, 96))


def _encoded(kind: str, size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    "thumbnail",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        jpeg(0)[:200],
        _encoded("PNG", (64, 64)),
        _encoded("JPEG", (321, 10)),
    ],
    ids=["empty", "svg", "truncated", "png", "large"],
)
def test_what_is_no_small_jpeg_is_not_shown(thumbnail: bytes) -> None:
    assert data_url(thumbnail) is None


def test_the_frame_has_no_rights_and_the_page_no_sources() -> None:
    page = document("<b>t", "p{color:red}", "<p>body</p>")
    shown = sandboxed("a grid", page, height_px=100)
    frame = lxml_html.fragment_fromstring(shown.markup)
    assert frame.tag == "iframe"
    assert frame.get("sandbox") == ""
    assert frame.get("srcdoc") == page
    policy = lxml_html.document_fromstring(page).xpath("//meta/@content")[0]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_without_html_only_the_name_is_printed() -> None:
    shown = Html(name="grid of 3 samples", markup="<p>secret</p>")
    assert repr(shown) == "<grid of 3 samples>"
    assert shown._repr_html_() == "<p>secret</p>"
