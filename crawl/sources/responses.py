"""What is one HTTP response of an archive: a page, an image, or nothing for us?"""

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from fastwarc.warc import HeaderMap

from crawl.bodies import BodyTooLarge, BodyUnreadable, decode_body
from crawl.damage import Damage
from crawl.image_ref import ImageRef
from crawl.optout import response_signals
from crawl.page import Page
from crawl.sources.heads import HEAD_BYTES, Head, head_end
from crawl.url import normalise

_ENCODING_SLACK = 64 * 2**10
"""Bytes an encoded body may be longer than its content: chunk sizes and trailers."""
_HTML_TYPES = ("text/html", "application/xhtml+xml")
_HTML_START = re.compile(
    rb"\s*(?:<!--.{0,200}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_IMAGE_URL = re.compile(r"\.(?:jpe?g|jfif|png|webp|gif|avif|bmp|svg|ico|tiff?)(?:$|[?])", re.I)
_IMAGE_MAGIC = (
    re.compile(rb"\xff\xd8\xff"),
    re.compile(rb"\x89PNG\r\n\x1a\n"),
    re.compile(rb"GIF8[79]a"),
    re.compile(rb"RIFF....WEBP", re.S),
    re.compile(rb"....ftyp(?:avif|avis|heic|mif1)", re.S),
)
_PREFIX_BYTES = 512
_LINE_END = re.compile(rb"\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many bytes of a body we are willing to hold."""

    max_page_bytes: int
    max_image_bytes: int


class Reader(Protocol):
    """What gives the content of a record, in order."""

    def read(self, n_bytes: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP response record whose head is parsed and whose body is not yet read."""

    url: str
    file: str
    offset: int
    fetched_at: str
    status: int
    headers: tuple[tuple[str, str], ...]
    n_bytes: int
    """Length of the body as archived."""
    beginning: bytes
    """Of the body: what was read together with the head."""
    rest: Reader

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)

    def body(self, max_bytes: int) -> tuple[bytes, bool]:
        """The decoded body and whether it was whole; see `crawl.bodies.decode_body`."""
        most = max_bytes + _ENCODING_SLACK
        raw = (self.beginning + self.rest.read(max(most - len(self.beginning), 0)))[:most]
        if self.n_bytes > len(raw) > max_bytes:
            raise BodyTooLarge(f"body of {self.n_bytes} bytes is over {max_bytes}")
        transfer, content = self.header("transfer-encoding"), self.header("content-encoding")
        body = decode_body(raw, transfer, content, max_bytes)
        return body.data, body.complete


def read_response(head: Head, content: Reader, file: str, offset: int) -> Response | Damage | None:
    """Read the HTTP head of a record's content; None when it is no fetch of an http(s) URL."""
    target = head.url.removeprefix("<")
    url = normalise(target.removesuffix(">"), "") if head.is_response else None
    if url is None:
        return None
    data = content.read(HEAD_BYTES + _PREFIX_BYTES)
    end = head_end(data)
    n_head = end[1] if end else len(data)
    lines = data[:n_head]
    if lines.count(b"\n") != lines.count(b"\r\n"):
        # Servers, and archives' writers, use bare line feeds too; the parser knows one way.
        lines = _LINE_END.sub(b"\r\n", lines)
    fields = _fields(lines)
    status = fields.status_code
    if status is None or (end is None and n_head < head.content_bytes):
        detail = f"no HTTP head in the response of {url[:200]}"
        return Damage(file=file, offset=offset, reason="bad_http", detail=detail)
    return Response(
        url=url,
        file=file,
        offset=offset,
        fetched_at=head.fetched_at,
        status=status,
        headers=tuple((name.strip().lower(), value.strip()) for name, value in fields.to_tuples()),
        n_bytes=head.content_bytes - n_head,
        beginning=data[n_head:],
        rest=content,
    )


def _fields(lines: bytes) -> HeaderMap:
    fields = HeaderMap("latin1")
    try:
        fields.parse(io.BytesIO(lines))
    except (OSError, ValueError):
        return HeaderMap()
    return fields


def items(response: Response, limits: Limits) -> Iterator[Page | ImageRef | Damage]:
    """The page or image a response holds; both for HTML under an image's URL; or nothing."""
    prefix = response.beginning[:_PREFIX_BYTES]
    kind = response.header("content-type").partition(";")[0].strip().lower()
    is_picture = kind.startswith("image/") or any(magic.match(prefix) for magic in _IMAGE_MAGIC)
    is_image = is_picture or _IMAGE_URL.search(response.url) is not None
    is_html = kind in _HTML_TYPES or (not kind and _HTML_START.match(prefix) is not None)
    is_page = is_html and not is_picture and response.status == 200
    is_encoded = bool(response.header("transfer-encoding") or response.header("content-encoding"))
    body = b""
    complete = True
    n_bytes = response.n_bytes
    if is_page or (is_image and is_encoded):
        try:
            limit = limits.max_image_bytes if is_image else limits.max_page_bytes
            body, complete = response.body(limit)
            n_bytes = len(body)
        except BodyTooLarge as error:
            yield _damage(response, "body_too_large", str(error))
            n_bytes, is_page = limit + 1, False
        except BodyUnreadable as error:
            yield _damage(response, "body_unreadable", str(error))
            return
    if is_image:
        yield _image(response, n_bytes)
    if is_page and n_bytes > limits.max_page_bytes:
        detail = f"page of {n_bytes} bytes is over {limits.max_page_bytes}"
        yield _damage(response, "body_too_large", detail)
    elif is_page:
        yield _page(response, body)
    if (is_page or is_image) and not complete:
        yield _damage(response, "body_incomplete", "the encoding ends early; its beginning is kept")


def _page(response: Response, body: bytes) -> Page:
    return Page(
        url=response.url,
        body=body,
        headers=response.headers,
        fetched_at=response.fetched_at,
        file=response.file,
        offset=response.offset,
        digest=hashlib.sha256(body).hexdigest(),
    )


def _image(response: Response, n_bytes: int) -> ImageRef:
    return ImageRef(
        url=response.url,
        file=response.file,
        offset=response.offset,
        status=response.status,
        content_type=response.header("content-type"),
        n_bytes=n_bytes,
        opt_out=response_signals(response.headers),
    )


def _damage(response: Response, reason: str, detail: str) -> Damage:
    return Damage(
        file=response.file,
        offset=response.offset,
        reason=reason,
        detail=f"{response.url[:200]}: {detail}",
    )
