"""Which page goes to which host, and with whom does it belong together?"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from lait.world.page import Delivery
from lait.world.site import Site
from lait.world.site_foreign import SITES
from lait.world.web_case import Case, Member
from lait.world.web_cases import CASES

PAGES_OF_TABLE: Final = 700
"""The size the page counts of the table are written for."""
_TWO_FILES: Final[frozenset[Delivery]] = frozenset(
    ("srcset_width", "srcset_density", "picture", "lazy_srcset", "lazy_picture")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlan:
    """One page to be written."""

    number: int
    """Unique in the world, from 1; part of the page's URL."""
    site: Site
    delivery: Delivery
    case: Case
    member: Member
    place: int
    """Place among the members of its group, from 0."""
    group: int
    """Number of the group; pages of one case made together share it."""


def plan_pages(n_pages: int, seed: int) -> tuple[PagePlan, ...]:
    """The pages of a world of about `n_pages`, every phenomenon at least once, order shuffled."""
    groups = [case for case in CASES for _ in range(_n_groups(case, n_pages))]
    random.Random(f"plan:{seed}").shuffle(groups)
    hosts = _Hosts()
    plans: list[PagePlan] = []
    for group, case in enumerate(groups):
        for place, member in enumerate(case.members):
            site, delivery = hosts.next_for(case)
            plans.append(
                PagePlan(
                    number=len(plans) + 1,
                    site=site,
                    delivery=delivery,
                    case=case,
                    member=member,
                    place=place,
                    group=group,
                )
            )
    return tuple(plans)


def has_two_files(delivery: Delivery) -> bool:
    """The markup names a smaller file of the picture beside the best one."""
    return delivery in _TWO_FILES


def _n_groups(case: Case, n_pages: int) -> int:
    return max(1, round(case.pages * n_pages / PAGES_OF_TABLE / len(case.members)))


class _Hosts:
    """Deals pages to hosts in turn, and within a host its ways to deliver pictures in turn."""

    def __init__(self) -> None:
        english = [site for site in SITES if site.language == "en"]
        self._turns: dict[str, Iterator[Site]] = {
            "en": cycle(english),
            "thread": cycle([site for site in english if site.genre == "forum"]),
            "two files": cycle(
                [site for site in english if any(map(has_two_files, site.deliveries))]
            ),
        }
        for site in SITES:
            if site.language != "en":
                self._turns[site.language] = cycle([site])
        self._deliveries = {site.host: cycle(site.deliveries) for site in SITES}

    def next_for(self, case: Case) -> tuple[Site, Delivery]:
        if case.reply == "best_missing":
            site = next(self._turns["two files"])
            return site, next(filter(has_two_files, site.deliveries))
        site = next(self._turns["thread" if case.twist == "thread" else case.language])
        return site, next(self._deliveries[site.host])
