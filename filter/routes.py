"""Which way does a verdict take through the graph?"""

from typing import Any, Final

from apache_beam.pvalue import TaggedOutput

from crawl.transforms import count
from filter.verdict import Verdict

KEPT: Final = "kept"
DROPPED: Final = "dropped"


def sort_out(verdict: Verdict) -> Any:
    """A verdict on its way to one of the two outputs, counted by stage and reason when dropped."""
    if verdict.kept:
        return TaggedOutput(KEPT, verdict)
    count(f"{verdict.stage}/{verdict.reason}")
    return TaggedOutput(DROPPED, verdict)


def by_id(verdict: Verdict) -> tuple[str, Verdict]:
    """Keyed by candidate id."""
    return verdict.candidate.candidate_id, verdict
