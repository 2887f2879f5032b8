"""What does a server of the demo web answer, as bytes of HTTP?"""

import gzip
from dataclasses import dataclass
from typing import Final

from lait.world.site import Coding

_REASONS: Final = {
    200: "OK",
    301: "Moved Permanently",
    404: "Not Found",
    410: "Gone",
    503: "Service Unavailable",
}
_CHUNK_BYTES: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP response as an archive holds it."""

    url: str
    content_type: str
    body: bytes
    """The entity, before content and transfer codings."""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    """Beside Content-Type, Content-Length and the codings."""
    coding: Coding = "identity"

    def head(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The status line without its protocol, and all headers."""
        headers = [("Server", "httpd"), ("Content-Type", self.content_type), *self.headers]
        if self.coding in ("gzip", "gzip_chunked"):
            headers.append(("Content-Encoding", "gzip"))
        if self.coding in ("chunked", "gzip_chunked"):
            headers.append(("Transfer-Encoding", "chunked"))
        else:
            headers.append(("Content-Length", str(len(self.message()))))
        return f"{self.status} {_REASONS[self.status]}", tuple(headers)

    def message(self) -> bytes:
        """The message body as it went over the wire (RFC 9112 section 7.1 for chunks)."""
        body = self.body
        if self.coding in ("gzip", "gzip_chunked"):
            body = gzip.compress(body, compresslevel=6, mtime=0)
        if self.coding in ("chunked", "gzip_chunked"):
            body = _chunked(body)
        return body


def _chunked(body: bytes) -> bytes:
    parts = [body[at : at + _CHUNK_BYTES] for at in range(0, len(body), _CHUNK_BYTES)]
    framed = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts]
    return b"".join((*framed, b"0\r\n\r\n"))
