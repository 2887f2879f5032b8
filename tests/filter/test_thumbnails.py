"""Are thumbnails small, clean of metadata, and never of an image that opted out?"""

import io

from PIL import Image

from filter.decode import DecodeLimits
from filter.sieve import dropped
from filter.thumbnails import SIDE_PX, label, may_be_shown, thumbnail
from filter.verdict import Drop

LIMITS = DecodeLimits(min_bytes=0, max_bytes=2**25, max_pixels=64_000_000)


def test_thumbnail(make_verdict, picture) -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    row = thumbnail(make_verdict(1), picture(900, 600, exif=exif), LIMITS)
    assert row is not None
    assert (row["candidate_id"], row["reason"]) == (f"{1:032x}", "kept")
    image = Image.open(io.BytesIO(row["thumbnail"]))
    assert (image.format, image.size) == ("JPEG", (SIDE_PX, 128))
    assert not image.getexif()
    assert b"secret" not in row["thumbnail"]


def test_bytes_that_are_no_picture(make_verdict) -> None:
    assert thumbnail(make_verdict(1), b"<html>" * 100, LIMITS) is None


def test_labels(make_verdict) -> None:
    small = dropped(make_verdict(1), "size", Drop(reason="min_side"))
    assert [label(v) for v in (make_verdict(1), small)] == ["kept", "min_side"]


def test_who_may_be_shown(make_verdict, make_ref) -> None:
    small = dropped(make_verdict(1), "size", Drop(reason="min_side"))
    private = dropped(make_verdict(1), "page", Drop(reason="opt_out"))
    assert may_be_shown(make_verdict(1))
    assert may_be_shown(small)
    assert not may_be_shown(private)
    for ref in (None, make_ref(status=404), make_ref(opt_out=("noai",))):
        assert not may_be_shown(make_verdict(1, ref=ref))
