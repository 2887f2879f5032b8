"""Which image does another extraction tool put first? Runs in an environment that has the tool.

Reads a JSON list of {"file", "url"} on standard input, writes the list of image URLs or nulls.
"""

import contextlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _trafilatura() -> Callable[[str, str], str | None]:
    import trafilatura  # type: ignore[import-not-found]

    def first(html: str, url: str) -> str | None:
        # Its metadata name the hint; without one, the first image of its extract.
        found: Any = trafilatura.bare_extraction(
            html, url=url, include_images=True, with_metadata=True
        )
        image = getattr(found, "image", None) if found else None
        if image or found is None:
            return image
        graphic = found.body.find(".//graphic") if found.body is not None else None
        return graphic.get("src") if graphic is not None else None

    return first


def _readability() -> Callable[[str, str], str | None]:
    import lxml.html
    from readability import Document  # type: ignore[import-not-found]

    def first(html: str, url: str) -> str | None:
        summary = lxml.html.fromstring(Document(html, url=url).summary())
        return next((src for image in summary.iter("img") if (src := image.get("src"))), None)

    return first


def _newspaper4k() -> Callable[[str, str], str | None]:
    import lxml.html
    import newspaper  # type: ignore[import-not-found]
    import newspaper.extractors.image_extractor as images  # type: ignore[import-not-found]

    sizes: dict[str, tuple[int, int]] = {}

    def is_large(_self: object, url: str, _referer: str | None) -> bool:
        # It would fetch each image to measure it; the size the page declares stands in, and where
        # none is declared only what is never a photograph is small.
        width, height = sizes.get(url, (0, 0))
        if width or height:
            return width >= 300 and (height >= 200 or not height)
        return not url.partition("?")[0].lower().endswith((".gif", ".svg", ".ico"))

    images.ImageExtractor._check_image_size = is_large

    def first(html: str, url: str) -> str | None:
        sizes.clear()
        for image in lxml.html.fromstring(html.encode()).iter("img"):
            declared = [re.sub(r"\D.*", "", image.get(name, "")) for name in ("width", "height")]
            width, height = (int(text[:5] or 0) for text in declared)
            sizes[image.get("src", "")] = width, height
        article = newspaper.Article(url, fetch_images=True)
        article.download(input_html=html)
        article.parse()
        return article.top_image or None

    return first


def main() -> int:
    """Answer for one tool."""
    tools = {
        "trafilatura": _trafilatura,
        "readability": _readability,
        "newspaper4k": _newspaper4k,
    }
    first = tools[sys.argv[1]]()
    answers: list[str | None] = []
    for job in json.load(sys.stdin):
        html = Path(job["file"]).read_bytes().decode("utf-8", "replace")
        answer = None
        with contextlib.suppress(Exception), contextlib.redirect_stdout(sys.stderr):
            answer = first(html, job["url"])
        answers.append(answer)
    json.dump(answers, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
