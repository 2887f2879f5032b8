"""Which images must a crawl not even store?"""

from dataclasses import dataclass
from functools import lru_cache

from filter.known import read_known


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBytes:
    """Says of an image, by its bytes alone, whether a list names it. Workers read the lists anew.

    How an image looks is not compared: a crawl decodes nothing. `filter.known_bad` does, later.
    """

    sources: tuple[str, ...]
    """As for `filter.known.read_known`."""

    def __call__(self, sha256: str) -> bool:
        """Whether the list has these 64 hex digits."""
        return bytes.fromhex(sha256) in _listed(self.sources)

    def check(self) -> None:
        """Raises ValueError for a list that cannot be read or that names no bytes."""
        if self.sources and not _listed(self.sources):
            raise ValueError(
                f"known_bad={', '.join(self.sources)} names no sha256, and a crawl compares bytes "
                "only; perceptual hashes are compared by `lait curate --set filter.known_bad=...`"
            )


@lru_cache(maxsize=1)
def _listed(sources: tuple[str, ...]) -> frozenset[bytes]:
    known = (image for source in sources for image in read_known(source))
    return frozenset(bytes.fromhex(image.sha256) for image in known if image.sha256)
