"""Does everything but the picture go, and not one pixel with it?"""

import io
import random

import pytest
from PIL import Image, ImageOps, PngImagePlugin

from filter.metadata import minimal_exif, strip_metadata

SECRET = b"51.5007 N, 0.1246 W, camera 12345678"


def exif(orientation: int | None) -> Image.Exif:
    made = Image.Exif()
    made[0x010E] = SECRET.decode()  # a description
    made.get_ifd(0x8825)[1] = "N"  # GPS
    if orientation is not None:
        made[0x0112] = orientation
    return made


def with_metadata(picture, kind: str, orientation: int | None) -> bytes:
    image, out = Image.open(io.BytesIO(picture(120, 80, kind="PNG"))), io.BytesIO()
    options = {"exif": exif(orientation)}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Comment", SECRET.decode())
        text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        options["pnginfo"] = text
    elif kind == "WEBP":
        options |= {"xmp": SECRET, "quality": 60}
    else:
        options |= {"comment": SECRET, "xmp": SECRET, "dpi": (72, 72)}
    image.save(out, kind, icc_profile=b"a colour profile", **options)
    return out.getvalue()


def shown(body: bytes) -> bytes:
    """The pixels as a viewer shows them."""
    with Image.open(io.BytesIO(body)) as image:
        return ImageOps.exif_transpose(image).convert("RGB").tobytes()


@pytest.mark.parametrize("orientation", [None, 1, *range(2, 9)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_only_the_orientation_stays(picture, kind, orientation) -> None:
    body = with_metadata(picture, kind, orientation)
    assert SECRET in body
    stripped = strip_metadata(body)
    assert SECRET not in stripped
    assert shown(stripped) == shown(body)
    with Image.open(io.BytesIO(stripped)) as image:
        left = dict(image.getexif())
        assert left == ({0x0112: orientation} if orientation and orientation > 1 else {})
        assert image.info.get("icc_profile") == b"a colour profile"
    with Image.open(io.BytesIO(stripped)) as image:
        image.verify()
    assert strip_metadata(stripped) is stripped, "nothing is left to take out"
    if kind == "WEBP":
        # The extended header says so: 8 stands for EXIF, 4 for XMP (RFC 9649, 2.7.1).
        flags = stripped[stripped.index(b"VP8X") + 8]
        assert flags & 0b1100 == (8 if orientation and orientation > 1 else 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_clean_file_is_passed_through(picture, kind) -> None:
    body = picture(kind=kind)
    assert strip_metadata(body) is body


def test_what_follows_the_end_goes(picture) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        assert strip_metadata(picture(kind=kind) + SECRET) == picture(kind=kind)


def test_progressive_and_restart_markers(picture) -> None:
    image = Image.open(io.BytesIO(picture(400, 300, kind="PNG")))
    for options in ({"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}):
        out = io.BytesIO()
        image.save(out, "JPEG", exif=exif(6), **options)
        stripped = strip_metadata(out.getvalue())
        assert shown(stripped) == shown(out.getvalue())
        assert SECRET not in stripped


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_files_come_back_as_they_are_or_whole(picture, kind) -> None:
    body = with_metadata(picture, kind, 6)
    rng = random.Random(0)
    assert strip_metadata(b"") == b""
    assert strip_metadata(b"GIF89a") == b"GIF89a"
    for _ in range(300):
        cut = body[: rng.randrange(len(body))]
        assert len(strip_metadata(cut)) <= len(cut) + len(minimal_exif(6)) + 20
        damaged = bytearray(body)
        for _ in range(3):
            damaged[rng.randrange(len(body))] = rng.randrange(256)
        strip_metadata(bytes(damaged))


def test_real_and_hostile_pictures(shared_data) -> None:
    """Every file of the corpora that decodes shows the same afterwards; the others do not raise."""
    files = [
        *sorted((shared_data / "corpora" / "images").rglob("*.*")),
        *sorted((shared_data / "captions" / "images").rglob("*.jpg"))[::100],
    ]
    n_changed = 0
    for file in files:
        body = file.read_bytes()
        stripped = strip_metadata(body)
        if stripped is body:
            continue
        n_changed += 1
        try:
            expected = shown(body)
        except Exception:
            continue
        assert shown(stripped) == expected, file
    assert n_changed > 50
