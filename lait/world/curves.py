"""Which curved outlines do the sketches need?"""

from math import cos, pi, sin

Points = tuple[tuple[float, float], ...]


def arc(x: float, y: float, radius_x: float, radius_y: float, start: float, end: float) -> Points:
    """Points on an ellipse, angles in turns, clockwise on the screen from the right."""
    angles = [2 * pi * (start + (end - start) * step / 20) for step in range(21)]
    return tuple((x + radius_x * cos(a), y + radius_y * sin(a)) for a in angles)


def _stretched(points: Points) -> Points:
    """Moved and scaled so that they touch the box on all sides."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return tuple(
        ((x - min(xs)) / (max(xs) - min(xs)), (y - min(ys)) / (max(ys) - min(ys)))
        for x, y in points
    )


def heart() -> Points:
    """A heart that touches its box on all sides."""
    turns = [2 * pi * step / 48 for step in range(48)]
    return _stretched(
        tuple(
            (sin(t) ** 3, -(13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t)))
            for t in turns
        )
    )


def star() -> Points:
    """A five-pointed star, one point up, that touches its box on all sides."""
    radii = [1.0 if step % 2 == 0 else 0.45 for step in range(10)]
    return _stretched(
        tuple((r * sin(pi * step / 5), -r * cos(pi * step / 5)) for step, r in enumerate(radii))
    )


def seam(side: int) -> Points:
    """A ball's curved seam, left (-1) or right (1) of the middle."""
    ys = [0.11 + 0.78 * step / 16 for step in range(17)]
    return tuple((0.5 + side * (0.17 + 0.13 * ((y - 0.5) / 0.4) ** 2), y) for y in ys)


def canopy() -> Points:
    """An umbrella's top: a half ellipse whose lower edge is scalloped."""
    top = arc(0.5, 0.5, 0.5, 0.5, 0.5, 1.0)
    scallops = [arc(x, 0.5, 0.125, 0.07, 1.0, 0.5) for x in (0.875, 0.625, 0.375, 0.125)]
    return top + tuple(point for scallop in scallops for point in scallop)
