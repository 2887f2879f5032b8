"""What does Beam cost? The whole filter job of `lait curate` against a loop over its functions.

    lait world world
    python bench/filter_job.py world [--relevance MODEL] [--rounds 1] [--workers 1]

The loop calls, in one process and with everything in memory, the functions that the graph calls:
archives are read, pages extracted, every question of the cascade asked, images decoded and scored,
duplicates found, shards, ledger and thumbnails written. Both must keep the same pairs. What counts
is CPU time, that of child processes included. Goal: Beam takes at most 1.3 times that of the loop.
"""

import argparse
import itertools
import resource
import tempfile
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pyarrow.parquet as pq

from crawl.candidate import Candidate
from crawl.extract import extract
from crawl.image_ref import ImageRef
from crawl.page import Page
from crawl.sources.warc import read_archive
from crawl.templates import judge_templates
from crawl.transforms import Readers
from filter.aggregate import (
    drop_common_text,
    hash_key,
    image_key,
    keep_best_pair,
    keep_best_print,
    text_key,
    without_copy,
)
from filter.copies import by_blocks, compare
from filter.dedup import n_equal_blocks
from filter.judge import judge_block, judge_page
from filter.ledger import write_ledger, write_thumbnails
from filter.recipe import lait
from filter.scorer import load_scorer
from filter.sinks import by_archive, shrink
from filter.thumbnails import label, may_be_shown
from filter.transforms import attach, block, meet, wanted_urls
from filter.verdict import Verdict
from lait.config import CurateConfig, load_config
from lait.curate import curate
from shards.manifest import shard_stem
from shards.transforms import in_shard, key_of, to_sample
from shards.write import n_shards_for, shard_of, write_shard

T = TypeVar("T")


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> Iterator[list[T]]:
    groups: dict[Hashable, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    yield from groups.values()


class Loop:
    """The job without Beam."""

    def __init__(self, config: CurateConfig, relevance: Path | None) -> None:
        self.config = config
        self.cascade = lait(config.filter, config.crawl)
        self.scorer = None if relevance is None else load_scorer(relevance)
        self.readers = Readers()
        self.fallen: list[Verdict] = []

    def run(self, archives: list[Path], out: Path) -> int:
        """Writes a run and returns the number of pairs that were kept."""
        candidates, images = self.read(archives)
        verdicts = [judge_page(one, self.cascade) for one in judge_templates(candidates)]
        kept = self.aggregate(self.judge(self.join(verdicts, images)))
        named = list(self.write_shards(kept, out / "shards"))
        self.write_tables([*named, *self.fallen], out)
        return len(named)

    def read(self, archives: list[Path]) -> tuple[list[Candidate], list[ImageRef]]:
        limits = self.config.crawl
        candidates: list[Candidate] = []
        images: list[ImageRef] = []
        for archive in archives:
            for item in read_archive(
                str(archive),
                max_page_bytes=limits.max_page_bytes,
                max_image_bytes=limits.max_image_bytes,
            ):
                if isinstance(item, Page):
                    candidates += extract(item, limits)
                elif isinstance(item, ImageRef):
                    images.append(item)
        return candidates, images

    def join(self, verdicts: list[Verdict], images: list[ImageRef]) -> Iterator[Verdict]:
        at_url: dict[str, dict[str, list]] = defaultdict(lambda: {"wanted": [], "images": []})
        for url, wanted in itertools.chain.from_iterable(map(wanted_urls, verdicts)):
            at_url[url]["wanted"].append(wanted)
        for ref in images:
            at_url[ref.url]["images"].append(ref)
        found = defaultdict(list)
        for url, group in at_url.items():
            for candidate_id, one in meet(url, group):
                found[candidate_id].append(one)
        for verdict in verdicts:
            name = verdict.candidate.candidate_id
            yield from attach(name, {"verdicts": [verdict], "found": found[name]}, self.cascade)

    def judge(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        def read(ref: ImageRef) -> bytes:
            return self.readers.body(ref.file, ref.offset, self.cascade.limits.max_bytes)

        kept = self.sorted_out(verdicts)
        batch = self.config.batch_images
        return self.sorted_out(
            verdict
            for near in grouped(kept, block)
            for verdict in judge_block(near, read, self.cascade, self.scorer, batch)
        )

    def aggregate(self, kept: list[Verdict]) -> list[Verdict]:
        for key, rule in ((image_key, keep_best_pair), (hash_key, keep_best_print)):
            kept = self.sorted_out(v for group in grouped(kept, key) for v in rule(group))
        most = self.cascade.max_phash_distance
        assert most is not None, "the default settings"
        keyed = [one for v in kept for one in by_blocks(v, most, n_equal_blocks(len(kept)))]
        copies = defaultdict(list)
        for group in grouped(keyed, lambda one: one[0]):
            for name, copy in compare(b"", [one for _, one in group], most):
                copies[name].append(copy)
        kept = self.sorted_out(without_copy(v, copies[v.candidate.candidate_id]) for v in kept)
        most = self.cascade.max_images_per_text
        return self.sorted_out(
            verdict
            for group in grouped(kept, text_key)
            for verdict in drop_common_text(group, most)
        )

    def sorted_out(self, verdicts: Iterable[Verdict]) -> list[Verdict]:
        """Those that are still in; the others are set aside for the ledger."""
        kept = []
        for verdict in verdicts:
            (kept if verdict.kept else self.fallen).append(verdict)
        return kept

    def write_shards(self, kept: list[Verdict], folder: Path) -> Iterator[Verdict]:
        folder.mkdir(parents=True)
        n_shards = n_shards_for(len(kept), self.config.shards.samples_per_shard)
        for group in grouped(kept, lambda verdict: shard_of(key_of(verdict), n_shards)):
            index = shard_of(key_of(group[0]), n_shards)
            write_shard(folder, shard_stem(index), map(self.sample, sorted(group, key=key_of)))
            yield from (in_shard(index, verdict) for verdict in group)

    def sample(self, verdict: Verdict):
        assert verdict.ref is not None, verdict
        body = self.readers.body(
            verdict.ref.file, verdict.ref.offset, self.cascade.limits.max_bytes
        )
        return to_sample(verdict, body)

    def write_tables(self, verdicts: list[Verdict], out: Path) -> None:
        write_ledger(out / "ledger", "00000", verdicts)
        sample = []
        for group in grouped(filter(may_be_shown, verdicts), label):
            chosen = sorted(group, key=lambda verdict: verdict.candidate.candidate_id)
            sample += by_archive("", chosen[: self.config.thumbnails_per_reason])
        rows = [
            row
            for group in grouped(sample, lambda one: one[0])
            for row in shrink(group[0][0], [place for _, place in group], self.cascade.limits)
        ]
        write_thumbnails(out / "thumbnails", rows)


def fates(run: Path) -> set[tuple[object, ...]]:
    columns = ["candidate_id", "kept", "stage", "reason", "relevance", "text", "shard"]
    return {
        tuple(row.values()) for row in pq.read_table(run / "ledger", columns=columns).to_pylist()
    }


def timed(work: Callable[[], object]) -> float:
    start = cpu_seconds()
    work()
    return cpu_seconds() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("world", type=Path)
    parser.add_argument("--relevance", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    archives = sorted((args.world / "web").iterdir())
    config = load_config()
    with tempfile.TemporaryDirectory() as scratch:
        # Models and word lists are loaded once a process, by whoever comes first.
        Loop(config, args.relevance).run(archives[:1], Path(scratch))
    ratios = []
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as scratch:
            ours, bare = Path(scratch) / "beam", Path(scratch) / "loop"
            loop = timed(lambda bare=bare: Loop(config, args.relevance).run(archives, bare))
            beam = timed(
                lambda ours=ours: curate(
                    [str(path) for path in archives],
                    ours,
                    config=config,
                    relevance=args.relevance,
                    workers=args.workers,
                )
            )
            assert fates(ours) == fates(bare), "both must decide alike"
        ratios.append(beam / loop)
        print(f"loop {loop:6.1f} s, Beam {beam:6.1f} s of CPU: {ratios[-1]:.2f} times the loop's")
    print(f"best of {args.rounds}: {min(ratios):.2f} (goal: at most 1.3)")


if __name__ == "__main__":
    main()
