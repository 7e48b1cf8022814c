from __future__ import annotations

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.report.charts import WIDTH, Mark, bars, curves, dots, scatter, ticks
from endcap.training.report.html import table


@given(st.floats(1e-6, 1e6))
def test_ticks_are_a_handful_of_round_values_from_nought_to_the_top(top: float) -> None:
    found = ticks(top)
    assert found[0] == 0.0
    assert found[-1] <= top * (1 + 1e-9)
    assert 3 <= len(found) <= 10


def test_a_bar_is_as_long_as_its_value() -> None:
    widths = [
        float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)"', bars([Mark("a", 0.2), Mark("b", 0.1)]))
    ]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)


def test_a_dots_interval_encloses_it() -> None:
    drawn = dots([Mark("a", 0.5, 0.4, 0.7)])
    start, end = (float(value) for value in re.findall(r'x[12]="([\d.]+)" y\d="12.0"', drawn))
    (place,) = (float(value) for value in re.findall(r'cx="([\d.]+)"', drawn))
    assert start < place < end
    assert (place - start) * 2 == pytest.approx(end - place, abs=0.2)


HUNDREDTHS = st.integers(0, 100).map(lambda hundredths: hundredths / 100)
POINTS = st.lists(st.tuples(HUNDREDTHS, HUNDREDTHS), min_size=1, max_size=10)


@given(POINTS)
def test_labels_of_points_cover_neither_each_other_nor_any_point_nor_leave_the_drawing(
    points: list[tuple[float, float]],
) -> None:
    drawn = scatter([(f"strategy {n}", x, y, n == 0) for n, (x, y) in enumerate(points)], "x", "y")
    dots = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    labels = [
        label_box(*found) for found in re.findall(r'<text x="([\d.]+)" y="([\d.]+)" class="\w+ (\w+) halo">', drawn)
    ]
    assert len(dots) == len(labels) == len(points)
    for left, upper, right, lower in labels:
        assert left >= 0
        assert right <= WIDTH
        assert not any(left < x < right and upper < y < lower for x, y in dots)
    for one, other in combinations(labels, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def label_box(x: str, y: str, anchor: str) -> tuple[float, float, float, float]:
    """Left, upper, right and lower end, for letters 6 pixels wide and 12 high."""
    width = 6.0 * len("strategy 1")
    left = float(x) - (width if anchor == "end" else 0.0)
    return left, float(y) - 10, left + width, float(y) + 2


def test_a_long_label_gets_room_and_a_longer_one_is_cut_with_the_whole_of_it_at_hand() -> None:
    fits = "1,001 to 2,000 events, 490 shoppers"
    assert starts_of(bars([Mark(fits, 0.5, strong=True)]))[0] > 6.5 * len(fits)
    assert not any("…" in bars([Mark("w" * letters, 0.5)]) for letters in range(1, 46))
    too_long = "a feature with a name that nobody would ever give to a feature, one should think"
    drawn = bars([Mark(too_long, 0.5)])
    assert f"<title>{too_long}</title>" in drawn
    assert "…</text>" in drawn
    assert starts_of(drawn)[0] < WIDTH / 2


def starts_of(drawn: str) -> list[float]:
    return [float(x) for x in re.findall(r'<rect x="([\d.]+)"', drawn)]


def test_names_from_a_shop_are_text_and_nothing_else() -> None:
    name = '<script>alert("x")</script>'
    for drawn in (dots([Mark(name, 1.0)]), scatter([(name, 1, 1, True)], name, name), table([name], [[name]])):
        assert "<script" not in drawn


@pytest.mark.parametrize("drawn", [dots([]), bars([Mark("a", 0.0)]), curves([("none", [])], "x", "y")])
def test_nothing_to_show_is_no_error(drawn: str) -> None:
    assert "<svg" in drawn
