"""What do the pictures of a set look like, with their texts, on one page?"""

import io
import textwrap
import unicodedata
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont, ImageOps

from shards.aside import publish_bytes
from shards.read import ShardReader
from shards.sample import Sample
from shards.sniff import sniff

_FORMATS: Final = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
_PICTURE_PX: Final = (220, 160)
_GAP_PX: Final = 12
_LINE_PX: Final = 14
_N_LINES: Final = 4
_LINE_CHARS: Final = 38
_MAX_PIXELS: Final = 89_478_485
_PAPER, _INK, _EMPTY = (255, 255, 255), (40, 40, 40), (225, 225, 225)


def write_sheet(folder: Path, out: Path, *, n: int = 30, columns: int = 6) -> int:
    """Writes up to `n` samples to one picture; returns how many.

    They are evenly spaced in key order, hence a fair draw, and the same one every time. Pictures
    are decoded under the limits of a curation run and drawn anew; what cannot be decoded is a grey
    field.

    Raises ValueError when `folder` is no finished set of samples, is empty, or `out` has none of
    the endings .jpg, .png, .webp.
    """
    if out.suffix.lower() not in _FORMATS:
        raise ValueError(f"--sheet {out} must end in .jpg, .png or .webp")
    with ShardReader(folder) as reader:
        n = min(n, len(reader))
        if not n:
            raise ValueError(f"{folder} holds no samples to show")
        shown = [reader.sample(i * len(reader) // n) for i in range(n)]
    columns = min(columns, n)
    width = _PICTURE_PX[0] + _GAP_PX
    height = _PICTURE_PX[1] + _N_LINES * _LINE_PX + _GAP_PX
    sheet = Image.new(
        "RGB", (columns * width + _GAP_PX, -(-n // columns) * height + _GAP_PX), _PAPER
    )
    for place, sample in enumerate(shown):
        at = (_GAP_PX + place % columns * width, _GAP_PX + place // columns * height)
        _draw(sheet, sample, at)
    data = io.BytesIO()
    sheet.save(data, _FORMATS[out.suffix.lower()], quality=85)
    publish_bytes(out, data.getvalue())
    return n


def _draw(sheet: Image.Image, sample: Sample, at: tuple[int, int]) -> None:
    picture = _small(sample.image)
    left = at[0] + (_PICTURE_PX[0] - picture.width) // 2
    sheet.paste(picture, (left, at[1] + (_PICTURE_PX[1] - picture.height) // 2))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    # Pillow's own font has plain letters only.
    plain = unicodedata.normalize("NFKD", sample.text)
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    words = "".join(char if char.isprintable() else " " for char in plain)
    lines = textwrap.wrap(words, _LINE_CHARS, max_lines=_N_LINES, placeholder=" …")
    for number, line in enumerate(lines):
        top = at[1] + _PICTURE_PX[1] + 2 + number * _LINE_PX
        pen.text((at[0], top), line, fill=_INK, font=font)


def _small(image: bytes) -> Image.Image:
    """The picture upright, within its field; a grey field when it cannot be decoded."""
    try:
        header = sniff(image)
        if header.width_px * header.height_px <= _MAX_PIXELS:
            opened = Image.open(io.BytesIO(image), formats=("JPEG", "PNG", "WEBP"))
            opened.draft("RGB", _PICTURE_PX)
            upright = ImageOps.exif_transpose(opened).convert("RGB")
            upright.thumbnail(_PICTURE_PX)
            return upright
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        pass
    return Image.new("RGB", _PICTURE_PX, _EMPTY)
