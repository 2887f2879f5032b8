"""How far has a request got?"""

from dataclasses import dataclass, field
from typing import Final

from crawl.fetch.failures import Headers
from crawl.fetch.outcome import Outcome, Request, Status

_ACCEPT: Final = {
    "page": {
        "Accept": "text/html,application/xhtml+xml,*/*;q=0.1",
        "Accept-Encoding": "gzip, deflate, br, zstd",
    },
    "image": {"Accept": "image/*,*/*;q=0.1", "Accept-Encoding": "identity"},
}


@dataclass(slots=True, kw_only=True)
class Job:
    """A request on its way."""

    request: Request
    url: str
    """To be asked for now."""
    hops: list[str] = field(default_factory=list)
    """URLs that have redirected."""
    n_attempts: int = 0
    n_repeats: int = 0
    signals: tuple[str, ...] = ()
    sent_at: str = ""
    final_url: str = ""
    http_status: int = 0
    headers: Headers = ()

    def ended(
        self, status: Status, detail: str = "", *, retryable: bool = False, body: bytes = b""
    ) -> Outcome:
        """The outcome, with what has been learned so far."""
        return Outcome(
            url=self.request.url,
            kind=self.request.kind,
            status=status,
            final_url=self.final_url,
            http_status=self.http_status,
            headers=self.headers,
            body=body,
            fetched_at=self.sent_at,
            n_attempts=self.n_attempts,
            opt_out=self.signals,
            detail=detail,
            retryable=retryable,
        )

    def request_headers(self) -> dict[str, str]:
        """Headers of the next request, beside those that every request has."""
        request = self.request
        headers = dict(_ACCEPT[request.kind])
        if request.etag:
            headers["If-None-Match"] = request.etag
        if request.last_modified:
            headers["If-Modified-Since"] = request.last_modified
        return headers
