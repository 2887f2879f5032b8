"""What is one fetched document, before anything has been decoded?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One fetched HTML document, undecoded, with where it came from.

    Provenance (`file`, `offset`, `digest`) is never lost: every number in the ledger can be
    traced to the bytes it was computed from.
    """

    url: str
    """Absolute URL the document was fetched from (WARC-Target-URI)."""
    body: bytes
    """The entity body: transfer and content encodings removed, charset not yet decoded."""
    headers: tuple[tuple[str, str], ...]
    """HTTP response headers in order, names lower-cased."""
    fetched_at: str
    """ISO 8601 UTC time of the fetch (WARC-Date), or '' where the source has none."""
    file: str
    """Path or URL of the archive or file that held the document."""
    offset: int
    """Byte offset of the record in `file`: compressed bytes where each record is a gzip member,
    otherwise bytes of the uncompressed stream."""
    digest: str
    """sha256 of `body`, hex."""

    def header(self, name: str) -> str:
        """All values of one header, joined with ', ' as RFC 9110 section 5.3 allows."""
        return ", ".join(value for key, value in self.headers if key == name.lower())
