"""How do the recurring parts of a page look in HTML: pictures, head, menus, paragraphs?"""

import posixpath
from html import escape
from typing import Final
from urllib.parse import unquote, urlsplit

from lait.world.page import Draft, Slot

PLACEHOLDER: Final = (
    "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
)
_META_CHARSET: Final = '<meta charset="{}">'
_HTTP_EQUIV: Final = '<meta http-equiv="Content-Type" content="text/html; charset={}">'


def link(draft: Draft, url: str) -> str:
    """`url` as this page writes it: absolute, from the root, relative, from the base..."""
    page, target = urlsplit(draft.url), urlsplit(url)
    query = f"?{target.query}" if target.query else ""
    local = page.netloc == target.netloc
    if draft.url_style == "protocol":
        return f"//{target.netloc}{target.path}{query}"
    if draft.url_style == "root" and local:
        return target.path + query
    if draft.url_style == "relative" and local:
        path = posixpath.relpath(target.path, posixpath.dirname(page.path))
        slash = "/" if target.path.endswith("/") and not path.endswith("/") else ""
        return path + slash + query
    if draft.url_style == "base" and url.startswith(draft.base_url) and url != draft.base_url:
        return url.removeprefix(draft.base_url)
    return url


def tag(name: str, /, **attributes: str | None) -> str:
    """A start tag; None leaves an attribute out, `_` in a name is written `-`."""
    parts = [name]
    parts += [
        f'{key.strip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    ]
    return f"<{' '.join(parts)}>"


def _srcset(draft: Draft, slot: Slot, unit: str) -> str:
    """Candidates smallest first, as most content systems write them."""
    files = slot.renditions[::-1]
    sizes = [f"{file.width_px}w" if unit == "w" else f"{n}x" for n, file in enumerate(files, 1)]
    pairs = zip(files, sizes, strict=True)
    return ", ".join(f"{link(draft, file.url)} {size}" for file, size in pairs)


def _img(draft: Draft, slot: Slot, css: str, **sources: str) -> str:
    shown = slot.best
    return tag(
        "img",
        **sources,
        alt=slot.alt,
        title=slot.title,
        class_=css or None,
        width=str(shown.width_px) if slot.sized else None,
        height=str(shown.height_px) if slot.sized else None,
    )


def picture(draft: Draft, slot: Slot, css: str = "") -> str:
    """The element of one picture, delivered as its slot says."""
    lazy = f"{css} lazyload".strip() if slot.delivery.startswith("lazy") else css
    match slot.delivery:
        case "picture" | "lazy_picture":
            html = _picture_element(draft, slot, css)
        case "noscript_lazy":
            shown = _img(draft, slot, f"{css} lazyload".strip(), **_sources(draft, slot))
            html = f"{shown}<noscript>{_img(draft, slot, css, src=_raw(draft, slot))}</noscript>"
        case "noscript_only":
            plain = _img(draft, slot, css, src=_raw(draft, slot))
            html = f'<span class="img-holder"></span><noscript>{plain}</noscript>'
        case _:
            html = _img(draft, slot, lazy, **_sources(draft, slot))
    if slot.target:
        return f"{tag('a', href=link(draft, slot.target))}{html}</a>"
    return html


def _sources(draft: Draft, slot: Slot) -> dict[str, str]:
    """The attributes of a lone `img` that name its files."""
    small = link(draft, slot.renditions[-1].url)
    match slot.delivery:
        case "srcset_width":
            sizes = "(max-width: 800px) 100vw, 800px"
            return {"src": small, "srcset": _srcset(draft, slot, "w"), "sizes": sizes}
        case "srcset_density":
            return {"src": small, "srcset": _srcset(draft, slot, "x")}
        case "lazy_src" | "noscript_lazy":
            return {"src": PLACEHOLDER, "data_src": _raw(draft, slot)}
        case "lazy_original":
            return {"src": PLACEHOLDER, "data_original": _raw(draft, slot)}
        case "lazy_srcset":
            srcset = _srcset(draft, slot, "w")
            return {"src": PLACEHOLDER, "data_srcset": srcset, "data_sizes": "auto"}
        case _:
            return {"src": _raw(draft, slot)}


def _raw(draft: Draft, slot: Slot) -> str:
    """The best file with its spaces and letters unescaped: only a srcset may not hold them."""
    url = link(draft, slot.best.url)
    return unquote(url) if "%" in url else url


def _picture_element(draft: Draft, slot: Slot, css: str) -> str:
    srcset, kind = _srcset(draft, slot, "w"), _mime(slot.best.url)
    small = link(draft, slot.renditions[-1].url)
    if slot.delivery == "picture":
        source = tag("source", type=kind, srcset=srcset, sizes="100vw")
        inner = _img(draft, slot, css, src=small)
    else:
        source = tag("source", type=kind, data_srcset=srcset)
        inner = _img(draft, slot, f"{css} lazyload".strip(), src=PLACEHOLDER, data_src=small)
    return f"<picture>{source}{inner}</picture>"


def _mime(url: str) -> str:
    kind = posixpath.splitext(urlsplit(url).path)[1].lstrip(".")
    return f"image/{'jpeg' if kind in ('jpg', '') else kind}"


def main(draft: Draft, frame: str, css: str = "") -> str:
    """The main image in `frame`, a text with the fields {image} and {caption}.

    The part of the frame between `[[` and `]]` is for the caption and goes where there is none.
    """
    if draft.main is None:
        return ""
    before, _, rest = frame.partition("[[")
    captioned, _, after = rest.partition("]]")
    if draft.caption is None:
        captioned = ""
    return (before + captioned + after).format(
        image=picture(draft, draft.main, css), caption=escape(draft.caption or "", quote=False)
    )


def pictures(draft: Draft, role: str, frame: str = "{image}", css: str = "") -> str:
    """All pictures of one role, each in `frame` with the fields {image}, {alt} and {target}."""
    return "\n".join(
        frame.format(
            image=picture(draft, slot, css),
            alt=escape(slot.alt or "", quote=False),
            target=escape(link(draft, slot.target or draft.url)),
        )
        for slot in draft.slots
        if slot.role == role
    )


def paragraphs(texts: tuple[str, ...], start: str = "<p>", end: str = "</p>") -> str:
    return "\n".join(f"{start}{escape(text, quote=False)}{end}" for text in texts)


def menu(draft: Draft, start: str = "<li>", end: str = "</li>") -> str:
    """Links of the site's navigation; they lead nowhere in this web."""
    base = urlsplit(draft.url)
    return "\n".join(
        f'{start}<a href="{base.scheme}://{base.netloc}/{n}/">{escape(word)}</a>{end}'
        for n, word in enumerate(draft.chrome.menu)
    )


def head(draft: Draft, css: str = "style") -> str:
    """The content of `<head>`: charset, base, title, social tags, robots."""
    parts = [_charset(draft)]
    if draft.base_url:
        parts.append(tag("base", href=draft.base_url))
    parts.append(f"<title>{escape(draft.title, quote=False)}</title>")
    parts.append(tag("meta", name="viewport", content="width=device-width, initial-scale=1"))
    parts.append(tag("meta", property="og:title", content=draft.heading))
    if draft.og_image:
        parts.append(tag("meta", property="og:image", content=draft.og_image))
        parts.append(tag("meta", name="twitter:card", content="summary_large_image"))
    if draft.robots:
        parts.append(tag("meta", name="robots", content=draft.robots))
    if draft.tdm_reserved:
        parts.append(tag("meta", name="tdm-reservation", content="1"))
    parts.append(f"<style>.{css} img {{ max-width: 100% }} .{css} .card {{ float: left }}</style>")
    return "\n".join(part for part in parts if part)


def _charset(draft: Draft) -> str:
    match draft.declared:
        case "meta" | "both":
            return _META_CHARSET.format(draft.charset)
        case "http_equiv":
            return _HTTP_EQUIV.format(draft.charset)
        case "conflict":
            return _META_CHARSET.format("iso-8859-1" if draft.charset == "utf-8" else "utf-8")
        case "header" | "bom":
            return ""
