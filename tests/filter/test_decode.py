"""Do hostile bytes end in a typed drop, and honest ones in the right facts?"""

import hashlib
import io
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from filter.decode import Decoded, DecodeLimits, check_bytes, decode, sniff, to_rgb, to_small_rgb
from filter.looks import uniformity
from filter.verdict import Drop

LIMITS = DecodeLimits(min_bytes=100, max_bytes=2**25, max_pixels=64_000_000)
REASONS = {"image_bytes", "image_format", "image_pixels", "image_corrupt"}


def png_claiming(width_px: int, height_px: int) -> bytes:
    """A small PNG whose header declares any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data
            + struct.pack(">I", zlib.crc32(kind + data))
        )  # fmt: skip

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(200))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
        + bytes(100)
    )  # fmt: skip


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "jpeg"), ("PNG", "png"), ("WEBP", "webp")])
def test_facts(picture, kind, name) -> None:
    body = picture(400, 320, kind=kind)
    decoded = decode(body, LIMITS)
    assert isinstance(decoded, Decoded)
    facts = decoded.facts
    assert (facts.format, facts.width_px, facts.height_px) == (name, 400, 320)
    assert (facts.n_bytes, facts.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert len(facts.phash) == 16
    assert decoded.image.mode == "RGB"


def test_the_shorter_side_decides_how_far_a_jpeg_is_reduced(picture) -> None:
    decoded = decode(picture(2000, 1000), LIMITS)
    assert isinstance(decoded, Decoded)
    assert (decoded.facts.width_px, decoded.facts.height_px) == (2000, 1000)
    assert decoded.image.size == (1000, 500)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "image_bytes"),
        (b"\xff\xd8\xff" + bytes(50), "image_bytes"),
        (b"<!DOCTYPE html><html>" + b" " * 200, "image_format"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><svg xmlns=''>" + b" " * 200, "image_format"),
        (b"GIF89a" + bytes(200), "image_format"),
        (b"BM" + bytes(200), "image_format"),
        (bytes(200), "image_format"),
        (b"\xff\xd8\xff" + bytes(200), "image_corrupt"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "image_corrupt"),
        (b"RIFF\x00\x01\x00\x00WEBPVP8 " + bytes(200), "image_corrupt"),
        (png_claiming(8001, 8000), "image_pixels"),
        (png_claiming(9000, 10000), "image_pixels"),  # over Pillow's own limit: it warns
        (png_claiming(60_000, 60_000), "image_pixels"),  # far over it: it raises
        (png_claiming(400, 400), "image_corrupt"),
    ],
)
def test_drops(body, reason) -> None:
    found = decode(body, LIMITS)
    assert isinstance(found, Drop)
    assert found.reason == reason


def test_too_many_bytes_are_not_decoded(picture) -> None:
    body = picture()
    limits = DecodeLimits(min_bytes=0, max_bytes=len(body) - 1, max_pixels=10**9)
    assert decode(body, limits) == Drop(
        reason="image_bytes", value=len(body), threshold=len(body) - 1
    )
    assert check_bytes(len(body) - 1, limits) is None


def test_the_pixel_limit_is_a_setting(picture) -> None:
    limits = DecodeLimits(min_bytes=0, max_bytes=10**9, max_pixels=400 * 320 - 1)
    assert decode(picture(400, 320), limits) == Drop(
        reason="image_pixels", value=400 * 320, threshold=400 * 320 - 1
    )


def test_pillows_own_limit_holds_whatever_the_setting() -> None:
    limits = DecodeLimits(min_bytes=0, max_bytes=10**9, max_pixels=10**12)
    found = decode(png_claiming(9000, 10000), limits)
    assert isinstance(found, Drop)
    assert found.reason == "image_pixels"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_picture_is_corrupt(picture, kind, share) -> None:
    body = picture(600, 600, kind=kind)
    found = decode(body[: int(len(body) * share)], LIMITS)
    assert isinstance(found, Drop)
    assert found.reason == "image_corrupt"
    assert "0x" not in str(found.value), "an address differs from run to run"


def test_a_png_with_one_wrong_bit_is_corrupt(picture) -> None:
    body = bytearray(picture(600, 600, kind="PNG"))
    body[len(body) // 2] ^= 1
    found = decode(bytes(body), LIMITS)
    assert isinstance(found, Drop)
    assert found.reason == "image_corrupt"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"RIFF____WEBPVP8L", "webp"),
        (b"RIFF____WAVE", "unknown"),
        (b"\x00\x00\x00\x1cftypavif", "avif"),
        (b"  <svg viewBox=''>", "svg"),
        (b"<!-- hello --><html>", "html"),
        (b"II*\x00", "tiff"),
        (b"", "unknown"),
    ],
)
def test_sniff(body, kind) -> None:
    assert sniff(body) == kind


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation) -> None:
    upright = np.zeros((300, 500, 3), np.uint8)
    upright[:60, :90] = 255  # a mark in the upper left corner
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = Image.fromarray(upright)
    for turn in undo.get(orientation, []):
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(encoded(stored, "JPEG", exif=exif, quality=95), LIMITS)
    assert isinstance(decoded, Decoded)
    assert (decoded.facts.width_px, decoded.facts.height_px) == (500, 300)
    pixels = np.asarray(decoded.image)
    assert pixels[20, 30].min() > 200
    assert pixels[280, 470].max() < 50
    assert not decoded.image.getexif()


def test_exif_examples(shared_data) -> None:
    folder = shared_data / "corpora" / "images" / "exif-orientation-examples"
    files = sorted(folder.glob("*.jpg"))
    assert len(files) == 9
    hashes = set()
    for file in files:
        decoded = decode(file.read_bytes(), LIMITS)
        assert isinstance(decoded, Decoded)
        assert (decoded.facts.width_px, decoded.facts.height_px) == (1200, 1800)
        hashes.add(decoded.facts.phash)
    assert len(hashes) == 1, "the nine show the same picture"


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(mode) -> None:
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0)).convert(mode)
    options = {"transparency": 0} if mode == "P" else {}
    decoded = decode(encoded(image, "PNG", **options), LIMITS)
    assert isinstance(decoded, Decoded)
    assert decoded.image.getpixel((200, 200)) == (255, 255, 255)


def test_sixteen_bits_are_shifted_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 400).astype(np.uint16)
    image = Image.fromarray(np.tile(ramp, (400, 1)))
    decoded = decode(encoded(image, "PNG"), LIMITS)
    assert isinstance(decoded, Decoded)
    assert decoded.image.getpixel((200, 200))[0] == pytest.approx(128, abs=2)
    assert decoded.facts.uniformity < 0.2


def test_only_the_first_frame_is_decoded() -> None:
    first = Image.new("RGB", (320, 320), (200, 0, 0))
    later = Image.new("RGB", (320, 320), (0, 0, 200))
    for kind in ("WEBP", "PNG"):
        body = encoded(first, kind, save_all=True, append_images=[later], lossless=True)
        decoded = decode(body, LIMITS)
        assert isinstance(decoded, Decoded)
        assert decoded.image.getpixel((5, 5)) == (200, 0, 0)


def test_cmyk_and_grey_become_rgb() -> None:
    for mode in ("CMYK", "L"):
        decoded = decode(encoded(Image.new(mode, (400, 400)), "JPEG"), LIMITS)
        assert isinstance(decoded, Decoded)
        assert decoded.image.mode == "RGB"


def test_uniformity() -> None:
    assert uniformity(Image.new("RGB", (500, 400), (9, 9, 9))) == 1
    half = Image.new("RGB", (500, 400), (0, 0, 0))
    half.paste((255, 255, 255), (0, 0, 250, 400))
    assert uniformity(half) == pytest.approx(0.5, abs=0.02)
    sky = np.repeat(np.linspace(90, 220, 400)[:, None, None], 500, 1).repeat(3, 2)
    assert uniformity(Image.fromarray(sky.astype(np.uint8))) < 0.2
    assert uniformity(Image.new("RGB", (1, 1))) == 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "I;16", "P"])
def test_bands_are_shrunk_as_the_whole_would_be(mode, monkeypatch) -> None:
    monkeypatch.setattr("filter.decode._BAND_PIXELS", 4096)
    rng = np.random.default_rng(1)
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, (1001, 1403), dtype=np.uint16))
    elif mode == "P":
        image = Image.fromarray(rng.integers(0, 256, (1001, 1403, 3), dtype=np.uint8)).convert("P")
    else:
        bands = {"RGB": (3,), "RGBA": (4,), "L": ()}[mode]
        image = Image.fromarray(rng.integers(0, 256, (1001, 1403, *bands), dtype=np.uint8), mode)
    small = to_small_rgb(image)
    assert small.size == (702, 501)
    assert small.tobytes() == to_rgb(image).reduce(2).tobytes()


def test_webp_gets_a_quarter_of_the_pixels(picture) -> None:
    limits = DecodeLimits(min_bytes=100, max_bytes=2**25, max_pixels=4 * 400 * 320 - 1)
    refused = decode(picture(400, 320, kind="WEBP"), limits)
    assert isinstance(refused, Drop)
    assert (refused.reason, refused.value) == ("image_pixels", 400 * 320)
    assert isinstance(decode(picture(400, 320, kind="PNG"), limits), Decoded)


MEASURED = """
import json, sys, time
from pathlib import Path
from filter.decode import DecodeLimits, decode

limits = DecodeLimits(min_bytes=1, max_bytes=2**25, max_pixels=64_000_000)
for name in sys.stdin.read().splitlines():
    started = time.process_time()
    found = decode(Path(name).read_bytes(), limits)
    cpu_s = time.process_time() - started
    reason = getattr(found, "reason", None)
    mode = found.image.mode if reason is None else None
    # Not ru_maxrss: a child inherits that of the process that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak_mb = int(status["VmHWM"].split()[0]) / 1024
    print(json.dumps([name, reason, mode, cpu_s, peak_mb]))
"""


def measured(files: list[str]) -> list[tuple[str, str | None, str | None, float, float]]:
    """(file, reason, mode, CPU seconds, peak memory so far in MB), in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], input="\n".join(files), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_every_hostile_file_ends_in_facts_or_a_typed_drop(shared_data) -> None:
    """None takes 2 s of CPU, or 512 MB."""
    corpora = shared_data / "corpora" / "images"
    folders = ("pillow-tests", "pngsuite-image-rs")
    files = [f for folder in folders for f in sorted((corpora / folder).rglob("*")) if f.is_file()]
    assert len(files) >= 410
    found = measured([str(file) for file in files])
    assert len(found) == len(files)
    assert {reason for _, reason, *_ in found} <= {None, *REASONS}
    assert {mode for _, reason, mode, *_ in found if reason is None} == {"RGB"}
    assert sum(reason is None for _, reason, *_ in found) > 150
    assert max(cpu_s for *_, cpu_s, _ in found) < 2
    assert found[-1][-1] < 512


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "kind", "side_px"),
    [("RGBA", "PNG", 8000), ("I;16", "PNG", 8000), ("RGBA", "WEBP", 4000)],
)
def test_the_largest_pictures_fit_into_the_memory(tmp_path, mode, kind, side_px) -> None:
    options = {"lossless": True, "method": 0} if kind == "WEBP" else {}
    colour = 4000 if mode == "I;16" else (10, 20, 30, 128)
    body = encoded(Image.new(mode, (side_px, side_px), colour), kind, **options)
    (tmp_path / "large").write_bytes(body)
    ((_, reason, _, _, peak_mb),) = measured([str(tmp_path / "large")])
    assert reason is None
    assert peak_mb < 512
