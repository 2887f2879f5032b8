"""Which numbers does the main-image model weigh, and which way may each of them count?"""

import math
from dataclasses import replace
from typing import Final

from crawl.candidate import DomFeatures
from crawl.features import is_small

MIN_TEMPLATE_PAGES: Final = 3
"""Fewer pages with an image say nothing: an article may have a second page and a print version."""
_AD_SIZES: Final = frozenset(
    [(728, 90), (300, 250), (336, 280), (160, 600), (320, 50), (970, 250), (468, 60), (120, 600)]
)
"""Sizes that advertisements are sold in."""

SIGNS: Final[dict[str, int]] = {
    "bias": 0,  # what the image's being there says, against the page's having no main image
    # What the head says.
    "is_meta": 1,  # og:image, twitter:image, image_src or JSON-LD name it
    "meta_other": 1,  # they name it, but another one first
    "meta_only": 0,  # and the body does not show it: no other signal can speak for it
    "site_wide": -1,  # they name it, but it is the same on every page, or is called so
    # What other pages of the site say.
    "template": -1,  # they show it too
    # Where it stands in the tree.
    "in_article": 1,
    "in_boilerplate": -1,
    "maybe_boilerplate": -1,
    "in_figure": 1,
    "in_list": -1,  # one of three or more look-alikes: a teaser, a product, a thumbnail
    "many": -1,  # one of six or more
    "noscript": -1,  # mostly tracking pixels
    "links_home": -1,  # the logo
    "links_away": -1,  # advertises another page
    "teaser": -1,  # and does so in a list
    "own_teaser": 1,  # in a list, but the page it advertises, by its title, is this one
    "links_larger": 1,  # links to an image
    "marked": 1,  # microdata or loading priority
    # Where it stands in the text.
    "content_first": 1,  # the first image that may be content at all
    "early": 0,  # the first image at all
    "ahead": 1,  # before a tenth of the running text
    "behind": -1,  # after nine tenths of it
    "in_text": 1,  # few ancestors to climb to the article's text
    "apart": -1,  # far from it in the tree
    "no_text": 0,  # there is none
    "text_near": 1,
    "near_heading": 1,
    "above_title": 1,  # right above the page's heading
    "below_title": 1,  # right below
    "before_title": -1,  # above, with other headings between
    "after_title": -1,  # below, with other headings between
    # What it looks like.
    "large": 1,
    "relative": 1,  # beside the page's largest
    "tiny": -1,
    "small": -1,
    "ad_size": -1,
    "banner": -1,  # much wider than high
    # What it is called.
    "good_name": 1,
    "bad_name": 1,  # negative itself
    "worst_name": -1,
    "title_overlap": 1,
    "slug_overlap": 1,
    "number": 1,  # a long number in the URLs of image and page
    "same_date": 1,
    "other_date": -1,
    "content_folder": 1,
    "furniture": -1,
    "photo": 1,
    "alt": 1,
    "shown_twice": 1,
    "versions": 1,
}
"""Signals, and the sign that each weight may have (0: either). A person knows that being tiny
cannot speak for an image; the few hundred pages to learn from do not always show it."""
HINTS: Final = ("is_meta", "meta_other", "meta_only")
"""Signals of the page's head."""
BY_HAND: Final = ("site_wide", "template")
"""Signals that single pages cannot teach."""


def signals(dom: DomFeatures) -> dict[str, float]:
    """The numbers that the weights multiply, each in or near 0..1, in the order of `SIGNS`."""
    return {
        **_bias_and_head(dom),
        **_place(dom),
        **_text(dom),
        **_looks(dom),
        **_names(dom),
    }


def head_only(dom: DomFeatures) -> DomFeatures:
    """The same image as if the head alone named it.

    A small copy in a sidebar does not take back what the head says.
    """
    return replace(
        dom,
        depth=0,
        in_article=False,
        in_boilerplate=False,
        maybe_boilerplate=False,
        in_figure=False,
        in_link=False,
        in_list=False,
        in_noscript=False,
        n_look_alikes=0,
        links_away=False,
        links_home=False,
        links_to_page=False,
        heading_distance=-1,
        headings_between=-1,
        before_heading=False,
        levels_to_text=-1,
        text_levels_apart=-1,
        text_chars_near=0,
        text_before=0.0,
        declared_width_px=None,
        declared_height_px=None,
        relative_size=0.0,
        n_shown=0,
    )


def _bias_and_head(dom: DomFeatures) -> dict[str, float]:
    # An image that several pages name as their own is the site's, not the page's.
    site_wide = dom.has_site_wide_name or dom.pages_naming_image >= MIN_TEMPLATE_PAGES
    named = dom.is_meta and not site_wide
    return {
        "bias": 1.0,
        "is_meta": float(named and dom.meta_rank == 0),
        "meta_other": float(named and dom.meta_rank > 0),
        "meta_only": float(named and dom.depth == 0),
        "site_wide": float(dom.is_meta and site_wide),
        "template": _template_share(dom),
    }


def _template_share(dom: DomFeatures) -> float:
    """1 for an image on half of a host's pages or more; 0 where too few pages show it."""
    pages = max(dom.pages_with_image, dom.pages_naming_image)
    if pages < MIN_TEMPLATE_PAGES:
        return 0.0
    return min(2 * pages / max(dom.host_pages, 1), 1.0)


def _place(dom: DomFeatures) -> dict[str, float]:
    teaser = dom.links_away and not dom.links_to_page
    return {
        "in_article": float(dom.in_article),
        "in_boilerplate": float(dom.in_boilerplate),
        "maybe_boilerplate": float(dom.maybe_boilerplate),
        "in_figure": float(dom.in_figure),
        "in_list": float(dom.in_list),
        "many": float(dom.n_look_alikes >= 6),
        "noscript": float(dom.in_noscript and not (dom.is_photo_file and dom.declared_width_px)),
        "links_home": float(dom.links_home),
        "links_away": float(teaser),
        "teaser": float(teaser and dom.in_list),
        "own_teaser": float(dom.links_to_page and dom.in_list and dom.title_overlap >= 0.5),
        "links_larger": float(dom.in_link and not dom.links_away),
        "marked": float(dom.is_marked),
    }


def _text(dom: DomFeatures) -> dict[str, float]:
    in_body, apart = dom.depth > 0, dom.text_levels_apart
    between, before = dom.headings_between, dom.before_heading
    content = 0.4 if is_small(dom) else 0.6 if dom.in_boilerplate else 1.0
    near_heading = math.exp(-dom.heading_distance / 20) if dom.heading_distance >= 0 else 0.0
    return {
        "content_first": content / (1 + dom.content_ordinal),
        "early": 1 / (1 + dom.ordinal),
        "ahead": float(in_body and dom.text_before < 0.1),
        "behind": float(in_body and dom.text_before > 0.9),
        "in_text": 1 / (1 + dom.levels_to_text) if dom.levels_to_text >= 0 else 0.0,
        "apart": min(apart, 8) / 8 if apart >= 0 else 0.0,
        "no_text": float(apart < 0 and in_body),
        "text_near": min(dom.text_chars_near / 500, 1.0),
        "near_heading": near_heading,
        "above_title": near_heading * (before and between == 0),
        "below_title": float(not before and between == 0),
        "before_title": float(before and between > 0),
        "after_title": min(between, 5) / 5 if between > 0 else 0.0,
    }


def _looks(dom: DomFeatures) -> dict[str, float]:
    width, height = dom.declared_width_px or 0, dom.declared_height_px or 0
    return {
        "large": min(width / 600, 1.5) if width else 0.5,
        "relative": dom.relative_size if width else 0.4,
        "tiny": float((0 < width < 40) or (0 < height < 40)),
        "small": float(is_small(dom)),
        "ad_size": float((width, height) in _AD_SIZES and not dom.is_meta),
        "banner": float(width > 3.5 * height > 0),
    }


def _names(dom: DomFeatures) -> dict[str, float]:
    name = dom.name_evidence
    return {
        "good_name": max(name, 0.0),
        "bad_name": min(max(name, -2.0), 0.0),
        "worst_name": float(name <= -3),
        "title_overlap": min(dom.title_overlap * 2, 1.0),
        "slug_overlap": min(dom.slug_overlap * 2, 1.0),
        "number": float(dom.shares_number and not is_small(dom)),
        "same_date": float(dom.date_match > 0),
        "other_date": float(dom.date_match < 0),
        "content_folder": float(dom.folder_evidence > 0),
        "furniture": float(dom.folder_evidence < 0),
        "photo": float(dom.is_photo_file),
        "alt": min(dom.alt_chars / 40, 1.0),
        "shown_twice": float(dom.n_shown > 1),
        "versions": float(dom.n_versions > 2),
    }
