from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.report.charts import Mark, bars, curves, dots, scatter, ticks
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


def test_labels_of_points_in_one_place_do_not_cover_each_other() -> None:
    drawn = scatter([(f"strategy {n}", 0.5, 0.4, False) for n in range(6)], "x", "y")
    heights = sorted(float(y) for y in re.findall(r'y="([\d.]+)" class="plain"', drawn))
    assert all(below - above >= 14 for above, below in pairwise(heights))


def test_names_from_a_shop_are_text_and_nothing_else() -> None:
    name = '<script>alert("x")</script>'
    for drawn in (dots([Mark(name, 1.0)]), scatter([(name, 1, 1, True)], name, name), table([name], [[name]])):
        assert "<script" not in drawn


@pytest.mark.parametrize("drawn", [dots([]), bars([Mark("a", 0.0)]), curves([("none", [])], "x", "y")])
def test_nothing_to_show_is_no_error(drawn: str) -> None:
    assert drawn.startswith("<svg")
