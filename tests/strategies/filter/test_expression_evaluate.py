from __future__ import annotations

import numpy as np
import pytest

from endcap.bundle.columns import BoolColumn, Column, ListColumn, NumberColumn, StringColumn
from endcap.strategies.filter.expression import FilterError, compile_filter

COLUMNS: dict[str, Column] = {
    "brand": StringColumn.of(["Acme", "ACME Pro", None, "Straße", "5*", ""]),
    "price": NumberColumn.of([1, 2.5, None, -3, 1e6, 0]),
    "available": BoolColumn.of([True, False, None, True, True, False]),
    "tags": ListColumn.of([["new", "Tea"], [], ["tea"], ["Green Tea", "new"], ["Tea", "Tea"], []]),
}


def passing(text: str) -> list[int]:
    return np.flatnonzero(compile_filter(text, COLUMNS).mask()).tolist()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("brand = Acme", [0]),
        ("brand = acme", []),
        ('brand = ""', [5]),
        ("brand != Acme", [1, 2, 3, 4, 5]),
        ("brand:* AND brand != Acme", [1, 3, 4, 5]),
        ("brand = A*", [0, 1]),
        ("brand = *e", [0, 3]),
        ('brand = "*M*"', [1]),
        ("brand != A*", [2, 3, 4, 5]),
        ("brand = *", [0, 1, 3, 4, 5]),
        (r'brand = "5\*"', [4]),
        ("brand:acme", [0, 1]),
        ("brand:STRASSE", [3]),
        ('brand:""', [0, 1, 3, 4, 5]),
        ("brand < B", [0, 1, 4, 5]),
        ("brand <= ACME", [4, 5]),
        ("brand >= Acme", [0, 3]),
        ("brand = 5", []),
    ],
)
def test_strings(text: str, rows: list[int]) -> None:
    assert passing(text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("price = 2.50", [1]),
        ("price:2.5", [1]),
        ("price != 2.5", [0, 2, 3, 4, 5]),
        ("price < 1", [3, 5]),
        ("price <= 1", [0, 3, 5]),
        ("price > -3", [0, 1, 4, 5]),
        ("price >= 1e6", [4]),
        ("price = -0", [5]),
        ("price < +.5", [3, 5]),
        ("price:*", [0, 1, 3, 4, 5]),
        ("NOT price < 1", [0, 1, 2, 4]),
    ],
)
def test_numbers(text: str, rows: list[int]) -> None:
    assert passing(text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("available = true", [0, 3, 4]),
        ("available:false", [1, 5]),
        ("available != true", [1, 2, 5]),
        ("-available = false", [0, 2, 3, 4]),
        ("available:*", [0, 1, 3, 4, 5]),
    ],
)
def test_bools(text: str, rows: list[int]) -> None:
    assert passing(text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("tags:Tea", [0, 4]),
        ("tags:tea", [2]),
        ('tags:"*Tea"', [0, 3, 4]),
        ("tags:*", [0, 2, 3, 4]),
        ("-tags:new", [1, 2, 4, 5]),
        ("tags:none", []),
    ],
)
def test_lists(text: str, rows: list[int]) -> None:
    assert passing(text) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("price > 0 AND available = true OR tags:tea", [0, 4]),
        ("(price > 0 AND available = true) OR tags:tea", [0, 2, 4]),
        ("NOT (price > 0 AND available = true)", [1, 2, 3, 5]),
    ],
)
def test_conditions_joined(text: str, rows: list[int]) -> None:
    assert passing(text) == rows


@pytest.mark.parametrize("text", ["", "price > 0", "brand = A*", "available = true", "tags:Tea", "tags:* OR price < 0"])
def test_keep_answers_for_the_items_asked_in_their_order(text: str) -> None:
    compiled = compile_filter(text, COLUMNS)
    items = np.array([4, 0, 0, 5, 2], np.int32)
    assert compiled.keep(items).tolist() == compiled.mask()[items].tolist()
    assert compiled.keep(np.empty(0, np.int32)).shape == (0,)


def test_a_filter_gives_every_caller_an_array_of_its_own() -> None:
    compiled = compile_filter("available = true AND price > 0", COLUMNS)
    compiled.mask()[:] = True
    assert compiled.mask().tolist() == [True, False, False, False, True, False]


ERRORS = [
    ('price = "cheap"', 8, '`price` is a number; found `"cheap"`, expected a number such as 3, -0.5 or 1e6'),
    ('price = "3"', 8, "`price` is a number; write `3` without quotes"),
    ("price = 3*", 8, "`price` is a number; found `3*`"),
    ("price < 1e999", 8, "`price` is a number; found `1e999`"),
    ("price = nan", 8, "`price` is a number; found `nan`"),
    ("price < 1_000", 8, "`price` is a number; found `1_000`"),
    ("price < ٣", 8, "`price` is a number; found `٣`"),
    ("available > 3", 0, "`available` is a bool, to which > does not apply; write `available = true` or"),
    ("available = yes", 12, "`available` is a bool; found `yes`, expected true or false, without quotes"),
    ('available = "true"', 12, '`available` is a bool; found `"true"`, expected true or false, without quotes'),
    ("tags = Tea", 0, "`tags` is a list, to which = does not apply; write `tags:Tea` or `NOT tags:Tea`"),
    ("tags != Tea", 0, "`tags` is a list, to which != does not apply"),
    ("tags < Tea", 0, "`tags` is a list, to which < does not apply"),
    ("brand:Ac*", 6, "* is a wildcard after = and != alone (: finds the text anywhere); leave it out"),
    ("brand < Ac*", 8, "* is a wildcard after = and != alone (< takes a whole text); leave it out"),
    ("price > 0 AND prise < 3", 14, "no attribute `prise`; did you mean price? known: available, brand, price, tags"),
    ("zzz:*", 0, "no attribute `zzz`; known: available, brand, price, tags"),
    ("brand = ", 8, "expected a value"),
]


@pytest.mark.parametrize(("text", "position", "message"), ERRORS, ids=[text for text, *_ in ERRORS])
def test_what_does_not_fit_the_catalog_is_an_error_that_says_what_would(text: str, position: int, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        compile_filter(text, COLUMNS)
    assert message in caught.value.message
    assert caught.value.position == position


def test_of_very_many_attributes_an_error_lists_thirty() -> None:
    many: dict[str, Column] = {f"a{number:03}": NumberColumn.of([1]) for number in range(100)}
    with pytest.raises(FilterError, match=r"known: a000, .*, a029 and 70 more \(at"):
        compile_filter("zzz = 1", many)


def test_without_attributes_only_the_empty_filter_compiles() -> None:
    assert compile_filter("", {}).mask().shape == (0,)
    with pytest.raises(FilterError, match="no attribute `a`; known: none"):
        compile_filter("a = 1", {})
