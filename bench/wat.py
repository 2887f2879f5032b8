"""What does Common Crawl's metadata (WAT) lose against whole pages, and what does it save?

    python bench/wat.py ../shared/data/mainimage [--peer-python PYTHON]

FOLDER holds `gold.jsonl` (lines with `file` and `url`) and `html.tar.xz` with the pages. They are
written to one WARC file and, as Common Crawl's own extractor writes it (ia-web-commons,
ExtractingParseObserver: links with their plain attributes, meta elements, title, base), to one WAT
file. Both are then read into candidates. PYTHON is an interpreter that has cc2dataset 1.5.0: its
reader of WAT files is run over the same file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.wat_records import write
from crawl.candidate import Candidate
from crawl.config import CrawlConfig
from crawl.extract import extract
from crawl.page import Page
from crawl.sources.warc import read_archive
from crawl.sources.wat import read_wat

CONFIG = CrawlConfig(max_page_bytes=2**26)
PEER = """
import sys, time, io, json
from cc2dataset.main import extract_documents_from_wat as read
data = open(sys.argv[1], "rb").read()
best, found = 1e9, []
for _ in range(int(sys.argv[2])):
    start = time.process_time()
    found = list(read(io.BytesIO(data), "image"))
    best = min(best, time.process_time() - start)
print(json.dumps({"seconds": best, "pairs": len(found), "urls": len({f["url"] for f in found})}))
"""


def main() -> int:
    """Write the archives, read them both ways, print what each found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds gold.jsonl and html.tar.xz")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--peer-python", default="", help="an interpreter that has cc2dataset")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        warc, wat = Path(made) / "a.warc.gz", Path(made) / "a.warc.wat.gz"
        n = write(arguments.folder, warc, wat)
        by_warc, warc_s = timed(lambda: list(from_warc(warc)), arguments.rounds)
        by_wat, wat_s = timed(lambda: list(from_wat(wat)), arguments.rounds)
        print(f"{n} pages, best of {arguments.rounds} rounds, one core")
        compare(by_warc, by_wat)
        sizes = [path.stat().st_size for path in (warc, wat)]
        show("bytes of the file", *sizes)
        show("pages per CPU-second", n / warc_s, n / wat_s)
        peer(arguments.peer_python, wat, arguments.rounds, n)
    return 0


def from_warc(path: Path) -> Iterator[Candidate]:
    limit = CONFIG.max_page_bytes
    for item in read_archive(str(path), max_page_bytes=limit, max_image_bytes=limit):
        if isinstance(item, Page):
            yield from extract(item, CONFIG)


def from_wat(path: Path) -> Iterator[Candidate]:
    return (item for item in read_wat(str(path), CONFIG) if isinstance(item, Candidate))


def timed(job: Callable[[], list[Candidate]], rounds: int) -> tuple[list[Candidate], float]:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        found = job()
        best = min(best, time.process_time() - start)
    return found, best


def compare(by_warc: list[Candidate], by_wat: list[Candidate]) -> None:
    both = (by_warc, by_wat)
    print(f"{'':44s}{'WARC':>12s}{'WAT':>12s}{'WAT/WARC':>10s}")
    show("images", *map(len, both))
    known = {(c.page_url, url) for c in by_wat for url in (c.image_url, *c.alternative_urls)}
    shared = sum(
        any((c.page_url, url) in known for url in (c.image_url, *c.alternative_urls))
        for c in by_warc
    )
    show("  of WARC's, known to WAT too", len(by_warc), shared)
    show("texts", *(sum(len(c.texts) for c in found) for found in both))
    rules: list[tuple[str, tuple[str, ...]]] = [
        ("usable: with alt", ("alt",)),
        ("usable: with alt, title, aria or caption", ("alt", "title", "aria", "caption")),
        ("usable: or with running text around it",
         ("alt", "title", "aria", "caption", "surrounding")),
    ]  # fmt: skip
    for name, sources in rules:
        show(name, *(usable(found, sources) for found in both))
    main = [{c.page_url: c for c in found if c.is_main} for found in both]
    show("pages with a main image", *map(len, main))
    same = sum(
        url in main[1]
        and not {c.image_url, *c.alternative_urls}.isdisjoint(
            (main[1][url].image_url, *main[1][url].alternative_urls)
        )
        for url, c in main[0].items()
    )
    show("  WAT's choice is WARC's", len(main[0]), same)


def usable(found: Iterable[Candidate], sources: tuple[str, ...]) -> int:
    return sum(any(text.source in sources for text in c.texts) for c in found)


def show(name: str, warc: float, wat: float) -> None:
    print(f"{name:44s}{warc:12,.0f}{wat:12,.0f}{wat / warc:10.2f}")


def peer(python: str, wat: Path, rounds: int, n: int) -> None:
    if not python:
        print("cc2dataset: not run; give --peer-python an interpreter that has it")
        return
    done = subprocess.run(
        [python, "-c", PEER, str(wat), str(rounds)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"cc2dataset: failed: {done.stderr.strip().splitlines()[-1]}")
        return
    found = json.loads(done.stdout.splitlines()[-1])
    rate = n / found["seconds"]
    pairs = f"{found['pairs']:,} pairs of alt and {found['urls']:,} different URLs"
    print(f"cc2dataset on the same WAT: {pairs}, {rate:,.0f} pages per CPU-second")


if __name__ == "__main__":
    sys.exit(main())
