"""What do news sites look like? A semantic one, one of bare divs, an old one of tables."""

from html import escape

from lait.world.page import Draft
from lait.world.page_markup import head, main, menu, paragraphs, picture, pictures


def herald(d: Draft) -> str:
    """HTML 5 as it is taught: header, main, article, figure, aside, footer."""
    json_ld = ""
    if d.og_image:
        json_ld = (
            '<script type="application/ld+json">{"@type":"NewsArticle","image":"'
            f'{d.og_image}"}}</script>'
        )
    return f"""<!DOCTYPE html>
<html lang="{d.language}">
<head>
{head(d)}
{json_ld}
</head>
<body class="single-post">
<header class="site-header">{pictures(d, "logo", css="site-logo")}
<nav><ul>{menu(d)}</ul></nav>{pictures(d, "sprite", css="icon")}</header>
{pictures(d, "banner", '<div class="top-banner">{image}</div>')}
<main>
<article class="story">
<h1>{escape(d.heading)}</h1>
<p class="byline">{pictures(d, "avatar", css="author-photo")} {d.chrome.by} {escape(d.author)},
<time datetime="{d.date}">{d.date}</time></p>
{paragraphs(d.lead)}
{main(d, '<figure class="lead-image">{image}[[<figcaption>{caption}</figcaption>]]</figure>')}
{paragraphs(d.body)}
{pictures(d, "listing", '<figure class="tile">{image}</figure>')}
</article>
<aside class="related"><h2>{d.chrome.related}</h2>
<ul>{pictures(d, "thumb", '<li>{image}<a href="{target}">{alt}</a></li>')}</ul></aside>
<section class="about"><h2>{d.chrome.about}</h2>{paragraphs(d.far)}</section>
</main>
<aside class="ad-slot">{d.chrome.advertisement}{pictures(d, "advertisement")}</aside>
<footer><p>{d.chrome.footer}</p>{pictures(d, "pixel")}</footer>
</body>
</html>
"""


def lantern(d: Draft) -> str:
    """Divs with class names and nothing else; the layout lives in the style sheet."""
    frame = '<div class="pic">{image}[[<div class="pic-caption">{caption}</div>]]</div>'
    return f"""<!doctype html>
<html>
<head>
{head(d, "wrap")}
</head>
<body>
<div class="wrap">
<div class="top"><div class="brand">{pictures(d, "logo")}</div>
<div class="links">{menu(d, "<div>", "</div>")}</div></div>
<div class="hero-strip">{pictures(d, "banner")}</div>
<div class="cols">
<div class="col-main">
<div class="headline">{escape(d.heading)}</div>
<div class="meta">{pictures(d, "avatar")}
<span>{d.chrome.by} {escape(d.author)} | {d.date}</span></div>
{paragraphs(d.lead, '<div class="para">', "</div>")}
{main(d, frame, "pic-img")}
{paragraphs(d.body, '<div class="para">', "</div>")}
{pictures(d, "listing", '<div class="cell">{image}</div>')}
</div>
<div class="col-side">
<div class="promo">{pictures(d, "advertisement")}</div>
<div class="box-title">{d.chrome.related}</div>
{pictures(d, "thumb", '<div class="card">{image}<div class="card-title">{alt}</div></div>')}
</div>
</div>
<div class="clear"></div>
<div class="box-title">{d.chrome.about}</div>
{paragraphs(d.far, '<div class="note">', "</div>")}
<div class="bottom">{pictures(d, "sprite")}{d.chrome.footer}{pictures(d, "pixel")}</div>
</div>
</body>
</html>
"""


def courier(d: Draft) -> str:
    """A site of the last century: tables, upper-case tags, presentational attributes."""
    frame = (
        '<TABLE ALIGN="right" WIDTH="50%"><TR><TD>{image}</TD></TR>'
        '[[<TR><TD CLASS="caption"><SMALL>{caption}</SMALL></TD></TR>]]</TABLE>'
    )
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<HTML>
<HEAD>
{head(d)}
</HEAD>
<BODY BGCOLOR="#FFFFFF" TEXT="#000000">
<TABLE WIDTH="100%" BORDER="0"><TR><TD>{pictures(d, "logo")}</TD>
<TD>{pictures(d, "banner")}</TD></TR></TABLE>
<TABLE WIDTH="100%" BORDER="0"><TR>
<TD VALIGN="top" WIDTH="160"><B>{escape(d.site_name)}</B><BR>{menu(d, "", "<BR>")}
{pictures(d, "sprite")}{pictures(d, "advertisement")}</TD>
<TD VALIGN="top">
<H1><FONT FACE="Arial">{escape(d.heading)}</FONT></H1>
<I>{d.chrome.by} {escape(d.author)}, {d.date}</I> {pictures(d, "avatar")}<HR>
{paragraphs(d.lead)}
{main(d, frame)}
{paragraphs(d.body)}
{pictures(d, "listing", "<P>{image}</P>")}
<HR><B>{d.chrome.related}</B><UL>
{pictures(d, "thumb", '<LI>{image} <A HREF="{target}">{alt}</A></LI>')}
</UL>
<HR><B>{d.chrome.about}</B>
{paragraphs(d.far)}
</TD></TR></TABLE>
<CENTER><SMALL>{d.chrome.footer}</SMALL>{pictures(d, "pixel")}</CENTER>
</BODY>
</HTML>
"""


def gazette(d: Draft) -> str:
    """A magazine: the picture opens the page, above the heading; the text comes in columns."""
    frame = (
        '<div class="opener" role="img">{image}</div>'
        '[[<p class="opener-caption caption">{caption}</p>]]'
    )
    logo = "".join(picture(d, slot, "masthead") for slot in d.of("logo"))
    return f"""<!DOCTYPE html>
<html lang="{d.language}">
<head>
{head(d)}
</head>
<body id="top">
<div id="masthead">{logo}<ul class="nav">{menu(d)}</ul></div>
<div id="content" role="main">
{main(d, frame)}
<h1 class="entry-title">{escape(d.heading)}</h1>
<div class="columns">
{paragraphs(d.lead)}
{paragraphs(d.body)}
</div>
<div class="grid">{pictures(d, "listing", '<div class="grid-cell">{image}</div>')}</div>
<div class="author-box">{pictures(d, "avatar")}
<p>{d.chrome.by} {escape(d.author)} &middot; {d.date}</p></div>
<div class="notes"><h2>{d.chrome.about}</h2>{paragraphs(d.far)}</div>
</div>
<div id="sidebar">{pictures(d, "banner")}
{pictures(d, "advertisement", '<div class="adbox">{image}</div>')}
<h3>{d.chrome.related}</h3><ol>{pictures(d, "thumb", "<li>{image}<br>{alt}</li>")}</ol></div>
<div id="footer">{d.chrome.footer} {pictures(d, "sprite")}{pictures(d, "pixel")}</div>
</body>
</html>
"""
