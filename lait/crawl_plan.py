"""Which hosts would a crawl ask, how often, and how long would that take at least?"""

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from lait.beam import beam_flags
from lait.crawl_graphs import Round, pipeline, plan_graph, wish_graph
from lait.crawl_settings import CrawlJobConfig, Source, check_folder, survey
from lait.raw_folder import shards


def plan(
    source: Source, out: Path, *, config: CrawlJobConfig, beam_args: Sequence[str] = ()
) -> tuple[tuple[str, int], ...]:
    """(host, requests) if the crawl were run now, most requests first.

    Images of pages that are not fetched yet are not known and not counted. Nothing is written and
    nobody is asked. Raises as `lait.crawl.crawl`.
    """
    survey(source, config.crawl)
    visit = check_folder(out, config)
    flags = beam_flags(1, beam_args)
    raw = out.absolute() / "raw"
    hosts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        wishes = Path(folder)
        rounds = [Round(wishes=None, retry_failed=False)] if source.lists else []
        archives = source.archives or tuple(map(str, shards(raw)))
        if archives and config.images != "none":
            with pipeline(flags) as graph:
                wish_graph(
                    graph,
                    archives,
                    wishes,
                    wishes / "dead_letter",
                    config,
                    n_files=1,
                    others=bool(source.archives),
                    damage=(),
                )
            rounds.append(Round(wishes=wishes, retry_failed=False))
        for this in rounds:
            path = wishes / "plan.json"
            with pipeline(flags) as graph:
                plan_graph(graph, source, this, raw, visit, path)
            hosts.update(json.loads(path.read_bytes()))
    return tuple(sorted(hosts.items(), key=lambda one: (-one[1], one[0])))


def at_least_s(requests: Sequence[int], config: CrawlJobConfig) -> float:
    """Seconds that so many requests to each host take: no host is asked faster than its delay, and
    so many hosts at once; each one's robots.txt and tdmrep.json are asked for too."""
    each = [(n + 2) * config.fetch.min_delay_s for n in requests]
    return max(max(each, default=0.0), sum(each) / config.fetch.max_hosts_at_once)
