"""Which few candidates of every reason does a person get to see, and how small?"""

import io
from typing import Any, Final

from PIL import Image

from filter.decode import DecodeLimits, decode
from filter.fetch import OK
from filter.tombstones import TAKEDOWN
from filter.verdict import Drop, Verdict

SIDE_PX: Final = 192
_QUALITY: Final = 80
_PRIVATE: Final = frozenset({"opt_out", TAKEDOWN})
"""Reasons whose images are not copied anywhere: their owners said so."""


def label(verdict: Verdict) -> str:
    """What a candidate is a sample of: its reason, or `kept`."""
    return "kept" if verdict.kept else str(verdict.reason)


def may_be_shown(verdict: Verdict) -> bool:
    """Whether there is an image of which a small copy may be stored."""
    ref = verdict.ref
    there = ref is not None and ref.status == OK and not ref.opt_out
    return there and label(verdict) not in _PRIVATE


def thumbnail(verdict: Verdict, body: bytes, limits: DecodeLimits) -> dict[str, Any] | None:
    """A row of the thumbnail table; None when the bytes are no picture.

    The JPEG is encoded anew from pixels, at most 192 px a side: no metadata, and nothing hostile
    that the original bytes may hold, comes through.
    """
    decoded = decode(body, limits)
    if isinstance(decoded, Drop):
        return None
    small = decoded.image
    small.thumbnail((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=_QUALITY)
    return {
        "candidate_id": verdict.candidate.candidate_id,
        "reason": label(verdict),
        "thumbnail": out.getvalue(),
    }
