"""Are pictures decoded to the pixels that Pillow sees, and bombs not at all?"""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shards import pixels
from shards.pixels import to_tensor
from shards.sample import Sample


@pytest.fixture(params=["libjpeg-turbo", "Pillow alone"], autouse=True)
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds with the fast decoder and without it."""
    if request.param == "Pillow alone":
        monkeypatch.setattr(pixels, "_decoder", lambda: None)
    else:
        pytest.importorskip("simplejpeg")


def sample(image: bytes, extension: str) -> Sample:
    return Sample(key="k" * 32, image=image, extension=extension, text="", record="{}")


def by_pillow(image: bytes) -> torch.Tensor:
    rgb = np.array(Image.open(io.BytesIO(image)).convert("RGB"))
    return torch.from_numpy(rgb).permute(2, 0, 1)


def encoded(mode: str, extension: str, **options: object) -> bytes:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (61, 83, 4), dtype=np.uint8))
    out = io.BytesIO()
    kind = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[extension]
    picture.convert(mode).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Palette images with Transparency:UserWarning")
@pytest.mark.parametrize(
    ("mode", "extension", "options"),
    [
        ("RGB", "jpg", {}),
        ("RGB", "jpg", {"progressive": True, "quality": 30}),
        ("RGB", "jpg", {"subsampling": 0}),
        ("L", "jpg", {}),
        ("CMYK", "jpg", {}),
        ("RGB", "png", {}),
        ("RGBA", "png", {}),
        ("P", "png", {}),
        ("1", "png", {}),
        ("RGB", "webp", {}),
        ("RGBA", "webp", {"lossless": True}),
    ],
)
def test_pixels_are_those_of_pillow(mode: str, extension: str, options: dict[str, object]) -> None:
    image = encoded(mode, extension, **options)
    found = to_tensor(sample(image, extension))
    assert found.dtype == torch.uint8
    assert found.shape == (3, 61, 83)
    assert torch.equal(found, by_pillow(image))


def test_real_jpegs_are_those_of_pillow(shared_data: Path) -> None:
    files = sorted((shared_data / "corpora" / "images" / "pillow-tests").rglob("*.jp*g"))
    n_alike = 0
    for file in files:
        image = file.read_bytes()
        try:
            expected = by_pillow(image)
        except (OSError, SyntaxError, Warning):
            continue
        try:
            found = to_tensor(sample(image, "jpg"))
        except ValueError:
            continue
        assert torch.equal(found, expected), file
        n_alike += 1
    assert n_alike > 20


@pytest.mark.parametrize(
    ("min_side_px", "size"),
    [(None, (480, 640)), (300, (480, 640)), (240, (240, 320)), (100, (120, 160)), (1, (60, 80))],
)
def test_a_smaller_picture_is_decoded_smaller(min_side_px: int | None, size) -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(out, "JPEG")
    found = to_tensor(sample(out.getvalue(), "jpg"), min_side_px=min_side_px)
    assert tuple(found.shape) == (3, *size)
    drafted = Image.open(io.BytesIO(out.getvalue()))
    drafted.draft("RGB", size[::-1])
    assert torch.equal(found, torch.from_numpy(np.array(drafted)).permute(2, 0, 1))
    whole = by_pillow(out.getvalue()).float().mean()
    assert abs(found.float().mean() - whole) < 1


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize(
    ("image", "extension", "match"),
    [
        (png_header(50_000, 50_000), "png", "at most 89478485 pixels"),
        (png_header(5, 5), "png", "cannot be decoded"),
        (b"GIF89a" + bytes(40), "jpg", "it is no JPEG, PNG or WebP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "jpg", "it is no JPEG, PNG or WebP"),
        (b"", "jpg", "it is no JPEG, PNG or WebP"),
    ],
)
def test_bombs_and_strangers_are_refused(image: bytes, extension: str, match: str) -> None:
    with pytest.raises(ValueError, match=f"sample k+: .*{match}"):
        to_tensor(sample(image, extension))


@pytest.mark.parametrize("extension", ["jpg", "png", "webp"])
def test_damage_is_an_error_and_not_grey(extension: str) -> None:
    image = encoded("RGB", extension)
    with pytest.raises(ValueError, match="cannot be decoded"):
        to_tensor(sample(image[: len(image) // 2], extension))


def test_the_extension_must_be_true() -> None:
    with pytest.raises(ValueError, match="a png of 83 x 61 pixels under the extension jpg"):
        to_tensor(sample(encoded("RGB", "png"), "jpg"))
    with pytest.raises(ValueError, match="at most 5062 pixels"):
        to_tensor(sample(encoded("RGB", "png"), "png"), max_pixels=83 * 61 - 1)
