"""How many pages does extraction read in a CPU-second, beside what it is built on and its peers?

Usage: python bench/extract.py FOLDER [--rounds N]

FOLDER holds saved HTML files. Prints pages per CPU-second on one core, all in one run:
`lait.extract` (every image, all texts, features, main image, language), a bare lxml parse, and
BeautifulSoup on lxml listing the images (the way many pipelines do it).
"""

import argparse
import gc
import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import lxml.html
from bs4 import BeautifulSoup

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crawl.config import CrawlConfig
from crawl.extract import extract
from crawl.page import Page


def main() -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of saved HTML files")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many rounds counts")
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.folder.rglob("*") if path.suffix in (".html", ".htm"))
    if not files:
        print(f"{arguments.folder} holds no .html files", file=sys.stderr)
        return 2
    pages = [_page(path) for path in files]
    mean_kb = sum(len(page.body) for page in pages) / len(pages) / 1000
    print(f"{len(pages)} pages, mean {mean_kb:.0f} kB, best of {arguments.rounds} rounds")
    config = CrawlConfig(max_page_bytes=2**30)
    candidates = sum(len(extract(page, config)) for page in pages)
    jobs: list[tuple[str, Callable[[Page], object]]] = [
        ("lait.extract", lambda page: extract(page, config)),
        ("bare lxml parse", lambda page: lxml.html.document_fromstring(page.body)),
        ("bs4+lxml find_all('img')", _images_by_soup),
    ]
    rates = {name: _rate(job, pages, arguments.rounds) for name, job in jobs}
    for name, rate in rates.items():
        ratio = rates["lait.extract"] / rate
        print(f"{name:26s} {rate:8.1f} pages/CPU-s   lait is {ratio:5.2f}x")
    print(f"{candidates} candidates, {candidates / len(pages):.1f} a page")
    return 0


def _page(path: Path) -> Page:
    body = path.read_bytes()
    return Page(
        url="https://example.org/a/page.html",
        body=body,
        headers=(),
        fetched_at="",
        file=path.name,
        offset=0,
        digest=hashlib.sha256(body).hexdigest(),
    )


def _images_by_soup(page: Page) -> list[object]:
    return list(BeautifulSoup(page.body, "lxml").find_all("img"))


def _rate(job: Callable[[Page], object], pages: list[Page], rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        start = time.process_time()
        for page in pages:
            job(page)
        best = min(best, time.process_time() - start)
    return len(pages) / best


if __name__ == "__main__":
    sys.exit(main())
