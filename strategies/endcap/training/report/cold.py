"""The report on cold start, from the very numbers that the JSON holds."""

from __future__ import annotations

from html import escape
from typing import Any

from endcap.training.report.html import paragraph, section, table, terms
from endcap.training.report.style import STYLE

METRICS = ("hit_rate@20", "recall@20", "ndcg@10")
HEADINGS = {"all": "Hidden items, among the whole catalog", "new": "The same, without what the shopper bought before"}


def cold_page(found: dict[str, Any]) -> str:
    """One HTML file that needs no other: ``found`` is what ``evaluate_cold`` gave."""
    title, counts, cold = f"Cold start: {found['shop']}", found["counts"], found["cold"]
    hidden = f"{counts['hidden_items']:,} of {counts['items']:,} items and {counts['hidden_shoppers']:,} shoppers"
    asked = (
        f"{hidden} were hidden from training; the {found['holdout_days']:g} days from {found['cutoff']} are asked for. "
        f"Seed {found['seed']}."
    )
    parts = [f"<h1>{escape(title)}</h1>", paragraph(asked, "soft")]
    if cold["items"]:
        parts += [_items(cold["items"][question]["methods"], heading) for question, heading in HEADINGS.items()]
        parts.append(_items(cold["items"]["warm"], "What the same lists find of other items"))
    if cold["shoppers"]:
        parts.append(_shoppers(cold["shoppers"]))
    parts.append(section("How this was measured", terms(found["definitions"].items())))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _items(methods: dict[str, Any], heading: str) -> str:
    rows = [(name, *(_cell(one, metric) for metric in METRICS)) for name, one in methods.items()]
    told = paragraph("In brackets 95 % intervals.", "soft")
    return section(heading, told, table(("method", *METRICS), rows, strong="map"))


def _shoppers(shoppers: dict[str, Any]) -> str:
    rows = [
        (known, name, f"{one['shoppers']:,}", *(_cell(values, metric) for metric in METRICS))
        for known, one in shoppers.items()
        if one["shoppers"]
        for name, values in one["methods"].items()
    ]
    head = ("what is known", "strategy", "shoppers", *METRICS)
    return section("Hidden shoppers", table(head, rows, text=(0, 1)))


def _cell(one: dict[str, Any], metric: str) -> str:
    if one.get(metric) is None:
        return "–"
    low, high = one["intervals"][metric]
    return f"{one[metric]:.4f} ({low:.3f}–{high:.3f})"
