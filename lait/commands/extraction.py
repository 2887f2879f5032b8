"""How does a person see what extraction makes of a page?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lait import screen

if TYPE_CHECKING:
    from crawl.candidate import Candidate

EPILOG = """Examples:

  lait extract saved.html --url https://example.org/story

  lait extract saved.html --url https://example.org/story --json | jq .main_image

  lait extract --pages pages.jsonl --out candidates.jsonl
"""


def register(app: typer.Typer) -> None:
    """Put `extract` on the command line."""
    app.command(epilog=EPILOG)(extract)


def extract(
    page: Annotated[Path | None, typer.Argument(help="A saved HTML page.")] = None,
    url: Annotated[str, typer.Option(help="The address the page was saved from.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
    pages: Annotated[
        Path | None, typer.Option(help='Many pages: lines {"file", "url"}, file relative to it.')
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the lines for --pages go.")] = None,
) -> None:
    """Show a page's images, all the words around each, and which image the page is about."""
    if pages is not None:
        if page is not None or out is None:
            raise ValueError("--pages takes no PAGE and needs --out FILE")
        _extract_many(pages, out)
    elif page is None or not url:
        raise ValueError("give a PAGE and its --url, or --pages FILE and --out FILE")
    elif as_json:
        screen.out.print_json(json.dumps(_record(page.name, _candidates(page, url))))
    else:
        _show(_candidates(page, url), url)


def _candidates(page: Path, url: str) -> "tuple[Candidate, ...]":
    from crawl.config import CrawlConfig
    from crawl.extract import extract as extract_page
    from crawl.sources.files import read_page

    return extract_page(read_page(str(page), url), CrawlConfig())


def _record(file: str, candidates: "tuple[Candidate, ...]") -> dict[str, Any]:
    """One page as JSON: its main image, and every image with score and texts."""
    return {
        "file": file,
        "main_image": next((c.image_url for c in candidates if c.is_main), None),
        "candidates": [
            {
                "image_url": candidate.image_url,
                "score": candidate.main_score,
                "alt": candidate.text("alt"),
                "title": candidate.text("title"),
                "caption": candidate.text("caption"),
                "surrounding": " ".join(
                    text.text for text in candidate.texts if text.source == "surrounding"
                ),
                "texts": [{"source": t.source, "text": t.text} for t in candidate.texts],
            }
            for candidate in candidates
        ],
    }


def _show(candidates: "tuple[Candidate, ...]", url: str) -> None:
    """One row a text; an image without any words still has its row."""
    rows: list[tuple[object, ...]] = []
    for candidate in candidates:
        words: list[tuple[str, str]] = [(text.source, text.text) for text in candidate.texts]
        words = words or [("", "")]
        main = "main" if candidate.is_main else ""
        rows.append((main, candidate.main_score, candidate.image_url, *words[0]))
        rows.extend(("", None, "", *rest) for rest in words[1:])
    language = f"language of the page: {candidates[0].language}" if candidates else "no images"
    columns = ("", "#score", "image", "source", "text")
    screen.out.print(screen.table(f"Images of {url}", columns, rows, note=language))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file, url) of each line; the error names the line that cannot be used."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
                yield str(entry["file"]), str(entry["url"])
            except (ValueError, TypeError, KeyError):
                raise ValueError(
                    f'--pages {path} line {number}: expected {{"file": ..., "url": ...}}, '
                    f"got {line.strip()[:80]!r}"
                ) from None


def _extract_many(pages: Path, out: Path) -> None:
    """Every line or none: the output appears under its name only when it is whole."""
    entries = list(_lines(pages))
    aside = out.with_name(f".{out.name}.tmp")
    with screen.meter("pages") as meter, aside.open("w", encoding="utf-8") as lines:
        for done, (file, url) in enumerate(entries, start=1):
            record = _record(file, _candidates(pages.parent / file, url))
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
            meter(done, len(entries))
    aside.replace(out)
