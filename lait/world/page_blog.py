"""What do blogs look like? A WordPress-like theme, a minimal one, a busy one with a sidebar."""

from html import escape

from lait.world.page import Draft
from lait.world.page_markup import head, main, menu, paragraphs, pictures


def pressed(d: Draft) -> str:
    """The most copied theme of the web: `wp-caption`, `alignnone`, widgets."""
    frame = (
        '<div id="attachment_7" class="wp-caption alignnone">{image}'
        '[[<p class="wp-caption-text">{caption}</p>]]</div>'
    )
    return f"""<!DOCTYPE html>
<html lang="{d.language}">
<head>
{head(d, "hentry")}
</head>
<body class="post-template-default single">
<div id="page" class="hfeed site">
<header id="masthead">{pictures(d, "logo", css="custom-logo")}
<p class="site-title">{escape(d.site_name)}</p>
{pictures(d, "banner", css="header-image")}
<ul class="nav-menu">{menu(d)}</ul></header>
<div id="primary"><div id="content">
<article class="post hentry">
<h1 class="entry-title">{escape(d.heading)}</h1>
<div class="entry-meta">{d.date} {d.chrome.by} {escape(d.author)}</div>
<div class="entry-content">
{paragraphs(d.lead)}
{main(d, frame, "alignnone size-large wp-image-7")}
{paragraphs(d.body)}
{pictures(d, "listing", "<p>{image}</p>")}
</div>
<div class="author-info">{pictures(d, "avatar", css="avatar avatar-96 photo")}</div>
<div class="jp-relatedposts"><h3>{d.chrome.related}</h3>
{pictures(d, "thumb", '<div class="relatedposts-post">{image}<h4>{alt}</h4></div>')}</div>
<div class="about-blog"><h3>{d.chrome.about}</h3>{paragraphs(d.far)}</div>
</article>
</div></div>
<div id="secondary" class="widget-area">
<div class="widget">{pictures(d, "advertisement")}</div></div>
<footer class="site-info">{d.chrome.footer}{pictures(d, "sprite", css="sharing-icon")}
{pictures(d, "pixel")}</footer>
</div>
</body>
</html>
"""


def plainly(d: Draft) -> str:
    """One column, hardly any class names, the picture alone in a paragraph."""
    return f"""<!DOCTYPE html>
<html lang="{d.language}">
<head>
{head(d, "page")}
</head>
<body>
<p>{pictures(d, "logo")} <a href="/">{escape(d.site_name)}</a></p>
<h1>{escape(d.heading)}</h1>
<p><em>{d.date}</em></p>
{paragraphs(d.lead)}
{main(d, '<p>{image}</p>[[<p class="img-caption"><small>{caption}</small></p>]]')}
{paragraphs(d.body)}
{pictures(d, "listing", "<p>{image}</p>")}
<hr>
<p>{pictures(d, "avatar")} {d.chrome.by} {escape(d.author)}</p>
<ul>
{menu(d)}
</ul>
{pictures(d, "banner", "<p>{image}</p>")}
<h2>{d.chrome.related}</h2>
{pictures(d, "thumb", "<p>{image} {alt}</p>")}
<h2>{d.chrome.about}</h2>
{paragraphs(d.far)}
<p>{pictures(d, "sprite")}{pictures(d, "advertisement")}</p>
<p><small>{d.chrome.footer}</small>{pictures(d, "pixel")}</p>
</body>
</html>
"""


def bustling(d: Draft) -> str:
    """A sidebar full of pictures that comes before the content in the source."""
    frame = (
        '<div class="separator" style="text-align: center;">{image}'
        '[[<br><span class="tr-caption">{caption}</span>]]</div>'
    )
    return f"""<!DOCTYPE html>
<html>
<head>
{head(d, "outer")}
</head>
<body>
<div class="outer">
<div class="sidebar section" id="left">
<div class="widget Profile">{pictures(d, "avatar")}<div>{escape(d.author)}</div></div>
<div class="widget Ads">{pictures(d, "advertisement")}</div>
<div class="widget Popular"><h2>{d.chrome.related}</h2>
{pictures(d, "thumb", '<div class="item-thumbnail">{image}</div><div>{alt}</div>')}</div>
<div class="widget Links"><ul>{menu(d)}</ul></div>
</div>
<div class="header section">{pictures(d, "banner")}{pictures(d, "logo")}</div>
<div class="main section">
<div class="date-outer"><h2 class="date-header">{d.date}</h2>
<div class="post"><h3 class="post-title">{escape(d.heading)}</h3>
<div class="post-body">
{paragraphs(d.lead, "", "<br><br>")}
{main(d, frame)}
{paragraphs(d.body, "<div>", "</div>")}
{pictures(d, "listing", '<div class="shot">{image}</div>')}
</div>
<div class="post-footer">{d.chrome.by} {escape(d.author)} {pictures(d, "sprite")}</div>
</div></div>
</div>
<div class="after-posts"><h2>{d.chrome.about}</h2>{paragraphs(d.far)}</div>
<div class="credit">{d.chrome.footer}{pictures(d, "pixel")}</div>
</div>
</body>
</html>
"""
