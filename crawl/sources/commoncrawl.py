"""Which files does one crawl of Common Crawl consist of, and which share of them do we take?"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from crawl.sources.storage import open_binary

BASE: Final = "https://data.commoncrawl.org"
"""Where Common Crawl publishes; `s3://commoncrawl` holds the same files."""
Kind = Literal["warc", "wat", "cc-index-table"]
KINDS: Final = ("warc", "wat", "cc-index-table")
"""What a listing may be of: the archives, their metadata, the columnar index."""

_CRAWL: Final = re.compile(r"CC-MAIN-(?:20\d\d-(?:0[1-9]|[1-4]\d|5[0-3])|2008-2009|2009-2010|2012)")
_MAX_LISTING_BYTES: Final = 256 * 2**20
"""A hundred thousand paths are 14 MB; a listing beyond this is none."""
_SUBSET: Final = "/subset=warc/"
"""The index also covers robots.txt files and failed fetches, which hold no pages."""


def check_crawl(crawl: str) -> str:
    """The id of a crawl, as given. Raises ValueError when it cannot be one."""
    if not _CRAWL.fullmatch(crawl):
        raise ValueError(
            f"{crawl!r} is no crawl id: one looks like CC-MAIN-2024-51 (year and week)"
        )
    return crawl


def paths(crawl: str, kind: Kind, base: str = BASE) -> list[str]:
    """The files of a crawl, in the order of Common Crawl's own listing.

    Args:
        crawl: The crawl's id, `CC-MAIN-2024-51`.
        kind: Archives, their metadata (WAT), or the Parquet files of the columnar index over
            successfully fetched pages.
        base: Where the files lie: any folder or URL that `crawl.sources.storage` reads.

    Returns:
        Paths relative to `base`.

    Raises:
        ValueError: `crawl` is no crawl id, or there is no (readable) listing of it at `base`.
        OSError: The listing cannot be reached.
    """
    listing = join(base, f"crawl-data/{check_crawl(crawl)}/{kind}.paths.gz")
    try:
        with open_binary(listing) as file, gzip.GzipFile(fileobj=file) as lines:
            text = lines.read(_MAX_LISTING_BYTES + 1)
    except FileNotFoundError as error:
        raise ValueError(
            f"{listing} does not exist: no {kind} of {crawl} there; see --crawl and --base"
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{listing} is damaged: {error}") from error
    if len(text) > _MAX_LISTING_BYTES:
        raise ValueError(f"{listing} is longer than {_MAX_LISTING_BYTES} bytes")
    found = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    for path in found:
        check_path(path, listing)
    return [path for path in found if kind != "cc-index-table" or _SUBSET in path]


def check_path(path: str, source: str) -> None:
    """Raises ValueError for a path that leads out of the base it is relative to."""
    if "://" in path or path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{source} names {path[:200]!r}, which is no path below its base")


def join(base: str, path: str) -> str:
    """A path of a listing or of the index as a whole path or URL."""
    return f"{base.rstrip('/')}/{path}"


def sample(paths: Sequence[str], share: float, seed: int = 0) -> list[str]:
    """A share of the paths, the same for ever, in their order.

    A path's own hash decides. So a larger share holds every smaller one, a path that is added or
    removed changes nothing for the others, and no machine has to know what another one took.

    Args:
        paths: Any paths.
        share: In 0..1. More than nothing of something is at least one path.
        seed: Another seed, another sample.

    Raises:
        ValueError: `share` is out of range.
    """
    check_share(share)
    taken = [path for path in paths if fraction(seed, path) < share]
    if not taken and share > 0 and paths:
        taken = [min(paths, key=lambda path: (fraction(seed, path), path))]
    return taken


def check_share(share: float) -> None:
    """Raises ValueError for a share outside 0..1."""
    if not 0 <= share <= 1:
        raise ValueError(f"--share {share} is out of range: give a number from 0 to 1")


def fraction(seed: int, name: str) -> float:
    """A number in [0, 1) that depends on the seed and the name alone: 53 bits of a sha256."""
    digest = hashlib.sha256(f"{seed}\n{name}".encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def orderly(seed: int, names: Iterable[str]) -> list[str]:
    """The names in an order that depends on the seed and the names alone."""
    return sorted(names, key=lambda name: (fraction(seed, name), name))
