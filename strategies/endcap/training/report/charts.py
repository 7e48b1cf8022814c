"""Four kinds of chart as inline SVG. Colours come from the page's style sheet, so that they follow light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH, ROW, MARGIN = 760, 24, 30
LEAST_LABELS, MOST_LABELS = 110, 330
"""How much room labels get at the left, in pixels: as much as the longest needs, within these."""
_LETTER = 6.8
"""Roughly how wide a letter of the chart's text is, in pixels; a bold one is a tenth wider."""


class Mark(NamedTuple):
    """A value with its label; where it is uncertain, with the ends of its interval."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    strong: bool = False
    """It is what the chart is about."""

    @property
    def width(self) -> float:
        """Pixels of its label."""
        return len(self.label) * _LETTER * (1.1 if self.strong else 1.0)


class _Scale(NamedTuple):
    """Where nought is, and how many pixels a unit takes."""

    left: float
    unit: float

    def x(self, value: float) -> float:
        return self.left + value * self.unit


Draw = Callable[[Mark, float, _Scale], str]
"""(mark, y, scale) -> its part of the drawing"""


def dots(marks: Sequence[Mark]) -> str:
    """One row a mark: a dot at its value, a line for its interval, the value in figures."""
    top = max((mark.high or mark.value for mark in marks), default=1.0) or 1.0
    return _rows(marks, top, _dot)


def bars(marks: Sequence[Mark], top: float | None = None, percent: bool = False) -> str:
    """One row a mark: a bar from nought to its value. ``top`` is the value at the right edge."""
    top = top or max((mark.value for mark in marks), default=1.0) or 1.0
    return _rows(marks, top, lambda mark, y, scale: _bar(mark, y, scale, percent), percent)


def scatter(marks: Sequence[tuple[str, float, float, bool]], x_title: str, y_title: str) -> str:
    """(label, x, y, strong) points, labelled so that no label covers another."""
    height = 380
    right = max((x for _, x, _, _ in marks), default=1.0) or 1.0
    top = max((y for _, _, y, _ in marks), default=1.0) or 1.0
    plot = _Plot(70, 16, WIDTH - 170, height - 56, right * 1.05, top * 1.05)
    points = [(plot.x(x), plot.y(y), label, strong) for label, x, y, strong in marks]
    taken = [Box(x - 6, y - 6, x + 6, y + 6) for x, y, _, _ in points]
    body, dots = [plot.frame(x_title, y_title)], []
    for x, y, label, strong in sorted(points, key=lambda point: (not point[3], point[1])):
        body.append(_label(x, y, Mark(label, 0.0, strong=strong), taken, height - 40))
        dots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="{_class(strong)}"/>')
    body += dots
    return _svg(height, body, f"{y_title} against {x_title}")


def curves(series: Sequence[tuple[str, Sequence[tuple[float, float]]]], x_title: str, y_title: str) -> str:
    """Lines through points between 0 and the largest value on both axes, with the diagonal to compare with."""
    height = 340
    reach = max((max(point) for _, points in series for point in points), default=1.0) or 1.0
    plot = _Plot(70, 16, 430, height - 56, reach, reach)
    body = [plot.frame(x_title, y_title), plot.line([(0.0, 0.0), (reach, reach)], "rule dashed")]
    for number, (name, points) in enumerate(series):
        style = f"series{number}"
        body.append(plot.line(points, f"{style} line"))
        body += [f'<circle cx="{plot.x(x):.1f}" cy="{plot.y(y):.1f}" r="3.5" class="{style}"/>' for x, y in points]
        y = 34 + number * 22
        body.append(f'<circle cx="530" cy="{y - 4}" r="5" class="{style}"/><text x="542" y="{y}">{escape(name)}</text>')
    return _svg(height, body, f"{y_title} against {x_title}")


class _Plot(NamedTuple):
    """A rectangle of the drawing, and the values at its right and upper edge; both axes begin at nought."""

    left: float
    upper: float
    width: float
    height: float
    right_value: float
    top_value: float

    def x(self, value: float) -> float:
        return self.left + self.width * value / self.right_value

    def y(self, value: float) -> float:
        return self.upper + self.height * (1 - value / self.top_value)

    def line(self, points: Iterable[tuple[float, float]], style: str) -> str:
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        return f'<polyline points="{path}" class="{style}"/>'

    def frame(self, x_title: str, y_title: str) -> str:
        base = self.upper + self.height
        parts = [
            f'<text x="{self.x(tick):.1f}" y="{base + 16:.0f}" class="tick middle">{tick:g}</text>'
            for tick in ticks(self.right_value)
        ]
        for tick in ticks(self.top_value):
            y = self.y(tick)
            parts.append(
                f'<line x1="{self.left}" y1="{y:.1f}" x2="{self.left + self.width}" y2="{y:.1f}" class="rule"/>'
            )
            parts.append(f'<text x="{self.left - 6}" y="{y + 4:.1f}" class="tick end">{tick:g}</text>')
        middle = self.left + self.width / 2
        parts.append(f'<text x="{middle}" y="{base + 34:.0f}" class="tick middle">{escape(x_title)}</text>')
        turned = f'transform="rotate(-90 14 {self.upper + self.height / 2})"'
        parts.append(
            f'<text x="14" y="{self.upper + self.height / 2}" {turned} class="tick middle">{escape(y_title)}</text>'
        )
        return "".join(parts)


def ticks(top: float) -> list[float]:
    """Four to ten round values from 0 to at most ``top``."""
    step = 10.0 ** floor(log10(top / 4))
    step = next(step * times for times in (1, 2, 2.5, 5, 10) if top / (step * times) <= 8)
    return [round(step * place, 10) for place in range(ceil(top / step + 1e-9)) if step * place <= top]


def _rows(marks: Sequence[Mark], top: float, draw: Draw, percent: bool = False) -> str:
    height = len(marks) * ROW + MARGIN
    left = min(max([LEAST_LABELS, *(mark.width + 14 for mark in marks)]), MOST_LABELS)
    scale = _Scale(left, (WIDTH - left - 70) / top)
    body = []
    for tick in ticks(top):
        x = scale.x(tick)
        body.append(f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - MARGIN}" class="rule"/>')
        shown = f"{tick:.0%}" if percent else f"{tick:g}"
        body.append(f'<text x="{x:.1f}" y="{height - 12}" class="tick middle">{shown}</text>')
    for place, mark in enumerate(marks):
        y = place * ROW + ROW / 2
        body.append(_row_label(mark, left - 10, y + 4))
        body.append(draw(mark, y, scale))
    return _svg(height, body, ", ".join(mark.label for mark in marks))


def _row_label(mark: Mark, x: float, y: float) -> str:
    """Cut where it would leave the drawing; the whole of it shows when pointed at."""
    most = int(len(mark.label) * (x - 4) / max(mark.width, 1.0) + 1e-6)
    shown = mark.label if len(mark.label) <= most else mark.label[: most - 1].rstrip() + "…"
    whole = f"<title>{escape(mark.label)}</title>" if shown != mark.label else ""
    return f'<text x="{x:.1f}" y="{y}" class="end {_class(mark.strong)}">{whole}{escape(shown)}</text>'


def _dot(mark: Mark, y: float, scale: _Scale) -> str:
    x, style = scale.x(mark.value), _class(mark.strong)
    span, end = "", x
    if mark.low is not None and mark.high is not None:
        start, end = scale.x(mark.low), scale.x(mark.high)
        span = f'<line x1="{start:.1f}" y1="{y}" x2="{end:.1f}" y2="{y}" class="{style} span"/>'
    figure = f'<text x="{max(x, end) + 10:.1f}" y="{y + 4}" class="tick halo">{mark.value:.4f}</text>'
    return f'{span}<circle cx="{x:.1f}" cy="{y}" r="5" class="{style}"/>{figure}'


def _bar(mark: Mark, y: float, scale: _Scale, percent: bool) -> str:
    width = max(mark.value * scale.unit, 0.5)
    shown = f"{mark.value:.1%}" if percent else f"{mark.value:.4f}"
    figure = f'<text x="{scale.left + width + 6:.1f}" y="{y + 4}" class="tick halo">{shown}</text>'
    shape = f'<rect x="{scale.left:.1f}" y="{y - 8}" width="{width:.1f}" height="16" class="{_class(mark.strong)}"/>'
    return shape + figure


class Box(NamedTuple):
    """A part of the drawing that something covers."""

    left: float
    upper: float
    right: float
    lower: float

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.upper < other.lower
            and other.upper < self.lower
        )


def _label(x: float, y: float, mark: Mark, taken: list[Box], floor: float) -> str:
    """The mark's label beside the point, where it covers nothing in ``taken``, to which it is added. Where it has to go
    further away, with a line that leads to it."""
    place, box = next(_places(x, y, mark.width, taken, floor))
    taken.append(box)
    anchor = "end" if box.right <= x else "start"
    edge = box.right if anchor == "end" else box.left
    line = ""
    if abs(place) > 12:
        line = f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{edge:.1f}" y2="{y + place:.1f}" class="lead"/>'
    style = f"{_class(mark.strong)} {anchor} halo"
    return f'{line}<text x="{edge:.1f}" y="{y + place + 4:.1f}" class="{style}">{escape(mark.label)}</text>'


def _places(x: float, y: float, width: float, taken: Sequence[Box], floor: float) -> Iterator[tuple[float, Box]]:
    """How far below its point a label may stand, and what it then covers: the nearest first, right before left."""
    away = 0.0
    while True:
        for shift in (away, -away):
            for left in (x + 10, x - 10 - width):
                box = Box(left, y + shift - 7, left + width, y + shift + 7)
                inside = left >= 70 and left + width <= WIDTH and box.upper >= 0 and box.lower <= floor
                if (inside or away > floor) and not any(box.meets(other) for other in taken):
                    yield shift, box
        away += 3.0


def _class(strong: bool) -> str:
    return "strong" if strong else "plain"


def _svg(height: float, body: Iterable[str], title: str) -> str:
    inside = "".join(body)
    drawing = f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">{inside}</svg>'
    return f'<div class="wide">{drawing}</div>'
