"""Four kinds of chart as inline SVG. Colours come from the page's style sheet, so that they follow light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH, LABELS, ROW, MARGIN = 760, 210, 24, 30
_LETTER = 6.6
"""Roughly how wide a letter of the chart's text is, in pixels."""


class Mark(NamedTuple):
    """A value with its label; where it is uncertain, with the ends of its interval."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    strong: bool = False
    """It is what the chart is about."""
    note: str = ""
    """Stands behind the label, greyed."""


Draw = Callable[[Mark, float, float], str]
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
    points = sorted(((plot.x(x), plot.y(y), label, strong) for label, x, y, strong in marks), key=lambda p: p[1])
    body = [plot.frame(x_title, y_title)]
    taken: list[tuple[float, float, float]] = []
    for x, y, label, strong in points:
        place = _free(x, y, len(label) * _LETTER, taken)
        body.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="{_class(strong)}"/>')
        if abs(place - y) > 8:
            body.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x + 9:.1f}" y2="{place:.1f}" class="rule"/>')
        body.append(f'<text x="{x + 10:.1f}" y="{place + 4:.1f}" class="{_class(strong)}">{escape(label)}</text>')
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
    scale = (WIDTH - LABELS - 70) / top
    body = []
    for tick in ticks(top):
        x = LABELS + tick * scale
        body.append(f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - MARGIN}" class="rule"/>')
        shown = f"{tick:.0%}" if percent else f"{tick:g}"
        body.append(f'<text x="{x:.1f}" y="{height - 12}" class="tick middle">{shown}</text>')
    for place, mark in enumerate(marks):
        y = place * ROW + ROW / 2
        note = f' <tspan class="tick">{escape(mark.note)}</tspan>' if mark.note else ""
        body.append(
            f'<text x="{LABELS - 10}" y="{y + 4}" class="end {_class(mark.strong)}">{escape(mark.label)}{note}</text>'
        )
        body.append(draw(mark, y, scale))
    return _svg(height, body, ", ".join(mark.label for mark in marks))


def _dot(mark: Mark, y: float, scale: float) -> str:
    x, style = LABELS + mark.value * scale, _class(mark.strong)
    span, end = "", x
    if mark.low is not None and mark.high is not None:
        start, end = LABELS + mark.low * scale, LABELS + mark.high * scale
        span = f'<line x1="{start:.1f}" y1="{y}" x2="{end:.1f}" y2="{y}" class="{style} span"/>'
    figure = f'<text x="{max(x, end) + 10:.1f}" y="{y + 4}" class="tick">{mark.value:.4f}</text>'
    return f'{span}<circle cx="{x:.1f}" cy="{y}" r="5" class="{style}"/>{figure}'


def _bar(mark: Mark, y: float, scale: float, percent: bool) -> str:
    width = max(mark.value * scale, 0.5)
    shown = f"{mark.value:.1%}" if percent else f"{mark.value:.4f}"
    figure = f'<text x="{LABELS + width + 6:.1f}" y="{y + 4}" class="tick">{shown}</text>'
    return f'<rect x="{LABELS}" y="{y - 8}" width="{width:.1f}" height="16" class="{_class(mark.strong)}"/>{figure}'


def _free(x: float, y: float, width: float, taken: list[tuple[float, float, float]]) -> float:
    """The height nearest below ``y`` where a label from ``x`` on covers none placed before."""
    place = y
    while any(abs(place - other) < 14 and x < end and start < x + width for start, end, other in taken):
        place += 3
    taken.append((x, x + width + 12, place))
    return place


def _class(strong: bool) -> str:
    return "strong" if strong else "plain"


def _svg(height: float, body: Iterable[str], title: str) -> str:
    inside = "".join(body)
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">{inside}</svg>'
