"""What do shops look like? A product page with tabs, a handmade market, a catalogue of tables."""

from html import escape

from lait.world.page import Draft
from lait.world.page_markup import head, main, menu, paragraphs, pictures


def tabbed(d: Draft) -> str:
    """A product page: media column, buy box, tabs, cross-selling."""
    frame = '<div class="product-media">{image}[[<div class="media-note">{caption}</div>]]</div>'
    return f"""<!DOCTYPE html>
<html lang="{d.language}">
<head>
{head(d, "product")}
</head>
<body class="product-page">
<header class="shop-header">{pictures(d, "logo")}<nav><ul>{menu(d)}</ul></nav>
{pictures(d, "sprite", css="cart-icon")}</header>
<div class="usp-bar">{pictures(d, "banner")}</div>
<main class="product" itemscope itemtype="https://schema.org/Product">
<div class="product-grid">
{main(d, frame, "product-image")}
<div class="buy-box"><h1 itemprop="name">{escape(d.heading)}</h1>
<span class="price">&pound;{int(d.date[-2:]) + 4}.90</span>
<button>+</button></div>
</div>
<div class="tab" id="description">
{paragraphs(d.lead)}
{paragraphs(d.body)}
</div>
<div class="plp">{pictures(d, "listing", '<div class="plp-item">{image}</div>')}</div>
</main>
<div class="reviews"><h2>{d.chrome.comments}</h2>{pictures(d, "avatar", "<div>{image}</div>")}</div>
<div class="cross-sell"><h2>{d.chrome.related}</h2>
<ul>{pictures(d, "thumb", '<li class="product-card">{image}<span>{alt}</span></li>')}</ul></div>
<div class="shop-info"><h2>{d.chrome.about}</h2>{paragraphs(d.far)}</div>
{pictures(d, "advertisement", '<div class="partner">{image}</div>')}
<footer>{d.chrome.footer}{pictures(d, "pixel")}</footer>
</body>
</html>
"""


def handmade(d: Draft) -> str:
    """A market of small sellers: long description first, the picture in a list item."""
    frame = (
        '<ul class="carousel"><li class="carousel-pane">{image}</li></ul>'
        '[[<p class="pane-caption">{caption}</p>]]'
    )
    return f"""<!DOCTYPE html>
<html lang="{d.language}">
<head>
{head(d, "listing-page")}
</head>
<body>
<div class="global-nav">{pictures(d, "logo")}<ul>{menu(d)}</ul></div>
<div class="listing-page">
<div class="seller">{pictures(d, "avatar", css="shop-icon")}<b>{escape(d.author)}</b></div>
<h1>{escape(d.heading)}</h1>
<div class="listing-text">
{paragraphs(d.lead)}
</div>
{main(d, frame)}
<div class="listing-text">
{paragraphs(d.body)}
</div>
{pictures(d, "listing", '<div class="shop-tile">{image}</div>')}
<div class="more-from"><h2>{d.chrome.related}</h2>
{pictures(d, "thumb", '<a class="tile" href="{target}">{alt}</a>{image}')}</div>
</div>
<div class="faq"><h2>{d.chrome.about}</h2>{paragraphs(d.far)}</div>
<div class="strip">{pictures(d, "banner")}{pictures(d, "advertisement")}</div>
<div class="legal">{pictures(d, "sprite")}{d.chrome.footer}{pictures(d, "pixel")}</div>
</body>
</html>
"""


def catalogue(d: Draft) -> str:
    """A wholesaler's catalogue: one row of a table, spacers and inline styles."""
    frame = '<td class="item-pic" width="50%">{image}[[<br><i>{caption}</i>]]</td>'
    return f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN">
<html xmlns="http://www.w3.org/1999/xhtml">
<head>
{head(d, "item")}
</head>
<body style="margin:0">
<center>{pictures(d, "banner")}</center>
<table class="head"><tr><td>{pictures(d, "logo")}</td><td>{menu(d, "", " | ")}</td></tr></table>
<table class="item"><tr>
{main(d, frame)}
<td class="item-text"><h2>{escape(d.heading)}</h2>
{paragraphs(d.lead)}
{paragraphs(d.body)}
{pictures(d, "sprite")}</td>
</tr></table>
<table class="others"><tr>{pictures(d, "listing", "<td>{image}</td>")}</tr></table>
<table class="others"><caption>{d.chrome.related}</caption>
<tr>{pictures(d, "thumb", "<td>{image}<br />{alt}</td>")}</tr></table>
<div style="clear:both">{pictures(d, "advertisement")}{pictures(d, "avatar")}</div>
<div class="terms"><b>{d.chrome.about}</b>{paragraphs(d.far)}</div>
<p>{d.chrome.footer}{pictures(d, "pixel")}</p>
</body>
</html>
"""
