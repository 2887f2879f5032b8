"""How fast, how complete and how frugal is extraction, beside what it is built on and its peers?

Usage: python bench/extract.py FOLDER [--peers VENV] [--rounds N]

FOLDER holds saved HTML files. In one run, on one core, the median of several rounds:

- pages per CPU-second of `lait.extract` (every image, all texts, features, main image, language),
  a bare lxml parse and BeautifulSoup on lxml listing the images; with `--peers`, a virtual
  environment that holds them, also of a bare lexbor parse (`pip install selectolax`) and of
  trafilatura (`pip install trafilatura lxml_html_clean`);
- usable pairs (an image with a usable URL and a text of its own) against the rule of LAION, a
  real `src` and an `alt` that is not empty, on the same pages;
- peak memory after reading the folder once, and twenty times.
"""

import argparse
import gc
import hashlib
import importlib
import multiprocessing
import resource
import statistics
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lxml.html
from bs4 import BeautifulSoup

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crawl.charset import to_utf8
from crawl.config import CrawlConfig
from crawl.dom import parse
from crawl.extract import extract
from crawl.head import read_head
from crawl.page import Page
from crawl.url import normalise

URL = "https://example.org/a/page.html"
OWN = ("alt", "title", "aria", "caption", "linked_data", "cell")
"""Sources of texts that a page gives one image alone; `link` is counted apart."""
CONFIG = CrawlConfig(max_page_bytes=2**30)
Job = Callable[[Page], object]


def main() -> int:
    """Run the comparisons and print them."""
    warnings.filterwarnings("ignore", module="__main__")  # BeautifulSoup's advice on odd markup
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of saved HTML files")
    parser.add_argument(
        "--peers", type=Path, help="virtual environment with trafilatura, selectolax"
    )
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many counts")
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.folder.rglob("*") if path.suffix in (".html", ".htm"))
    if not files:
        print(f"{arguments.folder} holds no .html files", file=sys.stderr)
        return 2
    pages = [_page(path) for path in files]
    mean_kb = sum(len(page.body) for page in pages) / len(pages) / 1000
    print(f"{len(pages)} pages, mean {mean_kb:.0f} kB, median of {arguments.rounds} rounds")
    rates = _rates({**_own_jobs(), **_peers(arguments.peers)}, pages, arguments.rounds)
    for name, rate in rates.items():
        ratio = rates["lait.extract"] / rate
        print(f"{name:34s} {rate:8.1f} pages/CPU-s   lait is {ratio:5.2f}x")
    _print_usable(pages)
    once, often = (_peak_mb(files, n) for n in (1, 20))
    print(f"peak memory: {once:.0f} MB after one pass, {often:.0f} MB after twenty")
    return 0


def _page(path: Path) -> Page:
    body = path.read_bytes()
    return Page(
        url=URL,
        body=body,
        headers=(),
        fetched_at="",
        file=path.name,
        offset=0,
        digest=hashlib.sha256(body).hexdigest(),
    )


def _own_jobs() -> dict[str, Job]:
    return {
        "lait.extract": lambda page: extract(page, CONFIG),
        "bare lxml parse": lambda page: lxml.html.document_fromstring(page.body),
        "bs4+lxml find_all('img')": lambda page: BeautifulSoup(page.body, "lxml").find_all("img"),
    }


def _peers(venv: Path | None) -> dict[str, Job]:
    """What the environment of the peers holds; it must be of this version of Python."""
    if venv is None:
        return {}
    sys.path += map(str, venv.glob("lib/python3.*/site-packages"))
    jobs: dict[str, Job] = {}
    try:
        lexbor: Any = importlib.import_module("selectolax.lexbor")
        jobs["bare lexbor parse"] = lambda page: lexbor.LexborHTMLParser(page.body)
    except ImportError as error:
        print(f"no lexbor: {error}", file=sys.stderr)
    try:
        peer: Any = importlib.import_module("trafilatura")
        jobs["trafilatura.extract, images"] = lambda p: peer.extract(p.body, include_images=True)
        jobs["trafilatura, images and metadata"] = lambda p: peer.bare_extraction(
            p.body, include_images=True, with_metadata=True
        )
    except ImportError as error:
        print(f"no trafilatura: {error}", file=sys.stderr)
    return jobs


def _rates(jobs: dict[str, Job], pages: list[Page], rounds: int) -> dict[str, float]:
    """Pages per CPU-second of each job; the rounds alternate, so that a busy hour hits all."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            gc.collect()
            start = time.process_time()
            for page in pages:
                job(page)
            times[name].append(time.process_time() - start)
    return {name: len(pages) / statistics.median(taken) for name, taken in times.items()}


def _print_usable(pages: list[Page]) -> None:
    rule = sum(len(set(_by_rule(page))) for page in pages)
    n_candidates = n_own = n_linked = 0
    sources: Counter[str] = Counter()
    for page in pages:
        for candidate in extract(page, CONFIG):
            found = {text.source for text in candidate.texts}
            own = [source for source in OWN if source in found]
            n_candidates += 1
            n_own += bool(own)
            n_linked += bool(own) or "link" in found
            sources.update([*own, *(["link"] if "link" in found else [])])
    print(f"usable pairs: {rule} by the rule 'real src and non-empty alt' (distinct in their page)")
    for count, what in ((n_own, "own texts"), (n_linked, "own texts or the text of their link")):
        print(f"  {count} of {n_candidates} candidates by {what}: {count / rule - 1:+.1%}")
    print("  with a text from: " + ", ".join(f"{k} {n}" for k, n in sources.most_common()))


def _by_rule(page: Page) -> Iterator[str]:
    """URLs of the images that have a real `src` and an `alt` that is not empty."""
    root = parse(to_utf8(page.body, "")[0])
    base = read_head(root, page.url).base
    for image in root.iter("img"):
        if (image.get("alt") or "").strip() and (url := normalise(image.get("src") or "", base)):
            yield url


def _peak_mb(files: list[Path], passes: int) -> float:
    """Peak memory of a fresh process that reads the files so many times."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_read_all, (files, passes))


def _read_all(files: list[Path], passes: int) -> float:
    for _ in range(passes):
        for path in files:
            extract(_page(path), CONFIG)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
