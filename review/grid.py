"""What do kept and dropped samples look like, reason by reason?"""

from collections.abc import Iterable, Mapping

from review.load import Run
from review.markup import Html, data_url, document, sandboxed, text
from review.sample import KEPT, Stratum, stratified

_STYLE = """
:root{color-scheme:light}
body{margin:0;padding:12px 16px;background:#fff;color:#1d2126;font:13px/1.4 system-ui,sans-serif}
section{margin-bottom:14px}
section>details>summary{position:sticky;top:0;background:#fff;padding:6px 0;margin-bottom:10px;
 z-index:1;border-bottom:2px solid #ef8536;cursor:pointer}
section.kept>details>summary{border-color:#3b76af}
h2{display:inline;margin:0;font-size:15px;color:#1d2126}
h2 span,.why,.from,summary{color:#687078;font-weight:400}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:12px}
figure{margin:0;border:1px solid #d9dde2;border-radius:6px;overflow:hidden;contain:content;
 display:flex;flex-direction:column}
.picture{height:150px;flex:none;background:#f1f3f5;display:flex;align-items:center;justify-content:center;
 color:#8a9099}
.picture.none{height:28px;font-size:12px}
.picture img{max-width:100%;max-height:150px}
figcaption{padding:8px 10px;overflow-wrap:anywhere}
p,li{unicode-bidi:isolate}
p{margin:0 0 4px}
.words{max-height:7em;overflow:auto;font-size:14px}
.none{color:#8a9099;font-style:italic}
.why span{white-space:nowrap}
.near{background:#fff3d6;color:#7a5200;border-radius:3px;padding:0 4px;font-weight:600}
figure details{margin-top:2px;font-size:12px}
ul,dl{margin:4px 0;padding-left:16px;max-height:16em;overflow:auto}
dt{color:#687078}dd{margin:0 0 4px;font-family:ui-monospace,monospace;font-size:11px}
"""


def grid(run: Run, *, per_reason: int = 8, seed: int = 0, height_px: int = 900) -> Html:
    """Samples of every fate with picture, words, deciding number and provenance, in a sandbox."""
    strata = stratified(run, per_stratum=per_reason, seed=seed)
    page = grid_page(run, strata)
    n_samples = sum(len(stratum.candidate_ids) for stratum in strata)
    return sandboxed(f"grid of {n_samples} samples", page, height_px=height_px)


def grid_page(run: Run, strata: Iterable[Stratum]) -> str:
    """The same as a whole HTML page: no script, no link, no request."""
    strata = tuple(strata)
    wanted = [candidate_id for stratum in strata for candidate_id in stratum.candidate_ids]
    rows, thumbnails = run.rows(wanted), run.thumbnails(wanted)
    sections = "".join(_section(stratum, rows, thumbnails) for stratum in strata)
    return document("Samples by reason", _STYLE, sections)


def _section(
    stratum: Stratum, rows: Mapping[str, dict[str, object]], thumbnails: Mapping[str, bytes]
) -> str:
    place = "" if stratum.reason == KEPT else f" at {text(stratum.stage)}"
    shown = len(stratum.candidate_ids)
    head = f"<h2>{text(stratum.reason)} <span>{stratum.count:,}{place}, {shown} shown</span></h2>"
    cards = "".join(
        _card(rows[candidate_id], thumbnails.get(candidate_id), candidate_id in stratum.nearest)
        for candidate_id in stratum.candidate_ids
    )
    return (
        f'<section class="{"kept" if stratum.reason == KEPT else "dropped"}"><details open>'
        f'<summary>{head}</summary><div class="cards">{cards}</div></details></section>'
    )


def _card(row: Mapping[str, object], thumbnail: bytes | None, near: bool) -> str:
    return (
        f"<figure>{_picture(thumbnail)}<figcaption>{_words(row)}{_decision(row, near)}"
        f"{_texts(row)}{_origin(row)}</figcaption></figure>"
    )


def _picture(thumbnail: bytes | None) -> str:
    if thumbnail is None:
        return '<div class="picture none">no picture</div>'
    url = data_url(thumbnail)
    inside = f'<img alt="" src="{url}">' if url else "unreadable picture"
    return f'<div class="picture">{inside}</div>'


def _words(row: Mapping[str, object]) -> str:
    """The chosen text; where none was chosen, the first that decided or that could have been."""
    texts = _list(row["texts"])
    if row["text"] is not None:
        words, source = row["text"], text(row["text_source"])
    elif texts:
        decisive = [found for found in texts if found["drop"] in (row["reason"], None)]
        found = (decisive or texts)[0]
        words, source = found["text"], f"{text(found['source'])}, none chosen"
    else:
        return '<p class="words none">no text</p>'
    return f'<p class="words" dir="auto">{text(words)}</p><p class="from">{source}</p>'


def _decision(row: Mapping[str, object], near: bool) -> str:
    """The number that decided and its bound, then what else helps to judge."""
    parts = [
        f"{name} {_number(row[name])}"
        for name in ("value", "threshold", "relevance")
        if row[name] is not None
    ]
    if row["detail"] is not None:
        parts.append(text(row["detail"], max_chars=300))
    if row["width_px"] is not None:
        parts.append(f"<span>{text(row['width_px'])} × {text(row['height_px'])} px</span>")
    badge = '<span class="near">near threshold</span> ' if near else ""
    return f'<p class="why">{badge}{" · ".join(parts)}</p>'


def _texts(row: Mapping[str, object]) -> str:
    texts = _list(row["texts"])
    if not texts:
        return ""
    items = "".join(f"<li>{_scored(found)}</li>" for found in texts)
    return f"<details><summary>texts: {len(texts)}</summary><ul>{items}</ul></details>"


def _scored(found: Mapping[str, object]) -> str:
    said = text(found["drop"]) if found["drop"] is not None else _number(found["score"])
    return (
        f"<b>{text(found['source'])}</b> {text(found['text'], max_chars=500)} "
        f'<span class="from">{said}</span>'
    )


def _origin(row: Mapping[str, object]) -> str:
    """Where it comes from. URLs are words here: a click would tell their host who reviews what."""
    place = f"{row['page_file']} @ {row['page_offset']}"
    entries = (
        ("image", row["image_url"]),
        ("page", row["page_url"]),
        ("read from", place),
        ("candidate", row["candidate_id"]),
    )
    items = "".join(f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in entries)
    return f"<details><summary>where from</summary><dl>{items}</dl></details>"


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return "" if value is None else text(value)


def _list(value: object) -> list[dict[str, object]]:
    return value if isinstance(value, list) else []
