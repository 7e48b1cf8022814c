from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.training.demo.titles import readable, tidy_size, title


@pytest.mark.parametrize(
    ("kind", "category", "size", "label", "expected"),
    [
        ("YOGURT NOT MULTI-PACKS", "YOGURT", "6 OZ", "National", "Yogurt not multi-packs 6 oz"),
        (
            "FLUID MILK WHITE ONLY",
            "FLUID MILK PRODUCTS",
            "1 GA",
            "Private",
            "Fluid milk white only 1 gal (store brand)",
        ),
        ("STRAWBERRIES", "FRUIT", None, "National", "Strawberries, fruit"),
        (None, "FRZN ICE", "22 LB", "National", "Frozen ice 22 lb"),
        (None, None, "5 OZ", "National", "Grocery 5 oz"),
        ("BBQ SAUCE", "CONDIMENTS/SAUCES", "18 OZ", "National", "BBQ sauce 18 oz"),
        ("TUNER", "TV/MOVIE", None, "National", "Tuner, TV/movie"),
    ],
)
def test_a_title_says_what_it_is_its_category_and_its_size(
    kind: str | None, category: str | None, size: str | None, label: str, expected: str
) -> None:
    assert title(kind, category, "GROCERY", size, label) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SFT DRNK SNGL SRV BTL CARB (EX", "Soft drink single serve bottle carbonated"),
        ("CANNED CAT FOOD (9 LIVES/FRISK", "Canned cat food (9 lives)"),
        ("CANDY BARS (SINGLES)(INCLUDING", "Candy bars (singles)"),
        ("MAINSTREAM WHEAT/MULTIGRAIN BR", "Mainstream wheat/multigrain"),
        ("POTATOES RUSSET (BULK&BAG)", "Potatoes russet (bulk & bag)"),
        ("APPLE JUICE & CIDER (OVER 50%", "Apple juice & cider (over 50%)"),
        ("SW GDS:DONUTS", "Sweet goods: donuts"),
        ("MISC. DAIRY", "Miscellaneous dairy"),
        ("WOMEN S GENERAL-MAGAZINE", "Women's general-magazine"),
        ("CHRISTMAS  SEASONAL", "Christmas seasonal"),
        ("DRUG GM", "Drug & general merchandise"),
        (None, ""),
    ],
)
def test_till_texts_become_readable(text: str | None, expected: str) -> None:
    assert readable(text) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("1.50  OZ", "1.5 oz"),
        ("1.00 OZ", "1 oz"),
        (".5 L", "0.5 L"),
        ("1 QT.", "1 qt"),
        ("100 CT", "100 ct"),
        (None, ""),
    ],
)
def test_sizes_are_written_one_way(size: str | None, expected: str) -> None:
    assert tidy_size(size) == expected


@given(st.text(alphabet="ABC (/&.,:-%1", max_size=34))
def test_brackets_are_never_left_open(text: str) -> None:
    assert readable(text).count("(") == readable(text).count(")")
