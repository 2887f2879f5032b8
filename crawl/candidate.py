"""What does a page say about one of its images?"""

from dataclasses import dataclass
from typing import Literal

TextSource = Literal[
    "alt",
    "title",
    "aria",
    "caption",
    "linked_data",
    "cell",
    "link",
    "heading",
    "surrounding",
    "page_title",
    "description",
    "file_name",
]
"""Where a text was found. `caption` is a figcaption or caption-like neighbour; `linked_data` what
JSON-LD says about the image; `cell` the words of its table cell or of the cells beside it;
`surrounding` the running text next to the image; `heading` the nearest heading above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One description of an image, with the place of the page it was read from."""

    source: TextSource
    text: str
    """White space folded to single spaces, never empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomFeatures:
    """What the DOM tree says about one image element: the evidence for the main image."""

    ordinal: int
    """Place among the page's images in document order, from 0."""
    n_images: int
    """How many distinct images the page has."""
    depth: int
    """Number of ancestors of the element."""
    in_article: bool
    """An ancestor is `article`, `main`, or carries the matching role or itemprop."""
    in_boilerplate: bool
    """An ancestor is a header, nav, aside, footer or is named like one."""
    in_figure: bool
    """An ancestor is `figure`."""
    in_link: bool
    """An ancestor is `a` with an href."""
    in_list: bool
    """It has three or more sibling items that each hold a look-alike image."""
    in_noscript: bool
    """It was found inside `noscript`."""
    is_meta: bool
    """The page's meta tags (og:image, twitter:image, image_src) or JSON-LD name this image."""
    declared_width_px: int | None
    """Width by attribute, style or srcset descriptor; None when the page states none."""
    declared_height_px: int | None
    """Height, likewise."""
    heading_distance: int
    """Elements between the image and the page's first h1 (without one, the first heading that
    repeats the title); -1 when there is no such heading."""
    text_chars_near: int
    """Characters of running text in the nearest block ancestor that has any."""
    name_evidence: float
    """Words of class, id, alt and file name for (+) or against (-) a content image."""
    before_heading: bool = False
    """It stands before the page's first h1."""
    n_look_alikes: int = 0
    """Images in sibling items of the same kind, itself included; 0 when it stands alone."""
    links_away: bool = False
    """It links to another page, not to itself or to an image."""
    links_home: bool = False
    """It links to the site's front page."""
    levels_to_text: int = -1
    """Ancestors to climb until one holds most of the page's running text; -1 when none does."""
    text_before: float = 0.0
    """Share of the page's running text that comes before it, in 0..1."""
    title_overlap: float = 0.0
    """Share of the words of the page's title that its own texts and file name repeat, in 0..1."""
    content_ordinal: int = 0
    """Place among the images that are neither in boilerplate nor small, from 0; for the others,
    how many such images come before."""
    meta_rank: int = -1
    """0 for the image that the head trusts most, 1 for others it names, -1 without `is_meta`."""
    relative_size: float = 0.0
    """Declared area as a share of the largest declared on the page, in 0..1; 0 when unknown."""
    maybe_boilerplate: bool = False
    """Not `in_boilerplate`, but an ancestor has a name that frames and content both carry."""
    text_levels_apart: int = -1
    """Levels between the innermost box that holds most of the running text and the innermost one
    that holds the image too: 0 inside the text, -1 when no box holds it."""
    headings_between: int = -1
    """Headings between the image and the page's heading; -1 when there is no such heading."""
    links_to_page: bool = False
    """It links to the page it stands on, as in a list of what is most read."""
    shares_number: bool = False
    """Its URL and the page's share a number of five digits or more."""
    date_match: int = 0
    """1 when its URL and the page's name the same year and month, -1 for different ones, else 0."""
    folder_evidence: float = 0.0
    """1 for a folder of uploads or articles, -1 for one of a site's own furniture, else 0."""
    is_photo_file: bool = False
    """Its file has a format of photographs: JPEG, WebP or AVIF."""
    is_marked: bool = False
    """Microdata or a loading priority single it out."""
    slug_overlap: float = 0.0
    """Share of the words of the page's URL that its own texts and file name repeat, in 0..1."""
    alt_chars: int = 0
    """Length of its alt text."""
    n_shown: int = 0
    """Elements of the page that show it; 0 for an image known only from the head."""
    n_versions: int = 0
    """URLs under which the page offers it."""
    has_site_wide_name: bool = False
    """The head names it, and its file's name says that it stands for the site: `og-default.png`."""
    pages_with_image: int = 0
    """Pages of the page's host that show it otherwise than as a link to another page; 0 until a
    whole crawl has been counted (`crawl.templates`), and for fewer than three pages."""
    pages_naming_image: int = 0
    """Pages of that host whose head names it, likewise."""
    host_pages: int = 0
    """Pages of that host with any image, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One image of a page and ALL the words around it: a pure function of one `Page`."""

    candidate_id: str
    """sha256 of archive name, offset, page URL and image URL, first 32 hex digits."""
    page_url: str
    image_url: str
    """Absolute, normalised; the best version the page offers."""
    alternative_urls: tuple[str, ...]
    """Other absolute URLs of the same picture (src beside srcset, smaller ones), best first."""
    texts: tuple[Text, ...]
    """Every text found, in a fixed order of sources."""
    dom: DomFeatures
    main_score: float
    """Score of the main-image model in 0..1; higher is more likely the page's subject."""
    is_main: bool
    """This image is what the page is about. At most one per page, possibly none."""
    language: str
    """ISO 639-1 code of the page's running text, 'und' when it cannot be told."""
    language_score: float
    """Probability of `language` in 0..1."""
    opt_out: tuple[str, ...]
    """Signals that reach this image: `noai`, `noimageai`, `noindex`, `noimageindex`, `tdm`."""
    page_file: str
    page_offset: int
    page_digest: str
    """Provenance, as in `crawl.page.Page`."""
    fetched_at: str

    def text(self, source: TextSource) -> str:
        """The first text from one source, or '' when the page has none there."""
        return next((text.text for text in self.texts if text.source == source), "")
