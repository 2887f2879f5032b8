"""Which image is a page about, if any?"""

import math
from collections.abc import Sequence

from crawl.candidate import DomFeatures
from crawl.features import is_small

THRESHOLD = 0.5
"""A page whose best image scores less has no main image."""

WEIGHTS: dict[str, float] = {
    "bias": -3.0,
    # what the head says
    "is_meta": 3.0,  # og:image, twitter:image, image_src or JSON-LD name it
    "meta_other": 1.0,  # they name it, but another one first
    "meta_in_frame": -2.0,  # they name it, and it is part of every page: a banner, a logo
    "meta_only": 1.5,  # and the body does not show it: no other signal can speak for it
    # where it stands
    "in_article": 0.4,
    "in_boilerplate": -0.2,
    "in_figure": 1.5,
    "in_list": -1.2,  # one of three or more look-alikes: a teaser, a product, a thumbnail
    "many": -0.4,  # one of six or more
    "noscript": -2.8,  # mostly tracking pixels
    "links_away": -1.0,  # advertises another page
    # where it stands in the text
    "content_first": 2.3,  # the first image that is neither small nor in boilerplate
    "early": 1.0,  # the first image at all
    "ahead": 1.0,  # before a tenth of the running text
    "in_text": 0.9,  # few ancestors to climb to the article's text
    "text_near": 0.5,
    "near_heading": 1.1,
    "before_heading": -2.0,
    "far_before": 1.1,
    # what it looks like
    "large": 0.8,
    "relative": 0.3,
    "small": -0.2,
    "tiny": -2.0,
    # what it is called
    "name_evidence": 0.6,
    "title_overlap": 1.5,
}


_OF_META = ("bias", "is_meta", "meta_other", "meta_in_frame", "name_evidence", "title_overlap")
"""Signals that speak for an image which only the head names."""


def signals(dom: DomFeatures) -> dict[str, float]:
    """The numbers that the weights multiply, each in or near 0..1."""
    width, height = dom.declared_width_px or 0, dom.declared_height_px or 0
    small = is_small(dom)
    content = 0.0 if small else 0.5 if dom.in_boilerplate else 1.0
    meta_only = dom.is_meta and dom.depth == 0
    return {
        "bias": 1.0,
        "is_meta": float(dom.meta_rank == 0),
        "meta_other": float(dom.meta_rank > 0),
        "meta_in_frame": float(dom.is_meta and dom.in_boilerplate and not small),
        "meta_only": float(meta_only),
        "in_article": float(dom.in_article),
        "in_boilerplate": float(dom.in_boilerplate),
        "in_figure": float(dom.in_figure),
        "in_list": float(dom.in_list),
        "links_away": float(dom.links_away),
        "name_evidence": dom.name_evidence,
        "small": float(small),
        "large": min(width / 600, 1.5) if width else 0.5,
        "tiny": float((0 < width < 40) or (0 < height < 40)),
        "noscript": float(dom.in_noscript),
        "near_heading": math.exp(-dom.heading_distance / 40) if dom.heading_distance >= 0 else 0.0,
        "before_heading": float(dom.before_heading),
        "far_before": float(dom.before_heading and dom.heading_distance > 40),
        "content_first": content / (1 + dom.content_ordinal),
        "relative": dom.relative_size if width else 0.4,
        "text_near": min(dom.text_chars_near / 500, 1.0),
        "ahead": float(dom.text_before < 0.1),
        "many": float(dom.n_look_alikes >= 6),
        "in_text": 1 / (1 + dom.levels_to_text) if dom.levels_to_text >= 0 else 0.0,
        "early": 1 / (1 + dom.ordinal),
        "title_overlap": min(dom.title_overlap * 2, 1.0),
    }


def score(dom: DomFeatures) -> float:
    """Probability-like score in 0..1 that an image is its page's main image."""
    values = signals(dom)
    total = sum(weight * values[name] for name, weight in WEIGHTS.items())
    if dom.is_meta and dom.depth:
        # A small copy in a sidebar does not take back what the head says.
        alone = {name: values[name] for name in _OF_META} | {"meta_only": 1.0}
        total = max(total, sum(WEIGHTS[name] * value for name, value in alone.items()))
    return round(1 / (1 + math.exp(-max(min(total, 30.0), -30.0))), 4)


def choose(scores: Sequence[float], threshold: float = THRESHOLD) -> int | None:
    """Index of the page's main image: the best score, the earlier of equals.

    Returns:
        None when no score reaches the threshold: then the page is about none of its images.
    """
    best = max(range(len(scores)), key=lambda i: (scores[i], -i), default=None)
    return best if best is not None and scores[best] >= threshold else None
