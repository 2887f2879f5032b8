"""How fast are archives read, beside the bare readers; is memory flat; do two workers help?

Usage: python bench/archives.py ARCHIVE [--copies N] [--rounds N]

ARCHIVE is a WARC file of one gzip member a record. Copies of it, one after the other, make the file
that is read. Prints, all in one run:
  - megabytes of the file and of its content per CPU-second: `lait` (every record checked to its
    last byte, pages hashed, images found), and bare iteration by fastwarc and by warcio;
  - the peak memory of a process that reads 1 copy and of one that reads 20 times as much;
  - CPU-seconds to read one large file and extract its pages, by one process and by two that share
    its parts (their slower one decides; says what cutting costs, whatever else the machine does);
  - the same on Beam by 1 and by 2 workers, as time on the clock: look at it on an idle machine.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from fastwarc.warc import ArchiveIterator
from warcio.archiveiterator import ArchiveIterator as WarcioIterator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crawl.config import CrawlConfig
from crawl.extract import extract
from crawl.page import Page
from crawl.sources.parts import parts
from crawl.sources.warc import read_archive, read_part
from crawl.transforms import CANDIDATES, PAGES, ExtractCandidates, ReadArchives

MEMORY_FACTOR = 20
N_PARTS = 16
LIMIT = 32 * 2**20


def main() -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, help="a WARC file, a gzip member a record")
    parser.add_argument("--copies", type=int, default=20, help="how often it is repeated")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many rounds counts")
    parser.add_argument("--read", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--share", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        print(sum(1 for _ in _lait(arguments.archive)), _peak_kb())
        return 0
    if arguments.share:
        print(_share(arguments.archive, *arguments.share))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.warc.gz"
        large.write_bytes(arguments.archive.read_bytes() * arguments.copies)
        _speed(large, arguments.rounds)
        _memory(arguments.archive, Path(folder) / "huge.warc.gz")
        _shares(large)
        _workers(large)
    return 0


def _lait(path: Path) -> Iterable[object]:
    return read_archive(str(path), max_page_bytes=LIMIT, max_image_bytes=LIMIT)


def _fastwarc(path: Path) -> Iterable[Any]:
    return ArchiveIterator(path.open("rb"), parse_http=False)


def _warcio(path: Path) -> Iterable[Any]:
    return WarcioIterator(path.open("rb"))


def _speed(path: Path, rounds: int) -> None:
    content_mb = sum(record.content_length for record in _fastwarc(path)) / 1e6
    file_mb = path.stat().st_size / 1e6
    pages = sum(isinstance(item, Page) for item in _lait(path))
    print(f"{file_mb:.0f} MB, {content_mb:.0f} MB of content, {pages} pages; best of {rounds}")
    readers: dict[str, Callable[[Path], Iterable[Any]]] = {
        "lait": _lait,
        "fastwarc, bare": _fastwarc,
        "warcio, bare": _warcio,
    }
    seconds = {name: _seconds(reader, path, rounds) for name, reader in readers.items()}
    for name, spent in seconds.items():
        ratio = spent / seconds["lait"]
        print(
            f"{name:16s} {file_mb / spent:7.1f} MB of file, {content_mb / spent:7.1f} MB of "
            f"content a CPU-s   lait is {ratio:5.2f}x"
        )


def _seconds(reader: Callable[[Path], Iterable[Any]], path: Path, rounds: int) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _record in reader(path):
            pass
        best = min(best, time.process_time() - start)
    return best


def _memory(archive: Path, huge: Path) -> None:
    with huge.open("wb") as file:
        for _ in range(MEMORY_FACTOR):
            file.write(archive.read_bytes())
    for path, times in ((archive, 1), (huge, MEMORY_FACTOR)):
        n_items, peak_kb = _child(path, "--read")
        print(f"{times:3d}x: {n_items} items, peak memory {int(peak_kb) / 1024:.0f} MB")


def _peak_kb() -> int:
    """Peak resident memory of this process."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0])


def _child(path: Path, *options: str) -> list[str]:
    command = [sys.executable, __file__, str(path), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def _config(path: Path) -> CrawlConfig:
    return CrawlConfig(part_bytes=max(path.stat().st_size // N_PARTS, 1))


def _share(path: Path, number: int, count: int) -> float:
    """CPU-seconds for every `count`-th part of a file, beginning at `number`."""
    config = _config(path)
    start = time.process_time()
    for part in islice(parts(str(path), config.part_bytes), number, None, count):
        for item in read_part(part, max_page_bytes=LIMIT, max_image_bytes=LIMIT):
            if isinstance(item, Page):
                extract(item, config)
    return time.process_time() - start


def _shares(path: Path) -> None:
    alone = float(_child(path, "--share", "0", "1")[0])
    shared = [float(_child(path, "--share", str(number), "2")[0]) for number in range(2)]
    print(f"one process: {alone:.1f} CPU-s for {N_PARTS} parts with extraction; two:", end=" ")
    print(f"{shared[0]:.1f} and {shared[1]:.1f}, which is {alone / max(shared):.2f}x as fast")


def _workers(path: Path) -> None:
    config = _config(path)
    spent: dict[int, float] = {}
    for workers in (1, 2):
        flags = ["--runner=FnApiRunner"]
        if workers > 1:
            flags += ["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]
        start = time.perf_counter()
        with beam.Pipeline(options=PipelineOptions(flags)) as pipeline:
            read = pipeline | beam.Create([str(path)]) | ReadArchives(config)
            extracted = read[PAGES] | ExtractCandidates(config)
            _ = extracted[CANDIDATES] | beam.combiners.Count.Globally()
        spent[workers] = time.perf_counter() - start
        print(f"Beam, {workers} worker(s): {spent[workers]:.1f} s on the clock, {N_PARTS} parts")
    print(f"two workers are {spent[1] / spent[2]:.2f}x as fast as one")


if __name__ == "__main__":
    sys.exit(main())
