"""Of which simple shapes is each kind of thing drawn?

Coordinates are shares of the thing's box: x to the right, y downwards, both 0..1. Every sketch
touches all four sides of its box, so boxes are tight.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from lait.world.curves import Points, arc, canopy, heart, seam, star
from lait.world.vocabulary import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One primitive. `paint`: `body` (the thing's colour and pattern), `dark`, `light`, or hex."""

    form: Literal["oval", "polygon", "line"]
    points: Points
    """Two corners of an oval; corners of a polygon; stations of a line."""
    paint: str
    width: float = 0.0
    """Of a line, as a share of the box's shorter side."""


def _oval(x1: float, y1: float, x2: float, y2: float, paint: str = "body") -> Shape:
    return Shape(form="oval", points=((x1, y1), (x2, y2)), paint=paint)


def _rectangle(x1: float, y1: float, x2: float, y2: float, paint: str = "body") -> Shape:
    return Shape(form="polygon", points=((x1, y1), (x2, y1), (x2, y2), (x1, y2)), paint=paint)


def _pairs(numbers: tuple[float, ...]) -> Points:
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _polygon(*numbers: float, paint: str = "body") -> Shape:
    return Shape(form="polygon", points=_pairs(numbers), paint=paint)


def _line(width: float, paint: str, *numbers: float) -> Shape:
    return Shape(form="line", points=_pairs(numbers), paint=paint, width=width)


def _outline(points: Points, paint: str = "body") -> Shape:
    return Shape(form="polygon", points=points, paint=paint)


_WOOD, _GLASS, _CREAM, _LEAF, _INK = "#6e4522", "#bfe3f5", "#f1e6cf", "#3f8f3a", "#1d1d22"

SKETCHES: Final = MappingProxyType[Kind, tuple[Shape, ...]](
    {
        "ball": (
            _oval(0, 0, 1, 1),
            _line(0.035, "dark", 0.5, 0, 0.5, 1),
            _line(0.035, "dark", 0, 0.5, 1, 0.5),
            Shape(form="line", points=seam(-1), paint="dark", width=0.035),
            Shape(form="line", points=seam(1), paint="dark", width=0.035),
        ),
        "balloon": (
            _line(0.04, "#77777c", 0.5, 0.76, 0.45, 0.84, 0.55, 0.92, 0.5, 1),
            _polygon(0.41, 0.78, 0.59, 0.78, 0.5, 0.66),
            _oval(0, 0, 1, 0.72),
            _oval(0.18, 0.1, 0.36, 0.26, "light"),
        ),
        "bird": (
            _line(0.05, "#d9860a", 0.45, 0.84, 0.45, 0.98, 0.52, 0.98),
            _line(0.05, "#d9860a", 0.57, 0.84, 0.57, 0.98, 0.64, 0.98),
            _polygon(0.28, 0.46, 0, 0.3, 0.03, 0.62, 0.28, 0.72, paint="dark"),
            _oval(0.16, 0.32, 0.8, 0.88),
            _oval(0.58, 0, 0.9, 0.44),
            _polygon(0.87, 0.14, 1, 0.25, 0.86, 0.32, paint="#f2a20c"),
            _polygon(0.26, 0.48, 0.64, 0.44, 0.6, 0.66, 0.36, 0.74, paint="dark"),
            _oval(0.71, 0.1, 0.81, 0.24, "#ffffff"),
            _oval(0.745, 0.14, 0.8, 0.22, _INK),
        ),
        "boat": (
            _rectangle(0.47, 0, 0.51, 0.74, _WOOD),
            _polygon(0.44, 0.05, 0.44, 0.64, 0.04, 0.64),
            _polygon(0.54, 0.14, 0.54, 0.64, 0.94, 0.64, paint="light"),
            _polygon(0, 0.7, 1, 0.7, 0.84, 1, 0.16, 1),
            _line(0.04, "dark", 0.05, 0.8, 0.95, 0.8),
        ),
        "car": (
            _polygon(
                *(0, 0.56, 0.04, 0.46, 0.2, 0.4, 0.32, 0.06, 0.38, 0, 0.67, 0, 0.73, 0.05),
                *(0.85, 0.4, 0.97, 0.47, 1, 0.56, 1, 0.82, 0, 0.82),
            ),
            _polygon(0.27, 0.4, 0.37, 0.1, 0.5, 0.1, 0.5, 0.4, paint=_GLASS),
            _polygon(0.55, 0.4, 0.55, 0.1, 0.66, 0.1, 0.77, 0.4, paint=_GLASS),
            _line(0.03, "dark", 0.525, 0.42, 0.525, 0.8),
            _oval(0.12, 0.58, 0.342, 1, _INK),
            _oval(0.19, 0.712, 0.272, 0.868, "#c4c7cc"),
            _oval(0.66, 0.58, 0.882, 1, _INK),
            _oval(0.73, 0.712, 0.812, 0.868, "#c4c7cc"),
            _oval(0.93, 0.5, 0.985, 0.62, "#fff1a8"),
        ),
        "cat": (
            _line(0.11, "body", 0.66, 0.92, 0.86, 0.9, 0.94, 0.76, 0.9, 0.6, 0.945, 0.5),
            _oval(0.1, 0.44, 0.78, 1),
            _polygon(0.08, 0.36, 0.1, 0, 0.36, 0.16),
            _polygon(0.76, 0.36, 0.74, 0, 0.48, 0.16),
            _oval(0, 0.1, 0.84, 0.62),
            _oval(0.27, 0.64, 0.61, 0.97, "light"),
            _oval(0.18, 0.27, 0.34, 0.41, "#f4f7c5"),
            _oval(0.24, 0.28, 0.3, 0.4, _INK),
            _oval(0.5, 0.27, 0.66, 0.41, "#f4f7c5"),
            _oval(0.54, 0.28, 0.6, 0.4, _INK),
            _polygon(0.37, 0.44, 0.47, 0.44, 0.42, 0.5, paint="#e88a98"),
            _line(0.015, "#9a9aa0", 0.34, 0.48, 0.06, 0.44),
            _line(0.015, "#9a9aa0", 0.34, 0.51, 0.08, 0.54),
            _line(0.015, "#9a9aa0", 0.5, 0.48, 0.78, 0.44),
            _line(0.015, "#9a9aa0", 0.5, 0.51, 0.76, 0.54),
        ),
        "cup": (
            Shape(
                form="line",
                points=arc(0.72, 0.5, 0.23, 0.25, -0.25, 0.25),
                paint="body",
                width=0.1,
            ),
            _polygon(0, 0.08, 0.74, 0.08, 0.72, 0.86, 0.62, 1, 0.12, 1, 0.02, 0.86),
            _oval(0, 0, 0.74, 0.18, "dark"),
            _oval(0.06, 0.04, 0.68, 0.16, "#5b3a1e"),
        ),
        "fish": (
            _polygon(0.64, 0.5, 1, 0.1, 0.9, 0.5, 1, 0.92, paint="dark"),
            _polygon(0.22, 0.24, 0.42, 0, 0.58, 0.26, paint="dark"),
            _polygon(0.32, 0.82, 0.46, 1, 0.54, 0.78, paint="dark"),
            _oval(0, 0.14, 0.76, 0.88),
            Shape(
                form="line", points=arc(0.2, 0.5, 0.08, 0.25, -0.2, 0.2), paint="dark", width=0.03
            ),
            _oval(0.09, 0.3, 0.2, 0.48, "#ffffff"),
            _oval(0.115, 0.34, 0.165, 0.44, _INK),
        ),
        "flower": (
            _line(0.09, _LEAF, 0.5, 0.5, 0.5, 1),
            _polygon(0.5, 0.84, 0.66, 0.72, 0.92, 0.7, 0.74, 0.82, paint=_LEAF),
            _polygon(0.5, 0.92, 0.34, 0.8, 0.08, 0.78, 0.26, 0.9, paint=_LEAF),
            *(
                _oval(x - 0.2, y - 0.13, x + 0.2, y + 0.13)
                for x, y in arc(0.5, 0.325, 0.3, 0.195, 0, 20 / 18)[::3][:6]
            ),
            _oval(0.34, 0.22, 0.66, 0.43, "#8a5a10"),
        ),
        "heart": (_outline(heart()), _oval(0.14, 0.12, 0.32, 0.28, "light")),
        "house": (
            _rectangle(0.72, 0.04, 0.84, 0.36, "#8c4a3a"),
            _rectangle(0.09, 0.4, 0.91, 1),
            _polygon(0, 0.44, 0.5, 0, 1, 0.44, paint="dark"),
            _rectangle(0.42, 0.66, 0.58, 1, _WOOD),
            _rectangle(0.17, 0.54, 0.34, 0.72, _GLASS),
            _rectangle(0.66, 0.54, 0.83, 0.72, _GLASS),
            _line(0.02, _CREAM, 0.255, 0.54, 0.255, 0.72),
            _line(0.02, _CREAM, 0.745, 0.54, 0.745, 0.72),
        ),
        "mushroom": (
            _polygon(0.36, 0.5, 0.64, 0.5, 0.7, 1, 0.3, 1, paint=_CREAM),
            _oval(0.1, 0.46, 0.9, 0.68, "#d9c9a4"),
            _outline(arc(0.5, 0.57, 0.5, 0.57, 0.5, 1.0)),
            _oval(0.2, 0.16, 0.34, 0.28, "light"),
        ),
        "rocket": (
            _polygon(0.32, 0.74, 0.68, 0.74, 0.5, 1, paint="#f58220"),
            _polygon(0.41, 0.74, 0.59, 0.74, 0.5, 0.9, paint="#ffe36e"),
            _polygon(0.26, 0.48, 0, 0.72, 0, 0.86, 0.28, 0.74, paint="dark"),
            _polygon(0.74, 0.48, 1, 0.72, 1, 0.86, 0.72, 0.74, paint="dark"),
            _polygon(
                *(0.5, 0, 0.62, 0.08, 0.71, 0.18, 0.76, 0.32, 0.74, 0.76),
                *(0.26, 0.76, 0.24, 0.32, 0.29, 0.18, 0.38, 0.08),
            ),
            _oval(0.33, 0.25, 0.67, 0.42, "dark"),
            _oval(0.38, 0.275, 0.62, 0.395, _GLASS),
        ),
        "square": (
            _rectangle(0, 0, 1, 1),
            _line(0.05, "dark", 0.05, 0.05, 0.95, 0.05, 0.95, 0.95, 0.05, 0.95, 0.05, 0.05),
        ),
        "star": (_outline(star()),),
        "tree": (
            _polygon(0.43, 0.6, 0.57, 0.6, 0.62, 1, 0.38, 1, paint=_WOOD),
            _oval(0, 0.24, 0.58, 0.68),
            _oval(0.42, 0.24, 1, 0.68),
            _oval(0.16, 0, 0.84, 0.5),
            _oval(0.2, 0.36, 0.8, 0.76),
        ),
        "triangle": (
            _polygon(0.5, 0, 1, 1, 0, 1),
            _line(0.045, "dark", 0.5, 0.12, 0.91, 0.95, 0.09, 0.95, 0.5, 0.12),
        ),
        "umbrella": (
            _line(0.045, _WOOD, 0.5, 0.3, 0.5, 0.88),
            Shape(
                form="line", points=arc(0.43, 0.88, 0.07, 0.1, 0.0, 0.5), paint=_WOOD, width=0.045
            ),
            _outline(canopy()),
            _line(0.025, "dark", 0.5, 0, 0.36, 0.2, 0.25, 0.49),
            _line(0.025, "dark", 0.5, 0, 0.5, 0.49),
            _line(0.025, "dark", 0.5, 0, 0.64, 0.2, 0.75, 0.49),
        ),
    }
)
