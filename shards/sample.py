"""What is one record of a shard?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image-text pair as it lies on disk: `<key>.<extension>`, `<key>.txt`, `<key>.json`."""

    key: str
    """First 32 hex digits of the sha256 of `image`: shard and order follow from the content."""
    image: bytes
    """The original bytes, passed through."""
    extension: str
    """`jpg`, `png` or `webp`, from the decoded format, never from the URL."""
    text: str
    record: str
    """Canonical JSON (sorted keys, no spaces, UTF-8): provenance, scores, all texts."""
