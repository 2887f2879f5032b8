"""How does anything get from a crawl into a reviewer's browser without coming alive there?

Crawled words are hostile, and a notebook that has just run is trusted: nothing would stop a script
in a caption. So three things hold, each enough by itself: every string passes `text`, which leaves
characters and no markup; a picture is pixels that we encoded; and the page lies in a frame without
rights (sandbox), under a policy that forbids scripts and requests.
"""

import base64
import html
import io
import re
from dataclasses import dataclass

from PIL import Image

MAX_SIDE_PX = 320
"""A larger thumbnail was not made by us."""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that turn the reading direction of what follows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Html:
    """A piece of HTML that a notebook shows; it names itself where only text can be shown."""

    name: str
    markup: str

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def _repr_html_(self) -> str:
        return self.markup


def text(value: object, *, max_chars: int = 2000) -> str:
    """`value` as characters alone: markup escaped, unseen characters written out, length bounded.

    Safe between tags and inside a quoted attribute.
    """
    words = str(value)
    shown = _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", words[:max_chars])
    rest = f" … {len(words) - max_chars:,} more characters" if len(words) > max_chars else ""
    return html.escape(shown + rest, quote=True)


def data_url(thumbnail: bytes) -> str | None:
    """A JPEG as a data: URL, decoded and encoded again here; None when it is no small JPEG.

    The picture's own URL is never used: it would tell its host who reviews what, and it can change.
    """
    try:
        with Image.open(io.BytesIO(thumbnail), formats=("JPEG",)) as image:
            if image.format != "JPEG" or max(image.size) > MAX_SIDE_PX:
                return None
            pixels = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    out = io.BytesIO()
    pixels.save(out, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def document(title: str, style: str, body: str) -> str:
    """A whole page of its own that may run nothing and ask for nothing."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{text(title)}</title><style>{style}</style></head><body>{body}</body></html>"
    )


def sandboxed(name: str, page: str, *, height_px: int) -> Html:
    """The page in a frame without any right: no script, no form, no link out, no origin."""
    frame = (
        f'<iframe sandbox="" referrerpolicy="no-referrer" title="{text(name)}" '
        f'srcdoc="{html.escape(page, quote=True)}" '
        f'style="width:100%;height:{height_px}px;border:1px solid #d0d4da"></iframe>'
    )
    return Html(name=name, markup=frame)
