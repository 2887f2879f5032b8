"""What does a run look like as a funnel, and as histograms with their thresholds?

Plain SVG without a script: the same picture in any notebook, offline, and in a saved page.
"""

import math
from collections.abc import Iterable, Sequence
from textwrap import wrap

from review.load import Run
from review.markup import Html, text
from review.sample import stage_rank
from review.scores import Histogram, histograms
from shards.manifest import FunnelRow, Manifest

_KEPT, _DROPPED, _RULE, _FAINT = "#3b76af", "#ef8536", "#c0392b", "#8a9099"
_FONT = "font:12px system-ui,sans-serif;color:inherit"
_WRAP = "max-width:980px"


def funnel_chart(manifest: Manifest) -> Html:
    """What entered each step, what it dropped and why, what was left: one bar a step."""
    left, y_px, parts = manifest.seen, 8, []
    for stage, rows in by_stage(manifest.funnel):
        dropped = sum(row.count for row in rows)
        left -= dropped
        reasons = " · ".join(_reason(row) for row in rows)
        lines = wrap(reasons, 115)
        parts.append(_step(stage, left, dropped, manifest.seen, y_px))
        parts += [_text(120, y_px + 33 + 14 * n, line, _FAINT) for n, line in enumerate(lines)]
        y_px += 32 + 14 * len(lines)
    sums = f"seen {manifest.seen:,} = kept {manifest.kept:,} + dropped {manifest.seen - left:,}"
    parts.append(_text(120, y_px + 14, sums, "currentColor", weight=600))
    return Html(name="funnel", markup=_svg(900, y_px + 24, parts, label=f"Funnel: {sums}"))


def by_stage(funnel: Iterable[FunnelRow]) -> list[tuple[str, list[FunnelRow]]]:
    """Rows of each step, steps in the order of the cascade, the reason that drops most first."""
    rows = sorted(funnel, key=lambda row: (stage_rank(row.stage), -row.count, row.reason))
    stages = dict.fromkeys(row.stage for row in rows)
    return [(stage, [row for row in rows if row.stage == stage]) for stage in stages]


def _reason(row: FunnelRow) -> str:
    """Its name and count; alone the name of what kept a step from dropping anything."""
    name = row.reason.replace(" ", "\u00a0")
    return f"{name}\u00a0{row.count:,}" if row.count else name


def histogram_charts(run: Run) -> Html:
    """A histogram of every numeric score of the run, with its thresholds as rules."""
    charts = "".join(_panel(histogram) for histogram in histograms(run))
    legend = (
        f'<p style="{_FONT};margin:4px 0"><b style="color:{_KEPT}">■</b> kept '
        f'<b style="color:{_DROPPED}">■</b> dropped, at any step '
        f'<b style="color:{_RULE}">┆</b> threshold</p>'
    )
    layout = "display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:12px"
    return Html(
        name="histograms",
        markup=f'<div style="{_WRAP}">{legend}<div style="{layout}">{charts}</div></div>',
    )


def _step(stage: str, left: int, dropped: int, seen: int, y_px: int) -> str:
    scale = 580 / max(seen, 1)
    kept_px, dropped_px = left * scale, dropped * scale
    share = f"{left:,} left" + (f", −{dropped:,}" if dropped else "")
    return (
        _text(112, y_px + 14, stage, "currentColor", anchor="end")
        + _bar(120, y_px, kept_px, 20, _KEPT)
        + _bar(120 + kept_px, y_px, dropped_px, 20, _DROPPED)
        + _text(128 + kept_px + dropped_px, y_px + 14, share, "currentColor")
    )


def _panel(histogram: Histogram) -> str:
    """One score: stacked bars over 280 x 110 px, rules, an axis of numbers."""
    x0_px, y0_px, width_px, height_px = 10, 132, 290, 100
    low, high = histogram.edges[0], histogram.edges[-1]
    most = max(k + d for k, d in zip(histogram.kept, histogram.dropped, strict=True))

    def x(value: float) -> float:
        place, start, end = (
            (math.log10(v) for v in (value, low, high)) if histogram.log else (value, low, high)
        )
        return x0_px + width_px * (place - start) / (end - start)

    parts = [_text(x0_px, 14, histogram.score, "currentColor", weight=600)]
    bins = zip(
        histogram.edges, histogram.edges[1:], histogram.kept, histogram.dropped, strict=False
    )
    for start, end, kept, dropped in bins:
        kept_px, dropped_px = (height_px * n / max(most, 1) for n in (kept, dropped))
        left_px, bar_px = x(start), max(x(end) - x(start) - 0.6, 0.6)
        tip = (
            f"<title>{_number(start)} to {_number(end)}: {kept:,} kept, {dropped:,} dropped</title>"
        )
        bars = _bar(left_px, y0_px - kept_px, bar_px, kept_px, _KEPT)
        bars += _bar(left_px, y0_px - kept_px - dropped_px, bar_px, dropped_px, _DROPPED)
        parts.append(f"<g>{tip}{bars}</g>")
    parts.append(_bar(x0_px, y0_px, width_px, 1, _FAINT))
    parts += [
        _text(x(tick), y0_px + 15, _number(tick), _FAINT, anchor="middle")
        for tick in _ticks(low, high, log=histogram.log)
    ]
    notes = []
    for name, value, n_beyond in histogram.bounds:
        parts.append(_rule(x(value), y0_px - height_px - 8, y0_px))
        side = "below" if name.startswith("min_") else "above"
        notes.append(f"{name} {_number(value)}: {n_beyond:,} {side}")
    notes.append(f"without this score: {histogram.n_unscored:,}")
    parts += [_text(x0_px, 166 + 14 * n, note, _FAINT) for n, note in enumerate(notes)]
    return _svg(310, 158 + 14 * 3, parts, label=f"{histogram.score}: " + "; ".join(notes))


def _ticks(low: float, high: float, *, log: bool) -> list[float]:
    if log:
        powers = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
        return [10.0**power for power in powers]
    rough = (high - low) / 4
    step = 10.0 ** math.floor(math.log10(rough))
    step *= next((factor for factor in (1, 2, 5) if step * factor >= rough), 10)
    first = math.ceil(low / step)
    return [step * n for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:.4g}"


def _svg(width_px: int, height_px: int, parts: Sequence[str], *, label: str) -> str:
    return (
        f'<svg role="img" aria-label="{text(label)}" viewBox="0 0 {width_px} {height_px}" '
        f'style="{_FONT};width:100%;max-width:{width_px}px;height:auto">{"".join(parts)}</svg>'
    )


def _bar(x_px: float, y_px: float, width_px: float, height_px: float, fill: str) -> str:
    box = f'x="{x_px:.1f}" y="{y_px:.1f}" width="{width_px:.1f}" height="{height_px:.1f}"'
    return f'<rect {box} fill="{fill}"/>' if width_px > 0 and height_px > 0 else ""


def _rule(x_px: float, top_px: float, bottom_px: float) -> str:
    line = f'x1="{x_px:.1f}" x2="{x_px:.1f}" y1="{top_px}" y2="{bottom_px}"'
    return f'<line {line} stroke="{_RULE}" stroke-width="1.5" stroke-dasharray="4 2"/>'


def _text(
    x_px: float, y_px: float, words: str, fill: str, *, anchor: str = "start", weight: int = 400
) -> str:
    place = f'x="{x_px:.1f}" y="{y_px:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text {place} fill="{fill}">{text(words)}</text>'
