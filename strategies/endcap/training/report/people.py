"""For whom and for what it works: segments and the fairness table."""

from __future__ import annotations

from typing import Any

from endcap.training.report.charts import Mark, dots
from endcap.training.report.html import heading, paragraph, section, table

FAMILIES = {
    "history": "Shoppers by how many earlier events they have",
    "popularity": "What is asked for: bestsellers (80 % of all events) and the long tail",
    "cold_shoppers": "Shoppers without any earlier event",
    "cold_items": "Items that hardly anybody bought before",
}
ATTRIBUTE = "attribute: "


def for_whom(found: dict[str, Any]) -> str:
    """The strategy and the best baseline, segment by segment."""
    rival = _rival(found)
    parts = [paragraph(f"NDCG@10 of {found['reference']}, and of {rival} below it, by kind of shopper and of item.")]
    for family, title in FAMILIES.items():
        marks = _marks(found, family, rival)
        if marks:
            parts += [heading(title), dots(marks)]
    return section("For whom, and for what", *parts)


def fairness(found: dict[str, Any]) -> str:
    own = found["strategies"][found["reference"]]
    attributes = [family for family in own["segments"] if family.startswith(ATTRIBUTE)]
    if not attributes:
        return section("Fairness", paragraph("The shop's users table names no attributes to compare groups by."))
    gaps = own["fairness"]["by_attribute"]
    rows = [
        (
            name,
            f"{gap['gap']:.4f}",
            f"{gap['interval'][0]:.4f} to {gap['interval'][1]:.4f}",
            f"{gap['p']:.3f}",
            gap["best"],
            gap["worst"],
            f"{gap['with_unknown']['gap']:.4f}" if "with_unknown" in gap else "–",
        )
        for name, gap in sorted(gaps.items(), key=lambda entry: -entry[1]["gap"])
    ]
    parts = [
        paragraph(
            "Groups of shoppers by what the users table says of them, and the largest gap in NDCG@10. Of many "
            "groups some always differ: p is how often groups of these sizes, drawn by lot, lie at least as far apart. "
            "Groups of fewer than 30 shoppers, and shoppers of whom the attribute is not known, are shown below and "
            "left out here; the last column is the gap were the latter a group."
        ),
        paragraph("No attribute has two groups of 30 shoppers or more." if not gaps else "", "soft"),
        table(
            ("attribute", "largest gap", "95 %", "p", "best served", "worst served", "with unknown"),
            rows,
            own["fairness"]["largest"] or "",
            (0, 4, 5),
        ),
    ]
    for family in attributes:
        parts += [heading(family.removeprefix(ATTRIBUTE)), dots(_of_one(own["segments"][family]))]
    return section("Fairness", *parts)


def _rival(found: dict[str, Any]) -> str:
    names: list[str] = [name for name in found["baselines"] if name in found["strategies"]]
    return max(names, key=lambda name: found["strategies"][name]["all"]["ndcg@10"])


def _marks(found: dict[str, Any], family: str, rival: str) -> list[Mark]:
    marks = []
    other = found["strategies"][rival]["segments"].get(family, {})
    for label, measured in found["strategies"][found["reference"]]["segments"].get(family, {}).items():
        shown = "" if label == "all" else f"{label}, "
        marks.append(_mark(f"{shown}{measured['shoppers']:,} shoppers", measured, strong=True))
        if label in other:
            marks.append(_mark(rival, other[label], strong=False))
    return marks


def _of_one(groups: dict[str, Any]) -> list[Mark]:
    return [_mark(f"{label}, {measured['shoppers']:,}", measured, strong=False) for label, measured in groups.items()]


def _mark(label: str, measured: dict[str, Any], strong: bool) -> Mark:
    low, high = measured["interval"]
    return Mark(label, measured["ndcg@10"], low, high, strong)
