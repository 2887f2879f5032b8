"""How often is the image found that a page is about, on sites the model has not learned from?

Usage: python bench/main_image.py --shared ../shared [--world WORLD] [--more FOLDER]
           [--peers PYTHON] [--work FOLDER] [--seeds 3]

Takes the gold pages of SHARED/data/mainimage, with its evaluator's rule for what is the same image.
WORLD (from `lait world`) and FOLDER (pages.jsonl and gold.jsonl, as `lait main-image` takes them)
are learned from, too. Prints accuracy by cross-validation over sites and, named as what it is, on
the pages that the shipped weights were learned from; the learning curve; pages without a main
image; and, with --peers (the Python of an environment that has them), other tools in the same run.
The assembled pages stay in --work: `lait main-image train` takes them as they are.
"""

import argparse
import importlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crawl.charset import to_utf8
from crawl.config import CrawlConfig
from crawl.main_image import shipped_model
from crawl.main_image_eval import Answer, answer_all, cross_validate, learning_curve
from crawl.main_image_fit import PENALTY
from crawl.main_image_pages import LabelledPage, blind, read_labelled
from crawl.page import Page
from crawl.sources.warc import read_archive

WORLD_WEIGHT = 0.05
"""A page of the demo world with a main image: it has hundreds, of two dozen templates."""
PEERS = ("trafilatura", "readability", "newspaper4k")
_CHARSET = re.compile(r"(<meta\b[^>]*charset\s*=\s*[\"']?)[\w-]+", re.IGNORECASE)


class Work:
    """The folder of labelled pages that is being put together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "html").mkdir(parents=True, exist_ok=True)
        self.pages: list[dict[str, Any]] = []
        self.gold: list[dict[str, Any]] = []

    def add(self, name: str, url: str, body: bytes, answer: dict[str, Any]) -> None:
        (self.folder / "html" / name).write_bytes(body)
        self.pages.append({"file": f"html/{name}", "url": url})
        self.gold.append({"file": name, **answer})

    def close(self) -> None:
        for name, rows in (("pages.jsonl", self.pages), ("gold.jsonl", self.gold)):
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (self.folder / name).write_text(lines, encoding="utf-8")


def main() -> int:
    """Assemble, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--world", type=Path)
    parser.add_argument("--more", type=Path)
    parser.add_argument("--peers", help="python of an environment with " + ", ".join(PEERS))
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "main_image")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.shared / "tools"))
    work = Work(arguments.work)
    gold = add_gold(work, arguments.shared / "data/mainimage")
    if arguments.more:
        add_more(work, arguments.more)
    if arguments.world:
        add_world(work, arguments.world)
    work.close()
    files = (work.folder / "pages.jsonl", work.folder / "gold.jsonl")
    pages = read_labelled(*files, CrawlConfig(), lambda _done, _total: None)
    print(f"{len(pages)} labelled pages of {len({page.site for page in pages})} sites")
    print_accuracy(pages, gold, arguments.seeds)
    print_curve(pages, gold)
    if arguments.peers:
        print_peers(arguments.peers, work.folder, gold)
    else:
        print("peers: skipped, no --peers")
    return 0


def add_gold(work: Work, data: Path) -> dict[str, dict[str, Any]]:
    """Adds the gold pages, hints normalised as the evaluator does; returns the scorable ones."""
    tools: Any = importlib.import_module("eval_main_image")
    matching: Any = importlib.import_module("main_image_matching")
    rows = [json.loads(line) for line in (data / "gold.jsonl").read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder, tarfile.open(data / "html.tar.xz") as archive:
        archive.extractall(folder, filter="data")
        for row in rows:
            html = matching.decode((Path(folder) / row["file"]).read_bytes())
            html = _CHARSET.sub(r"\1utf-8", tools.norm_meta(html))
            answer = {"main_image": row["expected_image"], "group": row["source"]}
            name = row["file"].rpartition("/")[2]
            work.add(name, row["url"], html.encode("utf-8", "replace"), answer)
    return {row["file"].rpartition("/")[2]: row for row in rows if row["scorable"]}


def add_more(work: Work, folder: Path) -> None:
    """Adds labelled pages that lie in the format of `lait main-image`."""
    answers = {}
    for line in (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines():
        answer = json.loads(line)
        answers[answer.pop("file")] = answer
    for line in (folder / "pages.jsonl").read_text(encoding="utf-8").splitlines():
        page = json.loads(line)
        name = page["file"].rpartition("/")[2]
        work.add(name, page["url"], (folder / page["file"]).read_bytes(), answers[name])


def add_world(work: Work, world: Path) -> None:
    """Adds every page of a demo world that its gold knows."""
    mains: dict[str, str | None] = {}
    for line in (world / "gold.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        mains[row["page_url"]] = row["image_url"] if row["main"] else mains.get(row["page_url"])
    limits = {"max_page_bytes": 2**22, "max_image_bytes": 2**30}
    for archive in sorted((world / "web").iterdir()):
        for item in read_archive(str(archive), **limits):
            if isinstance(item, Page) and item.url in mains:
                main = mains[item.url]
                answer = {
                    "main_image": main,
                    "group": "demo world" if main else "demo world, no main image",
                    "weight": WORLD_WEIGHT if main else 1.0,
                }
                html = to_utf8(item.body, item.header("content-type"))[0].decode("utf-8", "replace")
                body = _CHARSET.sub(r"\1utf-8", html).encode()
                work.add(
                    f"world-{len(work.pages):05}.html", item.url, b"\xef\xbb\xbf" + body, answer
                )


def score(
    answers: Sequence[Answer], gold: dict[str, dict[str, Any]], is_blind: bool
) -> tuple[float, float]:
    """Accuracy on the scorable gold pages: the URL chosen; any URL of the picture chosen.

    A page whose image extraction does not find counts as wrong.
    """
    matching: Any = importlib.import_module("main_image_matching")
    by_url = by_picture = 0
    for answer in answers:
        row = gold.get(answer.page.file)
        if row is None or answer.is_blind != is_blind or answer.chosen is None:
            continue
        right = [
            matching.same_image(url, row["expected_image"], row["base"])
            for url in answer.version.urls[answer.chosen]
        ]
        by_url += right[0]
        by_picture += any(right)
    return by_url / len(gold), by_picture / len(gold)


def print_accuracy(
    pages: list[LabelledPage], gold: dict[str, dict[str, Any]], n_seeds: int
) -> None:
    """By cross-validation, several splits; then by the shipped weights on what they know."""
    runs = [cross_validate(pages, penalty=PENALTY, seed=seed) for seed in range(n_seeds)]
    agreed = {name: row for name, row in gold.items() if row["equals_meta"]}
    print(f"\naccuracy at 1 on {len(gold)} gold pages           hints removed    hints left in")
    print("                                              URL   picture    URL   picture")
    for seed, answers in enumerate(runs):
        _line(f"cross-validation over sites, split {seed}", answers, gold)
    everything = [answer for answers in runs for answer in answers]
    _line("mean", everything, gold, len(runs))
    _line(f"  where the label is the hint (n={len(agreed)})", everything, agreed, len(runs))
    rest = {name: row for name, row in gold.items() if name not in agreed}
    _line(f"  where it is not (n={len(rest)})", everything, rest, len(runs))
    _line("shipped weights, pages they know", answer_all(shipped_model(), pages), gold)
    none = [each for each in everything if each.page.main_image is None and each.is_blind]
    for group in sorted({each.page.group for each in none}):
        some = [each.is_right for each in none if each.page.group == group]
        share, n_pages = sum(some) / len(some), len(some) // len(runs)
        print(f"pages without, none chosen: {share:.3f} of {n_pages} ({group})")


def _line(name: str, answers: Sequence[Answer], gold: dict[str, Any], n_runs: int = 1) -> None:
    figures = [score(answers, gold, is_blind) for is_blind in (True, False)]
    cells = "  ".join(f"{share / n_runs:.3f}   {other / n_runs:.3f}" for share, other in figures)
    print(f"{name:44s} {cells}")


def print_curve(pages: list[LabelledPage], gold: dict[str, dict[str, Any]]) -> None:
    """The same by cross-validation on growing numbers of training sites."""
    print("\nlearning curve: training sites, hints removed (URL), hints left in (URL)")
    for n_sites, answers in learning_curve(pages, penalty=PENALTY):
        blind_share, full_share = score(answers, gold, True)[0], score(answers, gold, False)[0]
        bar = "#" * round(40 * blind_share)
        print(f"{n_sites:5d}  {blind_share:.3f}  {full_share:.3f}  {bar}")


def print_peers(python: str, folder: Path, gold: dict[str, dict[str, Any]]) -> None:
    """First image of other tools' extracts, by the same rule, in the same run."""
    matching: Any = importlib.import_module("main_image_matching")
    rows = [row for row in _rows(folder / "pages.jsonl") if row["file"][5:] in gold]
    with tempfile.TemporaryDirectory() as scratch:
        for row in rows:
            body = (folder / row["file"]).read_bytes()
            (Path(scratch) / row["file"][5:]).write_bytes(blind(body))
        script = Path(__file__).with_name("main_image_peers.py")
        for peer in PEERS:
            shares = []
            for place in (Path(scratch), folder / "html"):
                jobs = [{"file": str(place / row["file"][5:]), "url": row["url"]} for row in rows]
                done = subprocess.run(
                    [python, str(script), peer], input=json.dumps(jobs), text=True,
                    capture_output=True, check=False,
                )  # fmt: skip
                if done.returncode:
                    break
                right = 0
                for row, chosen in zip(rows, json.loads(done.stdout), strict=True):
                    label = gold[row["file"][5:]]
                    right += matching.same_image(chosen, label["expected_image"], label["base"])
                shares.append(f"{right / len(gold):.3f}")
            print(f"{peer:44s} {'          '.join(shares) or 'skipped: not installed there'}")


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
