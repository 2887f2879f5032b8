"""What do picture galleries look like? A viewer, a museum's record, a stock site."""

from html import escape

from lait.world.page import Draft
from lait.world.page_markup import head, main, menu, paragraphs, pictures


def viewer(d: Draft) -> str:
    """A dark viewer with the picture first and a strip of others under it."""
    frame = '<div class="stage">{image}</div>[[<div class="photo-description">{caption}</div>]]'
    return f"""<!DOCTYPE html>
<html lang="{d.language}">
<head>
{head(d, "viewer")}
</head>
<body class="dark">
<div class="bar">{pictures(d, "logo")}<ul>{menu(d)}</ul>{pictures(d, "sprite", css="sprite")}</div>
{pictures(d, "banner", '<div class="announce">{image}</div>')}
<div class="viewer">
{main(d, frame, "photo")}
<h1 class="photo-title">{escape(d.heading)}</h1>
<div class="owner">{pictures(d, "avatar", css="buddy-icon")}<span>{escape(d.author)}</span></div>
<div class="photo-text">
{paragraphs(d.lead)}
{paragraphs(d.body)}
</div>
<div class="tiles">{pictures(d, "listing", '<div class="tile">{image}</div>')}</div>
</div>
<div class="filmstrip">
{pictures(d, "thumb", '<div class="frame">{image}</div>')}
</div>
<div class="sponsor">{pictures(d, "advertisement")}</div>
<div class="colophon"><h2>{d.chrome.about}</h2>{paragraphs(d.far)}</div>
<div class="foot">{d.chrome.footer}{pictures(d, "pixel")}</div>
</body>
</html>
"""


def museum(d: Draft) -> str:
    """A record of a collection: a figure beside a definition list."""
    return f"""<!DOCTYPE html>
<html lang="{d.language}">
<head>
{head(d, "record")}
</head>
<body>
<header role="banner">{pictures(d, "logo")}<nav role="navigation"><ul>{menu(d)}</ul></nav></header>
<main role="main" class="record" itemscope itemtype="https://schema.org/CreativeWork">
<h1 itemprop="name">{escape(d.heading)}</h1>
<div class="record-media">
{main(d, '<figure itemprop="image">{image}[[<figcaption>{caption}</figcaption>]]</figure>')}
</div>
<dl class="facts"><dt>No.</dt><dd>{d.date[-2:]}-{len(d.heading)}</dd>
<dt>{d.chrome.by}</dt><dd>{escape(d.author)}</dd></dl>
<div class="record-text" itemprop="description">
{paragraphs(d.lead)}
{paragraphs(d.body)}
</div>
{pictures(d, "listing", '<figure class="plate">{image}</figure>')}
</main>
<section class="more"><h2>{d.chrome.related}</h2>
<ul class="thumbs">{pictures(d, "thumb", "<li>{image}</li>")}</ul></section>
<section class="visit"><h2>{d.chrome.about}</h2>{pictures(d, "avatar")}{paragraphs(d.far)}</section>
<footer>{pictures(d, "banner")}{pictures(d, "advertisement")}{pictures(d, "sprite")}
<p>{d.chrome.footer}</p>{pictures(d, "pixel")}</footer>
</body>
</html>
"""


def stocky(d: Draft) -> str:
    """A stock site: the preview in a box, look-alikes in a dense grid before the text."""
    frame = (
        '<div class="preview-box"><div class="preview">{image}</div></div>'
        '[[<div class="asset-caption">{caption}</div>]]'
    )
    return f"""<!doctype html>
<html>
<head>
{head(d, "shell")}
</head>
<body>
<div class="shell">
<div class="shell-top">{pictures(d, "logo")}<div>{menu(d, "<span>", "</span>")}</div></div>
<div class="shell-promo">{pictures(d, "banner")}</div>
<div class="asset">
<div class="asset-title"><h1>{escape(d.heading)}</h1></div>
<div class="asset-media">{main(d, frame)}</div>
<div class="asset-side">{pictures(d, "avatar")}<span>{escape(d.author)}</span>
<span>{pictures(d, "sprite")}</span></div>
</div>
<div class="similar"><div class="h2">{d.chrome.related}</div>
<div class="mosaic">{pictures(d, "thumb", '<div class="mosaic-item">{image}</div>')}</div></div>
<div class="mosaic big">{pictures(d, "listing", '<div class="mosaic-item">{image}</div>')}</div>
<div class="asset-text">
{paragraphs(d.lead)}
{paragraphs(d.body)}
</div>
<div class="asset-text">{paragraphs(d.far)}</div>
<div class="ads">{pictures(d, "advertisement")}</div>
<div class="shell-bottom">{d.chrome.footer}{pictures(d, "pixel")}</div>
</div>
</body>
</html>
"""
