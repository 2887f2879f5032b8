"""What are the pages in saved HTML files, one or a folder of them?"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crawl.damage import Damage
from crawl.page import Page
from crawl.sources.saved_from import saved_from
from crawl.url import normalise

_HTML: Final = (".html", ".htm", ".xhtml", ".xht")
_LISTS: Final = (".jsonl", ".csv")
_MAX_LINE_BYTES: Final = 64 * 2**10


def read_page(path: str, url: str) -> Page:
    """Read a saved HTML document.

    Args:
        path: The file; it becomes the page's `file`.
        url: The absolute http(s) URL the document was fetched from: relative URLs need it.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: `url` is no absolute http(s) URL, or `path` is a folder.
    """
    address = normalise(url, "")
    if address is None:
        raise ValueError(
            f"{url!r} is no absolute http or https URL; give the page's own with --url"
        )
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder, not a saved page")
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist; name a saved HTML page")
    return _page(path, address, Path(path).read_bytes())


def _page(path: str, url: str, body: bytes) -> Page:
    return Page(
        url=url,
        body=body,
        headers=(),
        fetched_at="",
        file=path,
        offset=0,
        digest=hashlib.sha256(body).hexdigest(),
    )


def read_folder(
    folder: str, urls: str = "", *, guess_urls: bool = False, max_page_bytes: int
) -> Iterator[Page | Damage]:
    """Read every saved HTML document of a folder and the folders in it.

    A line of the list that cannot be used and a document without a URL are `Damage`, with the file
    and the byte at which the line begins: nothing disappears unexplained.

    Args:
        folder: Documents are its files named `.html`, `.htm`, `.xhtml`, `.xht`.
        urls: A list that says where each was fetched from: lines `{"file", "url"}` (`.jsonl`) or a
            table with these columns (`.csv`), files relative to the folder. '' for none.
        guess_urls: Where the list has no URL, believe the document: the browser's "saved from"
            comment, then its canonical link, then og:url. A page may lie about them.
        max_page_bytes: Larger documents are not read.

    Yields:
        The list's pages in its order, then the others by name.

    Raises:
        FileNotFoundError: There is no such folder or list.
        ValueError: `folder` is a file, or there is neither a list nor leave to guess.
    """
    root = Path(folder)
    if not root.exists():
        raise FileNotFoundError(f"{folder} does not exist; name a folder of saved HTML pages")
    if not root.is_dir():
        raise ValueError(f"{folder} is a file; name a folder of saved HTML pages")
    if not urls and not guess_urls:
        raise ValueError(f"{folder}: where were its pages fetched from? Give a list of file, url")
    reader = _Folder(root=root, max_page_bytes=max_page_bytes)
    listed: set[Path] = set()
    for line in _lines(Path(urls)) if urls else ():
        if isinstance(line, Damage):
            yield line
            continue
        path = root / line.file
        item = reader.read(path, line.url)
        if isinstance(item, Page):
            listed.add(path.resolve())
        yield item if isinstance(item, Page) else line.damage(urls, item)
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() in _HTML and path.is_file() and path.resolve() not in listed:
            item = reader.read(path, None if guess_urls else "")
            yield item if isinstance(item, Page) else Damage(file=str(path), offset=0, **item)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One usable line of a list."""

    number: int
    offset: int
    file: str
    url: str

    def damage(self, urls: str, problem: dict[str, str]) -> Damage:
        detail = f"line {self.number}, {self.file[:200]}: {problem['detail']}"
        return Damage(file=urls, offset=self.offset, reason=problem["reason"], detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    root: Path
    max_page_bytes: int

    def read(self, path: Path, url: str | None) -> Page | dict[str, str]:
        """A document, or reason and detail; its URL is what it says of itself if `url` is None."""
        try:
            return self._read(path, url)
        except (OSError, ValueError) as error:  # no permission; a name that no file can have
            return {"reason": "unreadable", "detail": " ".join(str(error).split())[:200]}

    def _read(self, path: Path, url: str | None) -> Page | dict[str, str]:
        if not path.resolve().is_relative_to(self.root.resolve()):
            return {"reason": "outside", "detail": "the file is not in the folder"}
        if not path.is_file():
            return {"reason": "not_found", "detail": "there is no such file"}
        with path.open("rb") as file:
            body = file.read(self.max_page_bytes + 1)
        if len(body) > self.max_page_bytes:
            detail = f"page is over {self.max_page_bytes} bytes"
            return {"reason": "body_too_large", "detail": detail}
        address = normalise(saved_from(body) if url is None else url, "")
        if address is None:
            detail = f"{url[:200]!r} is no absolute http or https URL" if url else "no URL is known"
            return {"reason": "no_url", "detail": detail}
        return _page(str(path), address, body)


def _lines(urls: Path) -> Iterator[_Line | Damage]:
    """The lines of a list; those that cannot be read as damage."""
    if not urls.exists():
        raise FileNotFoundError(f"{urls} does not exist; it lists the files and their URLs")
    if urls.suffix not in _LISTS:
        raise ValueError(f"{urls} is no list of files and URLs: name it .jsonl or .csv")
    columns: list[str] | None = None
    offset = 0
    with urls.open("rb") as file:
        number = 0
        while raw := file.readline(_MAX_LINE_BYTES):
            number += 1
            start, offset = offset, offset + len(raw)
            try:
                text = raw.decode("utf-8-sig" if start == 0 else "utf-8").strip()
                if not text:
                    continue
                if urls.suffix == ".jsonl":
                    record: Any = json.loads(text)
                elif columns is None:
                    columns = next(csv.reader(io.StringIO(text)))
                    continue
                else:
                    record = dict(zip(columns, next(csv.reader(io.StringIO(text))), strict=True))
                name, url = record["file"], record["url"]
                if not (isinstance(name, str) and isinstance(url, str) and name):
                    raise ValueError("file and url have to be texts")
            except (ValueError, LookupError, TypeError, RecursionError, csv.Error) as error:
                detail = f"line {number}: " + " ".join(f"{type(error).__name__} {error}".split())
                yield Damage(file=str(urls), offset=start, reason="bad_line", detail=detail[:300])
            else:
                yield _Line(number=number, offset=start, file=name, url=url)
