"""What does the report of a relevance model look like to a person? One page with plots.

Plain HTML and SVG, without scripts or anything to fetch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from filter.relevance.report import Report

_SIDE_PX: Final = 300
_LEFT_PX: Final = 46
_BAR_PX: Final = 24
_LABEL_PX: Final = 190
_BLUE, _ORANGE, _GREY = "#3b76af", "#ef8536", "#8a9099"
_STYLE: Final = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:2rem;max-width:70rem;color:#1d2126}"
    "figure{display:inline-block;margin:0 2rem 1.5rem 0;vertical-align:top}"
    "figcaption{font-weight:600;margin-bottom:.4rem}svg{font-size:12px}"
)
Point = tuple[float, float]
"""Both in 0..1."""


def write_page(path: Path, report: Report) -> None:
    """Raises ValueError when `path` cannot be written."""
    try:
        path.write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error}") from error


def page(report: Report) -> str:
    """The whole report as HTML."""
    parts = (
        f"{report.folds} parts, split by {report.split}" if report.folds > 1 else "pairs as given"
    )
    title = f"Relevance: {report.images:,} images, {report.pairs:,} true pairs, {parts}"
    at = (
        f"At the threshold {report.threshold:.3f}: precision {report.precision:.3f}, recall "
        f"{report.recall:.3f}, F1 {report.f1:.3f}. Brier score {report.brier:.3f} (0.25 knows "
        "nothing). Precision is stated for one wrong pair per true one."
    )
    figures = (
        ("AUC: does a true text outscore a wrong one? (0.5 is chance)", _bars(_aucs(report), 1.0)),
        (
            "Precision at recall",
            _plot([(p.recall, p.precision) for p in report.curve], "recall", "precision"),
        ),
        (
            "Calibration: how often is a score right? (grey: always)",
            _plot(
                [(b.mean_score, b.true_share) for b in report.calibration],
                "mean score",
                "share of true pairs",
                ideal=True,
            ),
        ),
        ("AUC that is lost without a feature", _bars(_lost(report), None)),
    )
    shown = "".join(
        f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>"
        for caption, svg in figures
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1><p>{escape(at)}</p>{shown}</html>\n"
    )


def _aucs(report: Report) -> list[tuple[str, float]]:
    rows = (
        ("random wrong texts", report.auc_random),
        ("wrong texts of the same host", report.auc_same_host),
        ("nearest wrong texts", report.auc_hard),
    )
    return [(name, value) for name, value in rows if value is not None]


def _lost(report: Report) -> list[tuple[str, float]]:
    return [(each.feature, each.auc_lost) for each in report.importance]


def _bars(rows: Sequence[tuple[str, float]], most: float | None) -> str:
    """One bar a row, as long as its share of `most` (None: of the largest)."""
    full = most or max((value for _, value in rows), default=0.0) or 1.0
    parts = []
    for number, (name, value) in enumerate(rows):
        y_px = _BAR_PX * number
        width_px = _SIDE_PX * max(value, 0.0) / full
        parts.append(_text(_LABEL_PX - 8, y_px + 16, name, "end"))
        parts.append(
            f'<rect x="{_LABEL_PX}" y="{y_px + 4}" width="{width_px:.1f}" height="16" '
            f'fill="{_BLUE}"/>'
        )
        parts.append(
            _text(_LABEL_PX + width_px + 6, y_px + 16, f"{round(value, 3) + 0.0:.3f}", "start")
        )
    return _svg(_LABEL_PX + _SIDE_PX + 50, _BAR_PX * max(len(rows), 1), parts)


def _plot(points: Sequence[Point], across: str, up: str, *, ideal: bool = False) -> str:
    """Points joined by a line in the unit square."""
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        (x_px, y_px), (right_px, top_px) = _place((tick, tick)), _place((1.0, 1.0))
        left_px, base_px = _place((0.0, 0.0))
        parts += [
            _line((x_px, base_px), (x_px, top_px), _GREY, 0.4),
            _line((left_px, y_px), (right_px, y_px), _GREY, 0.4),
            _text(x_px, base_px + 16, f"{tick:g}", "middle"),
            _text(left_px - 6, y_px + 4, f"{tick:g}", "end"),
        ]
    if ideal:
        parts.append(_line(_place((0.0, 0.0)), _place((1.0, 1.0)), _GREY, 1.5))
    placed = [_place(point) for point in points]
    joined = " ".join(f"{x_px:.1f},{y_px:.1f}" for x_px, y_px in placed)
    parts.append(f'<polyline points="{joined}" fill="none" stroke="{_BLUE}" stroke-width="2"/>')
    parts += [
        f'<circle cx="{x_px:.1f}" cy="{y_px:.1f}" r="3" fill="{_ORANGE}"/>' for x_px, y_px in placed
    ]
    parts.append(_text(_LEFT_PX + _SIDE_PX / 2, _SIDE_PX + 52, across, "middle"))
    parts.append(_text(_LEFT_PX, 12, up, "start"))
    return _svg(_LEFT_PX + _SIDE_PX + 20, _SIDE_PX + 58, parts)


def _place(point: Point) -> tuple[float, float]:
    return _LEFT_PX + _SIDE_PX * point[0], 20 + _SIDE_PX * (1 - point[1])


def _svg(width_px: float, height_px: float, parts: Sequence[str]) -> str:
    return f'<svg width="{width_px:.0f}" height="{height_px:.0f}" role="img">{"".join(parts)}</svg>'


def _line(start: tuple[float, float], end: tuple[float, float], colour: str, width: float) -> str:
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


def _text(x_px: float, y_px: float, text: str, anchor: str) -> str:
    return f'<text x="{x_px:.1f}" y="{y_px:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
