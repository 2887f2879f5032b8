"""Which image response, of all that the archives hold, belongs to a candidate?"""

from collections.abc import Iterable
from typing import Final, TypeAlias

from crawl.candidate import Candidate
from crawl.image_ref import ImageRef
from filter.page import opt_out
from filter.verdict import Drop

Found: TypeAlias = tuple[int, ImageRef]
"""Rank of the URL among the candidate's (0 = best version), and a response to it."""

OK: Final = 200


def urls(candidate: Candidate) -> tuple[str, ...]:
    """Where the picture may be had, best version first, without repetition."""
    return tuple(dict.fromkeys((candidate.image_url, *candidate.alternative_urls)))


def preference(found: Found) -> tuple[bool, bool, int, str, int, str]:
    """Sort key: good responses first, then the better version, then the place in the archives.

    Among several captures of one URL the first by archive name wins: any fixed rule would do, but
    it must depend neither on which worker saw which capture first, nor on the folder of the files.
    """
    rank, ref = found
    return (ref.status != OK, ref.n_bytes == 0, rank, file_name(ref.file), ref.offset, ref.file)


def file_name(path: str) -> str:
    """The last part of a path or URL: what stays the same when an archive is moved."""
    return path.rsplit("/", 1)[-1]


def best(found: Iterable[Found]) -> ImageRef | None:
    """The response to use, None when there is none."""
    first = min(found, key=preference, default=None)
    return None if first is None else first[1]


def check_ref(ref: ImageRef | None, *, obey_opt_out: bool) -> Drop | None:
    """Refuses a candidate without a usable response, before any byte of it is read."""
    if ref is None:
        return Drop(reason="image_missing")
    if ref.status != OK:
        return Drop(reason="image_status", value=ref.status, threshold=OK)
    return opt_out(ref.opt_out) if obey_opt_out else None
