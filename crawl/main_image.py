"""Which image is a page about, if any?"""

import math
from collections.abc import Sequence

from crawl.candidate import DomFeatures
from crawl.features import is_small

THRESHOLD = 0.5
"""A page whose best image scores less has no main image."""

WEIGHTS: dict[str, float] = {
    "bias": -2.3,
    # What the head says.
    "is_meta": 3.4,  # og:image, twitter:image, image_src or JSON-LD name it
    "meta_other": 0.3,  # they name it, but another one first
    "meta_only": 1.0,  # and the body does not show it: no other signal can speak for it
    "meta_bad_name": -2.0,  # and its name says logo or banner: it is the same on every page
    # Where it stands in the tree.
    "in_article": 0.3,
    "in_boilerplate": -0.1,
    "in_figure": 1.2,
    "in_list": -1.4,  # one of three or more look-alikes: a teaser, a product, a thumbnail
    "many": -0.4,  # one of six or more
    "noscript": -3.0,  # mostly tracking pixels
    "links_home": -0.8,  # the logo
    "links_away": -0.7,  # advertises another page
    # Where it stands in the text.
    "content_first": 2.3,  # the first image that is neither small nor in boilerplate
    "early": 0.7,  # the first image at all
    "ahead": 0.5,  # before a tenth of the running text
    "in_text": 0.7,  # few ancestors to climb to the article's text
    "text_near": 0.2,
    "near_heading": 1.7,
    "before_heading": -2.0,
    "far_before": 1.7,  # so far before that the heading may be another one's
    # What it looks like.
    "large": 0.7,
    "relative": 0.5,  # beside the page's largest
    "tiny": -2.3,
    "ad_size": -1.5,
    # What it is called.
    "name_evidence": 0.7,
    "title_overlap": 2.0,
}
"""What each of `signals` counts, in logits. Fitted by a conditional logistic regression over real
pages and the demo world, then rounded by hand."""

_AD_SIZES = frozenset(
    [(728, 90), (300, 250), (336, 280), (160, 600), (320, 50), (970, 250), (468, 60), (120, 600)]
)
"""Sizes that advertisements are sold in."""
_OF_META = ("bias", "is_meta", "meta_other", "meta_bad_name", "name_evidence", "title_overlap")
"""Signals that speak for an image which only the head names."""


def signals(dom: DomFeatures) -> dict[str, float]:
    """The numbers that the weights multiply, each in or near 0..1."""
    width, height = dom.declared_width_px or 0, dom.declared_height_px or 0
    small = is_small(dom)
    content = 0.4 if small else 0.7 if dom.in_boilerplate else 1.0
    meta_only = dom.is_meta and dom.depth == 0
    return {
        "bias": 1.0,
        "is_meta": float(dom.meta_rank == 0),
        "meta_other": float(dom.meta_rank > 0),
        "meta_only": float(meta_only),
        "in_article": float(dom.in_article),
        "in_boilerplate": float(dom.in_boilerplate),
        "in_figure": float(dom.in_figure),
        "in_list": float(dom.in_list),
        "links_away": float(dom.links_away),
        "name_evidence": dom.name_evidence,
        "large": min(width / 600, 1.5) if width else 0.5,
        "tiny": float((0 < width < 40) or (0 < height < 40)),
        "noscript": float(dom.in_noscript),
        "near_heading": math.exp(-dom.heading_distance / 40) if dom.heading_distance >= 0 else 0.0,
        "before_heading": float(dom.before_heading),
        "far_before": float(dom.before_heading and dom.heading_distance > 40),
        "content_first": content / (1 + dom.content_ordinal),
        "relative": dom.relative_size if width else 0.4,
        "links_home": float(dom.links_home),
        "ad_size": float((width, height) in _AD_SIZES and not dom.is_meta),
        "meta_bad_name": float(dom.is_meta and dom.name_evidence <= -1),
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
