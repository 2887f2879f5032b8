"""What does a ledger answer to a question in SQL?

DuckDB reads the Parquet files through Arrow and gets no access to the file system, the network or
extensions: a query, wherever it was copied from, can read the ledger and nothing else, and write
nothing at all.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from crawl.url import normalise
from filter.ledger import ledger_files

VIEW: Final = "ledger"
_READS: Final = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_LOCKED: Final = (
    "SET temp_directory = ''",
    "SET enable_external_access = false",
    "SET python_enable_replacements = false",
    "SET autoload_known_extensions = false",
    "SET autoinstall_known_extensions = false",
    "SET lock_configuration = true",
)
By = Literal["reason", "host", "format", "language"]

_MACRO: Final = """
create macro host_of(url) as
  lower(regexp_extract(url, '^[a-z]+://(?:[^/?#@]*@)?([^/?#:]+)', 1))
"""
"""`host_of(page_url)` may be used in any question."""
_GROUPS: Final[dict[By, str]] = {
    "reason": "''",
    "host": "host_of(page_url)",
    "format": "coalesce(format, '')",
    "language": "language",
}
_WHY: Final = """
select page_url, image_url, is_main, kept, stage, reason, value, threshold, detail,
       text, text_source, relevance, texts, sha256, width_px, height_px, shard, key, candidate_id
from ledger
where page_url in (select unnest($urls)) or image_url in (select unnest($urls))
   or list_has_any(alternative_urls, $urls)
order by kept desc, is_main desc, page_url, image_url, candidate_id
"""
_HOST: Final = """
select coalesce(stage, 'kept') as stage, coalesce(reason, '') as reason,
       count(*) as candidates, count(distinct page_url) as pages,
       count(*) / sum(count(*)) over () as share
from ledger
where host_of(page_url) = $host or ends_with(host_of(page_url), '.' || $host)
group by all
order by candidates desc, stage, reason
"""
_DROPS: Final = """
with fates as (
  select {group} as "by", coalesce(stage, 'kept') as stage, coalesce(reason, '') as reason,
         count(*) as candidates
  from ledger group by all)
select *, candidates / sum(candidates) over (partition by "by") as share
from fates
qualify stage != 'kept'
order by candidates desc, "by", stage, reason
limit $limit
"""


def ask(folder: Path, sql: str, values: dict[str, object] | None = None) -> pa.Table:
    """The answer of one SELECT over the ledger of a run, which stands as view `ledger`.

    Raises ValueError when there is no ledger, for any other statement, and for SQL that DuckDB
    cannot answer.
    """
    files = ledger_files(folder.parent if folder.name == "ledger" else folder)
    if not files:
        raise ValueError(f"{folder} has no ledger/*.parquet: name a run of `lait curate`")
    rows = ds.dataset([str(file) for file in files], format="parquet")
    with duckdb.connect(":memory:") as database:
        database.register(VIEW, rows)
        database.execute(_MACRO)
        for setting in _LOCKED:
            database.execute(setting)
        try:
            statements = database.extract_statements(sql)
            if len(statements) != 1 or statements[0].type not in _READS:
                raise ValueError(
                    f"{_short(sql)}: one SELECT is answered, and nothing else; its table is "
                    f"`{VIEW}`"
                )
            return database.sql(sql, params=values).to_arrow_table()
        except duckdb.Error as error:
            line = " ".join(str(error).split())
            raise ValueError(f"{_short(sql)} cannot be answered: {line}") from error


def _short(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= 80 else f"{line[:77]}..."


def why(folder: Path, url: str) -> pa.Table:
    """Every candidate of a page, or of an image, by its URL: fate, texts, where it lies."""
    urls: Sequence[str] = sorted({url, normalise(url, "") or url})
    return ask(folder, _WHY, {"urls": urls})


def host(folder: Path, name: str) -> pa.Table:
    """What became of the candidates of one host and its subdomains: (stage, reason), counted."""
    return ask(folder, _HOST, {"host": name.lower().strip(".")})


def drops(folder: Path, by: By = "reason", limit: int = 50) -> pa.Table:
    """Which filter drops most; per page host, image format or page language when asked.

    `share` is that of all candidates of the same group, kept ones included.
    """
    return ask(folder, _DROPS.format(group=_GROUPS[by]), {"limit": limit})
