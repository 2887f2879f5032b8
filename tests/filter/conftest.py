"""Makers of candidates, facts and pictures that tests of the cascade share."""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crawl.candidate import Candidate, DomFeatures, Text
from crawl.image_ref import ImageRef
from filter.verdict import ImageFacts, Verdict

Make = Callable[..., Any]

_DOM = DomFeatures(
    ordinal=0,
    n_images=1,
    depth=5,
    in_article=True,
    in_boilerplate=False,
    in_figure=True,
    in_link=False,
    in_list=False,
    in_noscript=False,
    is_meta=False,
    declared_width_px=640,
    declared_height_px=None,
    heading_distance=2,
    text_chars_near=80,
    name_evidence=0.5,
)
_CANDIDATE = Candidate(
    candidate_id="0" * 32,
    page_url="https://example.org/page",
    image_url="https://example.org/image.jpg",
    alternative_urls=(),
    texts=(Text(source="alt", text="A red umbrella on the beach"),),
    dom=_DOM,
    main_score=0.9,
    is_main=True,
    language="en",
    language_score=0.98,
    opt_out=(),
    page_file="folder/a.warc.gz",
    page_offset=100,
    page_digest="d" * 64,
    fetched_at="2020-01-02T03:04:05Z",
)
_FACTS = ImageFacts(
    sha256="a" * 64,
    format="jpeg",
    width_px=640,
    height_px=480,
    n_bytes=50_000,
    phash="0123456789abcdef",
    uniformity=0.1,
)


@pytest.fixture(scope="session")
def make_candidate() -> Make:
    """A candidate that every filter keeps, with some fields changed."""

    def make(**changes: Any) -> Candidate:
        texts = changes.pop("texts", None)
        if texts is not None:
            changes["texts"] = tuple(Text(source=source, text=text) for source, text in texts)
        return replace(_CANDIDATE, **changes)

    return make


@pytest.fixture(scope="session")
def make_facts() -> Make:
    """Facts of an image that every filter keeps, with some fields changed."""
    return lambda **changes: replace(_FACTS, **changes)


@pytest.fixture(scope="session")
def make_ref() -> Make:
    """A reference to an image response."""

    def make(**changes: Any) -> ImageRef:
        ref = ImageRef(
            url="https://example.org/image.jpg",
            file="folder/a.warc.gz",
            offset=5000,
            status=200,
            content_type="image/jpeg",
            n_bytes=50_000,
        )
        return replace(ref, **changes)

    return make


@pytest.fixture(scope="session")
def make_verdict(make_candidate: Make, make_facts: Make, make_ref: Make) -> Make:
    """A verdict that was kept so far: image by its letter, id, text and score."""

    def make(number: int, **changes: Any) -> Verdict:
        image = changes.pop("image", "a")
        phash = changes.pop("phash", "0" * 16)
        facts = None if image is None else make_facts(sha256=image * 64, phash=phash)
        verdict = Verdict(
            candidate=make_candidate(candidate_id=f"{number:032x}"),
            kept=True,
            ref=make_ref(),
            image=facts,
            text="a red umbrella on the beach",
            text_source="alt",
            relevance=0.8,
        )
        return replace(verdict, **changes)

    return make


@pytest.fixture(scope="session")
def picture() -> Make:
    """Bytes of a picture with some structure: blobs of colour, the same for the same seed."""

    def make(
        width_px: int = 400, height_px: int = 320, *, kind: str = "JPEG", seed: int = 0, **save: Any
    ) -> bytes:
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, size=(8, 10, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((width_px, height_px), Image.Resampling.BICUBIC)
        out = io.BytesIO()
        image.save(out, kind, **save)
        return out.getvalue()

    return make


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A WARC file with image responses, and the references to them in order."""

    path: Path
    refs: list[ImageRef]


@pytest.fixture
def make_archive(tmp_path: Path) -> Make:
    """A plain WARC file of image responses, from bodies by URL."""

    def make(bodies: dict[str, bytes], name: str = "images.warc") -> Archive:
        path, refs = tmp_path / name, []
        with path.open("wb") as file:
            for number, (url, body) in enumerate(bodies.items()):
                ref = ImageRef(
                    url=url,
                    file=str(path),
                    offset=file.tell(),
                    status=200,
                    content_type="image/jpeg",
                    n_bytes=len(body),
                )
                refs.append(ref)
                http = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n" + body
                head = (
                    "WARC/1.0\r\nWARC-Type: response\r\n"
                    f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012d}>\r\n"
                    f"WARC-Date: 2020-01-01T00:00:00Z\r\nWARC-Target-URI: {url}\r\n"
                    "Content-Type: application/http; msgtype=response\r\n"
                    f"Content-Length: {len(http)}\r\n\r\n"
                )
                file.write(head.encode() + http + b"\r\n\r\n")
        return Archive(path=path, refs=refs)

    return make
