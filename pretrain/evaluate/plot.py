"""What do results between 0 and 1 look like beside chance?

Plain SVG without a script: any browser, page or slide shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from pretrain.evaluate.retrieval import RetrievalReport

_BAR, _CHANCE, _FAINT = "#3b76af", "#ef8536", "#8a9099"
_LEFT_PX, _WIDTH_PX, _ROW_PX, _TOP_PX = 210, 420, 24, 56


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row."""

    label: str
    value: float
    chance: float
    spread: float = 0.0
    """Standard deviation over seeds."""


def bars(title: str, rows: Sequence[Bar]) -> str:
    """An SVG file: a bar a row, its spread as a line, chance as a tick."""
    base_px = _TOP_PX + _ROW_PX * len(rows)
    parts = [_text(8, 20, title, weight=600), _legend()]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x_px = _LEFT_PX + _WIDTH_PX * tick
        parts.append(_line(x_px, _TOP_PX - 6, x_px, base_px, _FAINT, width=0.5))
        parts.append(_text(x_px, base_px + 16, f"{tick:g}", anchor="middle"))
    parts += [part for n, row in enumerate(rows) for part in _row(row, _TOP_PX + _ROW_PX * n)]
    width_px, height_px = _LEFT_PX + _WIDTH_PX + 60, base_px + 28
    told = "; ".join(f"{row.label} {row.value:.3f}, chance {row.chance:.3f}" for row in rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width_px}" '
        f'height="{height_px}" viewBox="0 0 {width_px} {height_px}" '
        f'font-family="system-ui,sans-serif" font-size="12" '
        f"aria-label={quoteattr(f'{title}: {told}')}>"
        f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>\n'
    )


def retrieval_plot(report: RetrievalReport) -> str:
    """Recall of both directions, as an SVG file."""
    directions = (
        ("image to text", report.text_retrieval, report.chance_text_retrieval),
        ("text to image", report.image_retrieval, report.chance_image_retrieval),
    )
    rows = [
        Bar(label=f"{name}, R@{cut}", value=value, chance=chance)
        for name, ours, guess in directions
        for cut, value, chance in (
            (1, ours.r1, guess.r1),
            (5, ours.r5, guess.r5),
            (10, ours.r10, guess.r10),
        )
    ]
    title = f"Retrieval, {report.n_images:,} images, {report.n_texts:,} texts"
    if report.folds > 1:
        title += f", mean of {report.folds} folds"
    return bars(title, rows)


def _row(row: Bar, y_px: float) -> list[str]:
    end_px, middle_px = _LEFT_PX + _WIDTH_PX * row.value, y_px + _ROW_PX / 2 - 2
    chance_px, half_px = _LEFT_PX + _WIDTH_PX * row.chance, _WIDTH_PX * row.spread
    return [
        _text(_LEFT_PX - 8, middle_px + 4, row.label, anchor="end"),
        f'<rect x="{_LEFT_PX}" y="{y_px}" width="{_WIDTH_PX * row.value:.1f}" '
        f'height="{_ROW_PX - 6}" fill="{_BAR}"/>',
        _line(end_px - half_px, middle_px, end_px + half_px, middle_px, "#000000"),
        _line(chance_px, y_px - 2, chance_px, y_px + _ROW_PX - 4, _CHANCE, width=2),
        _text(end_px + half_px + 6, middle_px + 4, f"{row.value:.3f}"),
    ]


def _legend() -> str:
    mark = _line(_LEFT_PX + 2, 30, _LEFT_PX + 2, 44, _CHANCE, width=2)
    return mark + _text(_LEFT_PX + 10, 41, "chance")


def _line(
    x0_px: float, y0_px: float, x1_px: float, y1_px: float, stroke: str, *, width: float = 1.0
) -> str:
    ends = f'x1="{x0_px:.1f}" y1="{y0_px:.1f}" x2="{x1_px:.1f}" y2="{y1_px:.1f}"'
    return f'<line {ends} stroke="{stroke}" stroke-width="{width:g}"/>'


def _text(x_px: float, y_px: float, words: str, *, anchor: str = "start", weight: int = 400) -> str:
    place = f'x="{x_px:.1f}" y="{y_px:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f"<text {place}>{escape(words)}</text>"
