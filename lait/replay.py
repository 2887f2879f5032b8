"""How does a finished run look under other settings? Its ledger read again, nothing else."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from filter.decontaminate import with_digests
from filter.funnel import Fate, Funnel, FunnelRow, build
from filter.ledger import ledger_files, numbers_and_words, storable
from filter.recipe import Cascade
from filter.recipe import lait as lait_recipe
from filter.recorded import check_columns, recorded
from filter.replay import (
    NOT_DECODED,
    NOT_SCORED,
    UNJUDGED,
    aggregate_again,
    judge_again,
    slim,
)
from filter.verdict import Verdict
from lait.config import NO_RELEVANCE, CurateConfig, fields, overridden
from lait.inputs import CONFIG, FUNNEL, read_funnel
from shards.aside import aside

_ROWS: Final = 2_000
_REPLAYABLE: Final = "filter."
_ALSO: Final = frozenset({"crawl.max_image_bytes"})
_MODELS: Final = ("natural_model", "safety_models", "unsafe_prompts", "safe_prompts")
"""Their scores were computed by the run: other models have other scores."""

OUT_SCHEMA: Final = pa.schema(
    {
        "candidate_id": pa.string(),
        "judged": pa.bool_(),
        "kept": pa.bool_(),
        "stage": pa.string(),
        "reason": pa.string(),
        "value": pa.float64(),
        "threshold": pa.float64(),
        "detail": pa.string(),
        "text": pa.string(),
        "text_source": pa.string(),
        "relevance": pa.float64(),
        "was_kept": pa.bool_(),
        "was_reason": pa.string(),
    }
)
"""What `--out` writes: one row per candidate, in the ledger's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The funnel of a run under other settings."""

    funnel: Funnel
    """Candidates that cannot be judged leave it where the missing value would have been asked."""
    before: Funnel
    """What the run itself found."""
    settings: CurateConfig
    not_decoded: int
    """Candidates that cannot be judged, because their image was never decoded."""
    not_scored: int
    """Likewise, because a model was never asked about it, or about a text that now passes."""

    @property
    def unjudged(self) -> int:
        return self.not_decoded + self.not_scored


def replay(
    run: Path,
    overrides: Sequence[str] = (),
    *,
    out: Path | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> Replay:
    """Judges every candidate of a run's ledger again, under its settings changed by `overrides`.

    `out` gets one row per candidate (`OUT_SCHEMA`). Memory: about 1 KB for each pair that passes
    everything but the rules over all pairs, and with `out` about 200 bytes a candidate.

    Raises:
        ValueError: `run` is no finished run with settings and a ledger of this version, or an
            override cannot be replayed.
    """
    folder = run.parent if run.name == "ledger" else run
    settings_then = settings_of(folder)
    settings = changed(settings_then, overrides)
    cascade = lait_recipe(settings.filter, settings.crawl)
    same_texts = cascade.text == lait_recipe(settings_then.filter, settings_then.crawl).text
    scored = settings.relevance_digest != NO_RELEVANCE
    sheet = _Sheet(keeps_rows=out is not None)
    for row in ledger_rows(folder):
        before = recorded(row)
        sheet.add(before, judge_again(before, cascade, same_texts=same_texts, scored=scored))
        progress(sheet.seen)
    sheet.aggregate(cascade)
    if out is not None:
        sheet.write(out)
    before_funnel = read_funnel(folder)
    facts = {name: getattr(before_funnel, name) for name in ("pages", "images", "damage")}
    return Replay(
        funnel=build(sheet.seen, sheet.fates, relevance=before_funnel.relevance, **facts),
        before=before_funnel,
        settings=settings,
        not_decoded=sheet.fates[("decode", NOT_DECODED)],
        not_scored=sum(n for (_, reason), n in sheet.fates.items() if reason == NOT_SCORED),
    )


def side_by_side(found: Replay) -> tuple[FunnelRow, ...]:
    """The rows of the replay's funnel, also for reasons that only the run itself knew."""
    fates: dict[Fate, int] = {(None, None): found.funnel.kept}
    for funnel in (found.before, found.funnel):
        for row in funnel.rows:
            if row.seen and row.reason not in ("", "no model"):
                fates[(row.stage, row.reason)] = row.dropped if funnel is found.funnel else 0
    return build(found.funnel.seen, fates, relevance=found.funnel.relevance).rows


class _Sheet:
    """The fates of all candidates, as they become known."""

    def __init__(self, *, keeps_rows: bool) -> None:
        self.fates: Counter[Fate] = Counter()
        self.seen = 0
        self._pairs: list[Verdict] = []
        self._rows: list[dict[str, Any]] = []
        self._tables: list[pa.Table] = []
        self._fallen: dict[str, dict[str, Any]] = {}
        self._keeps_rows = keeps_rows

    def add(self, before: Verdict, verdict: Verdict) -> None:
        """One candidate: what the run decided, and what is decided now."""
        self.seen += 1
        if verdict.kept:
            self._pairs.append(slim(verdict))
        else:
            self.fates[(verdict.stage, verdict.reason)] += 1
        if self._keeps_rows:
            then = {"was_kept": before.kept, "was_reason": before.reason}
            name = {"candidate_id": verdict.candidate.candidate_id}
            self._rows.append(name | _fate(verdict) | _words(verdict) | then)
            if len(self._rows) >= _ROWS:
                self._fold()

    def aggregate(self, cascade: Cascade) -> None:
        """Applies the rules over all pairs to what is left."""
        for verdict in aggregate_again(self._pairs, cascade):
            self.fates[(verdict.stage, verdict.reason)] += 1
            if self._keeps_rows and not verdict.kept:
                self._fallen[verdict.candidate.candidate_id] = _fate(verdict)
        self._pairs = []

    def write(self, out: Path) -> None:
        """All candidates in the order in which they came."""
        self._fold()
        with aside(out) as path:
            with pq.ParquetWriter(path, OUT_SCHEMA, compression="zstd") as writer:
                for table in self._tables:
                    rows = table.to_pylist()
                    final = [row | self._fallen.get(row["candidate_id"], {}) for row in rows]
                    writer.write_table(pa.Table.from_pylist(final, schema=OUT_SCHEMA))
            path.replace(out)

    def _fold(self) -> None:
        self._tables.append(pa.Table.from_pylist(self._rows, schema=OUT_SCHEMA))
        self._rows = []


def _fate(verdict: Verdict) -> dict[str, Any]:
    return {
        "judged": verdict.reason not in UNJUDGED,
        "kept": verdict.kept,
        "stage": verdict.stage,
        "reason": verdict.reason,
        **numbers_and_words(verdict),
    }


def _words(verdict: Verdict) -> dict[str, Any]:
    return {
        "text": storable(verdict.text),
        "text_source": verdict.text_source,
        "relevance": verdict.relevance,
    }


def ledger_rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The rows of a run's ledger in order. Raises ValueError when another version wrote it."""
    files = ledger_files(folder)
    if not files:
        raise ValueError(f"{folder} has no ledger/*.parquet: name a run of `lait curate`")
    for file in files:
        table = pq.ParquetFile(file)
        check_columns(table.schema_arrow.names, str(file))
        for batch in table.iter_batches(batch_size=_ROWS):
            yield from batch.to_pylist()


def settings_of(folder: Path) -> CurateConfig:
    """The resolved settings of a finished run."""
    if not (folder / FUNNEL).is_file():
        raise ValueError(f"{folder} is not a finished run of `lait curate`: it has no {FUNNEL}")
    try:
        return CurateConfig.model_validate(json.loads((folder / CONFIG).read_bytes())["config"])
    except (OSError, KeyError, ValidationError, json.JSONDecodeError) as error:
        line = " ".join(str(error).split())
        raise ValueError(f"{folder / CONFIG} holds no settings of this version: {line}") from error


def changed(settings: CurateConfig, overrides: Sequence[str]) -> CurateConfig:
    """The settings of a run with some thresholds changed.

    Raises ValueError for a setting that a replay cannot change: what was extracted, and how the
    output is cut, is not decided by filters.
    """
    for override in overrides:
        name = override.partition("=")[0].strip()
        replayable = name.startswith(_REPLAYABLE) or name in _ALSO
        if name in fields() and (not replayable or name.removeprefix(_REPLAYABLE) in _MODELS):
            raise ValueError(
                f"--set {override}: a replay only changes filter.* (but {', '.join(_MODELS)}) "
                f"and {', '.join(_ALSO)}; `lait curate` again for the rest"
            )
    then = settings.model_dump(mode="json")
    given = [f"{name}={json.dumps(_value(then, name))}" for name in fields()]
    new = overridden(CurateConfig, None, [*given, *overrides])
    return new.model_copy(
        update={
            "filter": with_digests(new.filter),
            "relevance_digest": settings.relevance_digest,
        }
    )


def _value(settings: Mapping[str, Any], name: str) -> Any:
    for part in name.split("."):
        settings = settings[part]
    return settings
