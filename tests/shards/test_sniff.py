"""Does the header reader agree with Pillow?"""

import io

import pytest
from PIL import Image

from shards.sniff import ImageHeader, sniff


@pytest.mark.parametrize(
    ("extension", "form", "mode", "options"),
    [
        ("jpg", "JPEG", "RGB", {}),
        ("jpg", "JPEG", "L", {"progressive": True}),
        ("jpg", "JPEG", "CMYK", {"exif": b"Exif\0\0" + bytes(4000), "comment": b"\xff\xc0" * 50}),
        ("png", "PNG", "RGBA", {}),
        ("png", "PNG", "P", {}),
        ("webp", "WEBP", "RGB", {}),
        ("webp", "WEBP", "RGB", {"lossless": True}),
        ("webp", "WEBP", "RGBA", {}),
    ],
)
def test_sizes(extension: str, form: str, mode: str, options: dict[str, object]) -> None:
    out = io.BytesIO()
    Image.new(mode, (1027, 258)).save(out, form, **options)
    assert sniff(out.getvalue()) == ImageHeader(extension=extension, width_px=1027, height_px=258)


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_refused(form: str) -> None:
    out = io.BytesIO()
    Image.new("L", (10, 10)).save(out, form)
    with pytest.raises(ValueError, match="no JPEG, PNG or WebP"):
        sniff(out.getvalue())


@pytest.mark.parametrize("data", [b"", b"<svg>", b"<html>", b"\x89PNG", b"RIFF0000AVI "])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no JPEG, PNG or WebP"):
        sniff(data)


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
def test_every_cut_inside_the_header_is_refused(extension: str, picture) -> None:
    whole = picture(3, extension)
    refused = 0
    for length in range(len(whole)):
        try:
            header = sniff(whole[:length])
        except ValueError:
            refused += 1
        else:
            assert header == ImageHeader(extension=extension, width_px=43, height_px=30)
    assert refused > 20


def test_empty_pictures_are_refused(picture) -> None:
    png = bytearray(picture(0, "png"))
    png[16:20] = bytes(4)
    with pytest.raises(ValueError, match="0 x 30 pixels"):
        sniff(bytes(png))
