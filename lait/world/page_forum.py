"""What do forums look like? A bulletin board, a link aggregator, a questions-and-answers site."""

from html import escape
from itertools import zip_longest

from lait.world.page import Draft
from lait.world.page_markup import head, main, menu, paragraphs, picture, pictures


def _answers(d: Draft, start: str, end: str) -> str:
    """Replies, one avatar and one paragraph each."""
    avatars = [picture(d, slot, "avatar") for slot in d.of("avatar")[1:]]
    replies = zip_longest(avatars, d.far, fillvalue="")
    return "\n".join(f"{start}{who}<p>{escape(text)}</p>{end}" for who, text in replies)


def _first_avatar(d: Draft) -> str:
    return "".join(picture(d, slot, "avatar") for slot in d.of("avatar")[:1])


def board(d: Draft) -> str:
    """A bulletin board: a table row for each post, the picture an attachment of the first."""
    frame = (
        '<fieldset class="attachments"><legend>1</legend>{image}'
        '[[<div class="attachment-caption">{caption}</div>]]</fieldset>'
    )
    return f"""<!DOCTYPE html>
<html lang="{d.language}">
<head>
{head(d, "tborder")}
</head>
<body>
<table class="tborder"><tr><td>{pictures(d, "logo")}</td>
<td>{pictures(d, "banner")}</td></tr></table>
<div class="navbar">{menu(d, "", " &raquo; ")}{pictures(d, "sprite", css="inlineimg")}</div>
<h1>{escape(d.heading)}</h1>
<table class="post"><tr>
<td class="userinfo">{_first_avatar(d)}<br>{escape(d.author)}<br>{d.date}</td>
<td class="postbody">
{paragraphs(d.lead, "", "<br><br>")}
{main(d, frame, "attachment")}
{paragraphs(d.body, "", "<br><br>")}
{pictures(d, "listing", "{image}<br>")}
</td></tr></table>
<div class="between">{pictures(d, "advertisement")}</div>
<h2>{d.chrome.comments}</h2>
{_answers(d, '<table class="post"><tr><td class="postbody">', "</td></tr></table>")}
<div class="similar-threads"><b>{d.chrome.related}</b>
<ul>{pictures(d, "thumb", "<li>{image} {alt}</li>")}</ul></div>
<div class="smallfont">{d.chrome.footer}{pictures(d, "pixel")}</div>
</body>
</html>
"""


def aggregator(d: Draft) -> str:
    """A modern link aggregator: divs with generated class names."""
    frame = '<div class="_2x9 media">{image}</div>[[<div class="_k3c">{caption}</div>]]'
    return f"""<!doctype html>
<html>
<head>
{head(d, "_app")}
</head>
<body>
<div class="_app">
<div class="_h0">{pictures(d, "logo")}<div class="_n1">{menu(d, "<div>", "</div>")}</div></div>
<div class="_p7">
<div class="_u2">{_first_avatar(d)}<span>{escape(d.author)}</span><span>{d.date}</span></div>
<div class="_t5" role="heading">{escape(d.heading)}</div>
{paragraphs(d.lead, '<div class="_b4">', "</div>")}
{main(d, frame)}
{paragraphs(d.body, '<div class="_b4">', "</div>")}
{pictures(d, "listing", '<div class="_g6">{image}</div>')}
<div class="_i8">{pictures(d, "sprite")}</div>
</div>
<div class="_c1">
{_answers(d, '<div class="_r3">', "</div>")}
</div>
<div class="_s9">{pictures(d, "banner")}{pictures(d, "advertisement")}
{pictures(d, "thumb", '<div class="_l2">{image}<div>{alt}</div></div>')}</div>
<div class="_f0">{d.chrome.footer}{pictures(d, "pixel")}</div>
</div>
</body>
</html>
"""


def answers(d: Draft) -> str:
    """Questions and answers: semantic sections, the picture within the question's text."""
    frame = "<p>{image}</p>[[<blockquote><p>{caption}</p></blockquote>]]"
    return f"""<!DOCTYPE html>
<html lang="{d.language}" itemscope itemtype="https://schema.org/QAPage">
<head>
{head(d, "question")}
</head>
<body class="question-page">
<header class="top-bar">{pictures(d, "logo")}<ol>{menu(d)}</ol>{pictures(d, "sprite")}</header>
<div id="mainbar" role="main">
<h1 itemprop="name">{escape(d.heading)}</h1>
<div class="question" id="question"><div class="post-text" itemprop="text">
{paragraphs(d.lead)}
{main(d, frame)}
{paragraphs(d.body)}
</div>
<div class="user-info">{_first_avatar(d)} {d.chrome.by} {escape(d.author)}, {d.date}</div></div>
{pictures(d, "listing", "<p>{image}</p>")}
<div id="answers"><h2>{d.chrome.comments}</h2>
{_answers(d, '<div class="answer">', "</div>")}
</div>
</div>
<div id="sidebar"><h4>{d.chrome.related}</h4>
{pictures(d, "thumb", '<div class="spacer">{image}</div>')}
{pictures(d, "advertisement")}{pictures(d, "banner")}</div>
<footer>{d.chrome.footer}{pictures(d, "pixel")}</footer>
</body>
</html>
"""
