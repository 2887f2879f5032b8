"""What is peculiar to one host of the demo web?"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lait.world.page import Declared, Delivery, Draft, Role, UrlStyle

Genre = Literal["article", "blog", "gallery", "shop", "forum"]
Coding = Literal["identity", "gzip", "chunked", "gzip_chunked"]
OpenGraph = Literal["right", "none", "logo", "banner"]
"""What `og:image` names; `logo` and `banner` name the same picture on every page of the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One host: its genre, its template and its habits."""

    host: str
    name: str
    genre: Genre
    template: Callable[[Draft], str]
    page_path: str
    """Path of a page, with the fields {slug} and {n}."""
    file_url: str
    """Absolute URL of a picture's file, with the fields {name}, {n}, {w}, {h}, {ext}."""
    deliveries: tuple[Delivery, ...]
    """Taken in turn by the site's pages."""
    url_style: UrlStyle
    og: OpenGraph
    decoys: tuple[Role, ...]
    thumb_px: tuple[int, int] = (150, 100)
    base_url: str = ""
    charset: str = "utf-8"
    declared: Declared = "both"
    coding: Coding = "identity"
    language: str = "en"
    scheme: str = "https"

    @property
    def root(self) -> str:
        """URL of the home page, with its slash."""
        return f"{self.scheme}://{self.host}/"
