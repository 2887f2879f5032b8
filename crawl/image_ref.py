"""Which image bytes does a source hold, and where can they be read again?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRef:
    """One image response of an archive, without its bytes.

    Pipelines shuffle references, not pictures: the bytes are read again from `file` at `offset`
    when (and only when) a filter needs them. Memory stays flat as input grows.
    """

    url: str
    """Absolute URL of the image, normalised by `crawl.url.normalise`."""
    file: str
    """Path or URL of the archive."""
    offset: int
    """Byte offset of the record in `file`, as in `crawl.page.Page.offset`."""
    status: int
    """HTTP status of the response; only 200 can become a pair."""
    content_type: str
    """The Content-Type as sent. Recorded, never trusted: bytes are sniffed."""
    n_bytes: int
    """Length of the body in bytes."""
    opt_out: tuple[str, ...] = ()
    """Opt-out signals of the image response itself (X-Robots-Tag, TDM headers)."""
