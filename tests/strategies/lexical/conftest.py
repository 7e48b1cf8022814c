"""An index over a dozen made items in two scripts."""

from __future__ import annotations

import pytest

from endcap.bundle.folder import Bundle
from endcap.strategies.testing import made
from endcap.training.data.texts import Words
from endcap.training.fit.lexical import write_index

TITLES = [
    "Brother TN-2110 Toner",
    "Brother TN-2120 Toner",
    "HP LaserJet printer",
    "Wireless mouse for HP laptops",
    "HP 16GB memory card",
    "Memory card 32 GB",
    "Bluetooth headset",
    "智能手表 Apple Watch",
    "运动手表",
    "Dell XPS 13 laptop",
    "Power bank 5000 mAh",
    "Laptop bag",
]
BRANDS = ["Brother", "HP", "Dell"]


@pytest.fixture(scope="session")
def searchable(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The made bundle, whose first items are called TITLES; the others are blank."""
    titles = [*TITLES, *[""] * (made.ITEMS - len(TITLES))]
    words = [[title] if title else [] for title in titles]
    brands = [[brand for brand in BRANDS if brand in title] for title in titles]
    fields: dict[str, Words] = {"title": words, "brand": brands, "description": [[] for _ in titles]}
    return made.tiny_bundle(
        tmp_path_factory.mktemp("searchable"), lambda writer: write_index(writer.part("lexical"), fields, BRANDS)
    )
