"""How do people and programs break HTML?

Every kind leaves the page's real images, their texts and their URLs as they were for a parser
that follows the HTML standard (and for libxml2); what it breaks is everything around them.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from lait.world.web_case import Twist

_HIDDEN: Final = """
<!-- <img src="/old/header-2014.jpg" alt="the header of our old site" width="900" height="500"> -->
<!--[if lt IE 9]><img src="/old/ie-warning.png" alt="please use another browser"><![endif]-->
<script>
document.write('<img src="/old/written-by-script.jpg" alt="a picture that a script writes">');
var banner = "<img src='/old/banner-in-a-string.jpg' width=1200 height=600>";
</script>
"""
_PICTURE: Final = re.compile(r"<picture>.*?</picture>|<img [^>]*>", re.DOTALL)
"""An anchor inside `picture` would cut the image off from its sources."""
_STRAY: Final = '</div></td></table></b><font color="navy"><b><i>3 < 5 & so on</b></i></font>\n'


def break_html(html: str, twist: Twist) -> str:
    """The page with one kind of damage; other twists leave it alone."""
    return _BREAKERS[twist](html) if twist in _BREAKERS else html


def _unclosed(html: str) -> str:
    """No paragraph, item, cell or page is ever closed, and every third div is left open."""
    html = re.sub(r"</(?:p|li|td|tr|dd|dt|body|html)>", "", html, flags=re.IGNORECASE)
    pieces = html.split("</div>")
    return pieces[0] + "".join(
        ("" if n % 3 == 0 else "</div>") + piece for n, piece in enumerate(pieces[1:])
    )


def _nested_anchors(html: str) -> str:
    """A link around the whole body, and one before every image, none of them closed."""
    html = re.sub(r"(<body[^>]*>)", r'\1<a href="/campaign">', html, flags=re.IGNORECASE)
    return _PICTURE.sub(r'<a href="/popup" class="zoom">\g<0>', html)


def _bad_attributes(html: str) -> str:
    """Doubled, unquoted, unseparated and unfinished attributes."""
    html = html.replace("<img ", "<img onload=ready(this) data-note='5\" wide' / ")
    html = re.sub(r'( alt="[^"]*")', r"\1data-n=1 alt=second-alt-is-ignored ", html)
    return html.replace("<p>", '<p class=text align=left" style="color:red;>">')


def _hidden_markup(html: str) -> str:
    """Images that are none: in comments and in scripts, right after the body starts."""
    return re.sub(r"(<body[^>]*>)", lambda m: m.group(1) + _HIDDEN, html, flags=re.IGNORECASE)


def _tag_soup(html: str) -> str:
    """No doctype, no html, head or body; capitals; stray and wrongly nested tags."""
    html = re.sub(r"<!doctype[^>]*>\n?", "", html, flags=re.IGNORECASE)
    html = re.sub(r"<body[^>]*>", lambda _: _STRAY, html, flags=re.IGNORECASE)
    html = re.sub(r"</?(?:html|head|body)(?:\s[^>]*)?>\n?", "", html, flags=re.IGNORECASE)
    return re.sub(r"</?[a-z][a-z0-9]*", lambda m: m.group(0).upper(), html)


_BREAKERS: Final[Mapping[Twist, Callable[[str], str]]] = MappingProxyType(
    {
        "unclosed": _unclosed,
        "nested_anchors": _nested_anchors,
        "bad_attributes": _bad_attributes,
        "hidden_markup": _hidden_markup,
        "tag_soup": _tag_soup,
    }
)
