"""How do URLs become raw shards? Pages first, then the images that they show, politely.

    lists ----> pages round ---> raw/ --+
                                        +--> wishes --> image rounds --> raw/ --> crawl.json
    archives ---------------------------+

Each round is one Beam graph over what the ledger does not answer yet, so that a crawl that was
killed anywhere goes on where it was.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from crawl.serve import Progress, Serving, read_progress
from filter.ledger import write_dead_letters
from lait.beam import beam_flags
from lait.crawl_graphs import Round, fetch_graph, pipeline, wish_graph
from lait.crawl_report import Crawled, count, inputs_of, is_of, write_manifest
from lait.crawl_settings import MANIFEST, CrawlJobConfig, Source, Surveyed, claimed, survey
from lait.known_bad import ListedBytes
from lait.quiet import stderr_held
from lait.raw_folder import compact, gather, n_gone_images, n_requests, shards
from shards.manifest import code_version

logger = logging.getLogger(__name__)

_POLL_S: Final = 0.5
Tell = Callable[[str, Progress], None]
"""Called with the name of a round and how far it is."""


def crawl(
    source: Source,
    out: Path,
    *,
    config: CrawlJobConfig,
    workers: int = 1,
    partitions: int = 1,
    retry_failed: bool = False,
    refresh: bool = False,
    beam_args: Sequence[str] = (),
    tell: Tell = lambda _round, _progress: None,
) -> Crawled:
    """Crawl into `out`: raw shards with the ledger of requests, `crawl.json` last.

    Run again it goes on: what is kept, and what was refused for good, is not asked for again.

    Args:
        source: Where the pages come from.
        out: Folder of the crawl; made, or taken up.
        config: Settings; the same ones each time.
        workers: Processes of this machine.
        partitions: Groups of hosts, each served by one worker. Only within a group does a redirect
            to another host wait for that host's turn.
        retry_failed: Ask again for what failed and may succeed now.
        refresh: Visit everything again, with conditional requests.
        beam_args: For another runner.
        tell: Called while it runs.

    Raises:
        ValueError, OSError: The source, a flag or `out` cannot be used; nobody was asked.
        RuntimeError: The numbers do not add up; `out` stays unfinished.
    """
    flags = beam_flags(workers, beam_args)
    config.fetch.user_agent()
    found = survey(source, config.crawl)
    inputs = inputs_of(source, found)
    with claimed(out, config, refresh=refresh) as visit:
        if is_of(out, visit, inputs) and not retry_failed:
            logger.info("%s is finished; nothing to do", out)
            return count(out / "raw", 0, len(found.damage))
        (out / MANIFEST).unlink(missing_ok=True)
        job = _Job(
            source=source,
            found=found,
            out=out.absolute(),
            config=config,
            visit=visit,
            flags=tuple(flags),
            partitions=partitions,
            quiet=workers > 1 and not logging.getLogger().isEnabledFor(logging.INFO),
            retry_failed=retry_failed,
            tell=tell,
        )
        n_asked = job.run()
        crawled = count(job.raw, n_asked, len(found.damage))
        write_manifest(out, crawled, config, visit, inputs)
        return crawled


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    source: Source
    found: Surveyed
    out: Path
    config: CrawlJobConfig
    visit: int
    flags: tuple[str, ...]
    partitions: int
    quiet: bool
    retry_failed: bool
    tell: Tell

    @property
    def raw(self) -> Path:
        return self.out / "raw"

    @property
    def _prefix(self) -> str:
        """Images are curated together with the archives that hold their pages."""
        return "images-" if self.source.archives else ""

    def run(self) -> int:
        """All rounds. How many rows they added to the ledger."""
        gather(self.raw, self._prefix)
        write_dead_letters(self.out / "dead_letter", self.found.damage)
        added = 0
        if self.source.lists:
            added += self._round("pages", Round(wishes=None, retry_failed=self.retry_failed))
        if self.config.images != "none":
            wishes = self.out / ".wishes"
            self._wish(wishes)
            added += self._images(wishes)
            shutil.rmtree(wishes)
        return added

    def _wish(self, wishes: Path) -> None:
        """Which images the pages make us wish for."""
        shutil.rmtree(wishes, ignore_errors=True)
        wishes.mkdir()
        self.tell("extracting", Progress())
        with self._quiet(), pipeline(self.flags) as graph:
            wish_graph(
                graph,
                self.source.archives or tuple(map(str, shards(self.raw))),
                wishes,
                self.out / "dead_letter",
                self.config,
                n_files=self.partitions,
                others=bool(self.source.archives),
                damage=self.found.damage,
            )

    def _images(self, wishes: Path) -> int:
        """Rounds until no image that is gone for good has another version to try."""
        added = 0
        for number in range(self.config.max_versions if any(wishes.iterdir()) else 0):
            gone = n_gone_images(self.raw)
            again = self.retry_failed and number == 0
            added += self._round("images", Round(wishes=wishes, retry_failed=again))
            if n_gone_images(self.raw) == gone:
                break
        return added

    def _round(self, name: str, this: Round) -> int:
        """How many rows it added."""
        before = n_requests(self.raw)
        with self._told(name), self._quiet(), pipeline(self.flags) as graph:
            fetch_graph(graph, self.source, this, self._serving(), self.partitions)
        gather(self.raw, self._prefix)
        added = n_requests(self.raw) - before
        if added:
            if self.visit > 1:
                compact(self.raw)
            # Workers may be new processes, which do not know when a host was asked last.
            time.sleep(self.config.fetch.min_delay_s)
        return added

    def _serving(self) -> Serving:
        fetch = self.config.fetch
        return Serving(
            folder=self.raw,
            fetch=fetch,
            visit=self.visit,
            shard_bytes=self.config.shard_bytes,
            about=(
                ("software", f"lait {code_version()}"),
                ("format", "WARC File Format 1.1"),
                ("robots", "obey"),
                ("operator", fetch.contact),
                ("http-header-user-agent", fetch.user_agent()),
            ),
            is_known_bad=self._is_known_bad(),
        )

    def _is_known_bad(self) -> ListedBytes | None:
        sources = self.config.known_bad
        return ListedBytes(sources=sources) if sources else None

    def _quiet(self) -> Any:
        return stderr_held() if self.quiet else nullcontext()

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Says how far the workers are, as long as the block lasts."""
        over = threading.Event()

        def poll() -> None:
            while not over.wait(_POLL_S):
                self.tell(name, read_progress(self.raw))

        thread = threading.Thread(target=poll, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.tell(name, read_progress(self.raw))
