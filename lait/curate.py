"""How do archives become shards? Crawl, filter and shards as one Beam graph."""

# mypy: allow-untyped-calls
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import AsList, PCollection
from pydantic import TypeAdapter

from crawl.sources.sending import written_to
from crawl.templates import JudgeTemplates
from crawl.transforms import CANDIDATES, DAMAGE, IMAGES, PAGES, ExtractCandidates, ReadArchives
from filter.decontaminate import KNOWN_BAD, check_known_bad, with_digests
from filter.drops import bounds_of, check_drops
from filter.funnel import Funnel, build, count_fates
from filter.ledger import read_columns
from filter.recipe import lait as lait_recipe
from filter.sieve import ERROR
from filter.sinks import WriteDeadLetters, WriteLedger, WriteThumbnails
from filter.transforms import DROPPED, KEPT, Aggregate, JoinImages, JudgeImages, SievePages
from lait.beam import beam_flags
from lait.config import CurateConfig, digest
from lait.desk import desk_of
from lait.inputs import (
    REPORT,
    Progress,
    check_archives,
    earlier_run,
    expanded,
    start,
    with_relevance,
    write_funnel,
)
from lait.quiet import stderr_held
from shards.aside import publish_bytes
from shards.card import write_card
from shards.manifest import (
    FunnelRow,
    InputInfo,
    Manifest,
    ShardInfo,
    code_version,
    write_manifest,
)
from shards.transforms import SHARDS, VERDICTS, WriteShards

logger = logging.getLogger(__name__)

LEDGER_ROWS: Final = "ledger_rows"
_SHARD_INFOS: Final = TypeAdapter(tuple[ShardInfo, ...])


def curate(
    archives: Sequence[str],
    out: Path | str,
    *,
    config: CurateConfig,
    relevance: Path | None,
    workers: int = 1,
    beam_args: Sequence[str] = (),
    progress: Progress | None = None,
) -> Funnel:
    """Curates web archives into `out`: shards, ledger, dead letters, thumbnails, manifest last.

    `out` is a folder, or a URL of an object store as `s3://bucket/run`: workers send their files
    there, each read back and compared, and this process keeps the tables for as long as it runs.

    A finished run with the same settings and archives is not made again; an unfinished one is made
    anew. Same archives and settings give the same bytes, whatever the runner and `workers`.

    Raises:
        ValueError: An archive, the model, a flag or `out` cannot be used; nothing was written.
        RuntimeError: The numbers do not add up, or filters raised on too many candidates: `out`
            stays unfinished.
    """
    tell = progress or (lambda _step, _done: None)
    flags = beam_flags(workers, beam_args)
    archives = expanded(archives)
    inputs = check_archives(archives, tell, config.crawl)
    config = with_relevance(config, relevance)
    bounds_of(config.max_drop_shares)
    config = config.model_copy(update={"filter": with_digests(config.filter)})
    with desk_of(out) as desk:
        finished = earlier_run(desk.path, config, inputs)
        if finished is not None:
            logger.info("%s is finished; nothing to do", out)
            return finished
        desk.clear()
        start(desk.path, config)
        desk.begun()
        tell("curating", 0)
        verbose = logging.getLogger().isEnabledFor(logging.INFO)
        quiet = nullcontext() if workers == 1 or verbose else stderr_held()
        with quiet, beam.Pipeline(options=PipelineOptions(flags)) as pipeline:
            graph(pipeline, archives, desk.target, config, relevance and relevance.absolute())
        tell("checking", 0)
        desk.fetch()
        funnel = finish(desk.path, config, inputs)
        desk.hand_in()
        return funnel


def graph(
    pipeline: beam.Pipeline,
    archives: Sequence[str],
    out: str,
    config: CurateConfig,
    relevance: Path | None,
) -> None:
    """The whole river. Every candidate that `extracted` gives reaches the ledger exactly once."""
    cascade = lait_recipe(config.filter, config.crawl)
    read = pipeline | "Archives" >> beam.Create(list(archives)) | ReadArchives(config.crawl)
    extracted = read[PAGES] | ExtractCandidates(config.crawl)
    judged_again = extracted[CANDIDATES] | "Templates" >> JudgeTemplates()
    sieved = judged_again | SievePages(cascade)
    joined = {"verdicts": sieved, "images": read[IMAGES]} | JoinImages(cascade)
    judged = joined[KEPT] | JudgeImages(cascade, relevance, config.batch_images)
    agreed = judged[KEPT] | Aggregate(cascade)
    written = agreed[KEPT] | WriteShards(
        f"{out}/shards", config.shards.samples_per_shard, cascade.limits.max_bytes
    )
    fallen = [step[DROPPED] for step in (joined, judged, agreed)]
    verdicts = [written[VERDICTS], *fallen] | "Every candidate" >> beam.Flatten()
    damage = [read[DAMAGE], extracted[DAMAGE]] | "All damage" >> beam.Flatten()

    rows = verdicts | WriteLedger(f"{out}/ledger", config.shards.ledger_rows_per_file)
    letters = {"damage": damage, "verdicts": verdicts} | WriteDeadLetters(f"{out}/dead_letter")
    shown = verdicts | WriteThumbnails(
        f"{out}/thumbnails", config.thumbnails_per_reason, cascade.limits
    )
    counted = {
        PAGES: read[PAGES],
        IMAGES: read[IMAGES],
        DAMAGE: damage,
        CANDIDATES: extracted[CANDIDATES],
    }
    names = [many | f"One {name}" >> _as(name, lambda _: 1) for name, many in counted.items()]
    sums = {LEDGER_ROWS: rows, "dead_letters": letters, "thumbnails": shown}
    names += [files | f"Some {name}" >> _as(name, int) for name, files in sums.items()]
    numbers = names | "All numbers" >> beam.Flatten() | "Add up" >> beam.CombinePerKey(sum)
    _write_report(pipeline, out, written[SHARDS], numbers)


def _as(name: str, number: Callable[[Any], int]) -> Any:
    return beam.Map(lambda element: (name, number(element)))


def _write_report(
    pipeline: beam.Pipeline, out: str, shards: PCollection[ShardInfo], numbers: Any
) -> None:
    """What the driver needs to know, in a file: on most runners it sees no collection."""

    def write(_: object, shards: list[ShardInfo], numbers: list[tuple[str, int]]) -> None:
        ordered = sorted(shards, key=lambda shard: shard.name)
        report = {"shards": [asdict(shard) for shard in ordered], "numbers": dict(numbers)}
        with written_to(out) as there:
            publish_bytes(there / REPORT, json.dumps(report).encode())

    _ = (
        pipeline
        | "Once" >> beam.Create([None])
        | "Report" >> beam.Map(write, AsList(shards), AsList(numbers))
    )


def finish(out: Path, config: CurateConfig, inputs: tuple[InputInfo, ...]) -> Funnel:
    """Holds what was written against what was counted, then writes the manifest.

    Raises RuntimeError, with both numbers, when they differ.
    """
    report = json.loads((out / REPORT).read_bytes())
    # A sum over nothing is not in the report.
    numbers, shards = Counter(report["numbers"]), _SHARD_INFOS.validate_python(report["shards"])
    fates = count_fates(read_columns(out, ["stage", "reason"]))
    funnel = build(
        numbers[CANDIDATES],
        fates,
        pages=numbers[PAGES],
        images=numbers[IMAGES],
        damage=numbers[DAMAGE],
        relevance=config.relevance_digest,
    )
    _agree("ledger rows", fates.total(), "candidates seen", funnel.seen)
    _agree("ledger rows", fates.total(), "ledger rows written", numbers[LEDGER_ROWS])
    _agree("samples in shards", sum(s.n_samples for s in shards), "candidates kept", funnel.kept)
    errors = sum(n for (_, reason), n in fates.items() if reason == ERROR)
    if errors > config.max_error_share * funnel.seen:
        raise RuntimeError(
            f"filters raised on {errors} of {funnel.seen} candidates: see reason `{ERROR}` in "
            f"{out / 'dead_letter'}; to accept it, raise max_error_share"
        )
    check_drops(
        funnel, config.max_drop_share, bounds_of(config.max_drop_shares), config.max_drop_share_from
    )
    known_bad = sum(n for (_, reason), n in fates.items() if reason == KNOWN_BAD)
    check_known_bad(known_bad, config.filter)
    manifest = Manifest(
        config_hash=digest(config),
        code_version=code_version(),
        shards=shards,
        seen=funnel.seen,
        kept=funnel.kept,
        funnel=tuple(
            FunnelRow(stage=row.stage, reason=row.reason, count=row.dropped) for row in funnel.rows
        ),
        inputs=inputs,
    )
    write_funnel(out, funnel)
    write_card(out / "shards", manifest)
    (out / REPORT).unlink()
    write_manifest(out / "shards", manifest)
    return funnel


def _agree(what: str, number: int, other: str, expected: int) -> None:
    if number != expected:
        raise RuntimeError(f"{number} {what}, but {expected} {other}: the run is not finished")
