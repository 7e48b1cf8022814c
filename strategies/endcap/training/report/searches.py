"""The report on searches, from the very numbers that the JSON holds."""

from __future__ import annotations

from html import escape
from typing import Any

from endcap.training.report.html import paragraph, section, table, terms
from endcap.training.report.style import STYLE

PARTS = {"judged": "The rated items, put in order", "catalog": "The whole catalog, searched"}
LISTED = 100


def searches_page(found: dict[str, Any]) -> str:
    """One HTML file that needs no other: ``found`` is what ``evaluate_searches`` gave."""
    title = f"Search quality: {found['shop']}"
    judgments = found["judgments"]
    asked = f"{judgments['rows']:,} judgments of {judgments['searches']:,} searches; seed {found['seed']}."
    parts = [f"<h1>{escape(title)}</h1>", paragraph(asked, "soft"), paragraph(_order(found), "lead")]
    parts += [_part(found, name, heading) for name, heading in PARTS.items()]
    parts += [_unknown(judgments), section("How this was measured", terms(found["definitions"].items()))]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _order(found: dict[str, Any]) -> str:
    if not (ranker := found["ranker"]):
        return "The order is the fixed fusion of words and meaning: nothing was given to learn from."
    return f"The order was learned from {ranker['learned_from']}."


def _part(found: dict[str, Any], name: str, heading: str) -> str:
    strategies = found["strategies"]
    one = next(iter(strategies.values()))[name]
    metrics = [metric for metric in one if metric not in ("queries", "intervals")]
    rows = [(strategy, *(_cell(values[name], metric) for metric in metrics)) for strategy, values in strategies.items()]
    told = paragraph(f"{one['queries']:,} searches; in brackets 95 % intervals.", "soft")
    return section(heading, told, table(("strategy", *metrics), rows, strong="search"))


def _cell(values: dict[str, Any], metric: str) -> str:
    if values[metric] is None:
        return "–"
    low, high = values["intervals"][metric]
    return f"{values[metric]:.4f} ({low:.3f}–{high:.3f})"


def _unknown(judgments: dict[str, Any]) -> str:
    if not judgments["unknown_items"]:
        return ""
    some = ", ".join(judgments["unknown"][:LISTED])
    told = f"{judgments['unknown_rows']:,} judgments name {judgments['unknown_items']:,} items that the catalog lacks: "
    return section("Unknown items", paragraph(told + some))
