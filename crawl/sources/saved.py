"""How does a folder of saved pages stand where an archive stands?"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from crawl.damage import Damage
from crawl.page import Page
from crawl.sources.files import read_folder
from crawl.sources.storage import is_remote, local_path

LISTS: Final = ("pages.jsonl", "pages.csv")
"""What a list in the folder is called that says where its files were fetched from."""


def is_saved_folder(path: str) -> bool:
    """Whether a path is a folder of this machine: its saved pages are read, not an archive."""
    return not is_remote(path) and Path(local_path(path)).is_dir()


def read_saved(folder: str, *, guess_urls: bool, max_page_bytes: int) -> Iterator[Page | Damage]:
    """Read the saved pages of a folder, as `files.read_folder` does with the list that lies in it.

    A page that would be taken for another one, with its file name and its URL, is damage: pages are
    known by both.

    Args:
        folder: Holds `pages.jsonl` or `pages.csv`, or leave to guess is given.
        guess_urls: Believe pages that no list names about their own address.
        max_page_bytes: Larger documents are not read.

    Raises:
        ValueError: There is no list, and no leave to guess.
    """
    path = local_path(folder).rstrip("/") or "/"
    listed = next((str(Path(path) / n) for n in LISTS if (Path(path) / n).is_file()), "")
    if not listed and not guess_urls:
        raise ValueError(
            f"{folder}: where were its pages fetched from? Put a {LISTS[0]} with lines "
            '{"file": ..., "url": ...} into the folder, or believe the pages with '
            "--set crawl.guess_urls=true"
        )
    known: set[tuple[str, str]] = set()
    for item in read_folder(path, listed, guess_urls=guess_urls, max_page_bytes=max_page_bytes):
        if isinstance(item, Page):
            key = (item.file.rsplit("/", 1)[-1], item.url)
            if key in known:
                detail = f"another file of this name was saved from {item.url[:200]}"
                yield Damage(file=item.file, offset=0, reason="twice", detail=detail)
                continue
            known.add(key)
        yield item


def digest_saved(folder: str, *, guess_urls: bool, max_page_bytes: int) -> tuple[int, str]:
    """Bytes and SHA-256 of all that is read of a folder, wherever it lies; raises as `read_saved`.

    Raises:
        ValueError: Also when it holds no page that can be read.
    """
    n_bytes = n_pages = 0
    sha256 = hashlib.sha256()
    root = local_path(folder).rstrip("/") + "/"
    for item in read_saved(folder, guess_urls=guess_urls, max_page_bytes=max_page_bytes):
        facts = [item.file.removeprefix(root)]
        if isinstance(item, Page):
            n_pages += 1
            n_bytes += len(item.body)
            facts += [item.url, item.digest]
        else:
            facts += [str(item.offset), item.reason]
        sha256.update("\n".join([*facts, ""]).encode("utf-8", "surrogateescape"))
    if not n_pages:
        raise ValueError(f"{folder} holds no saved page that could be read")
    return n_bytes, sha256.hexdigest()
