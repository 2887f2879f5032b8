"""Did one filter drop so much of its input that somebody should look before anything is kept?"""

from collections.abc import Mapping, Sequence
from typing import Final

from filter.funnel import REASONS, Funnel

_KNOWN: Final = sorted({reason for reasons in REASONS.values() for reason in reasons})


def bounds_of(shares: Sequence[str]) -> dict[str, float]:
    """`relevance=0.9` and so on by reason. Raises ValueError for anything else."""
    found: dict[str, float] = {}
    for given in shares:
        reason, _, number = given.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            raise ValueError(f"max_drop_shares: {given!r} is no reason=share, share in 0..1")
        if reason not in _KNOWN:
            raise ValueError(f"max_drop_shares: {given!r}: the reasons are {', '.join(_KNOWN)}")
        found[reason] = share
    return found


def check_drops(
    funnel: Funnel, max_share: float, max_share_of: Mapping[str, float], n_from: int
) -> None:
    """Raises RuntimeError when a filter dropped a larger share of what reached it than it may.

    Only filters that at least `n_from` candidates reached are asked.
    """
    for row in funnel.rows:
        bound = max_share_of.get(row.reason, max_share)
        if row.seen >= n_from and row.dropped > bound * row.seen:
            raise RuntimeError(
                f"{row.reason} ({row.stage}) dropped {row.dropped:,} of the {row.seen:,} "
                f"candidates that reached it, more than the share {bound:g}: the run is not "
                f"finished; ask its ledger why (`lait ledger query`), or accept it with "
                f"--set 'max_drop_shares=[{row.reason}=1]'"
            )
