"""How well each strategy ranks: charts, all numbers in a table, and the tests of the differences."""

from __future__ import annotations

from typing import Any

from endcap.training.report.charts import Mark, dots, scatter
from endcap.training.report.html import folded, heading, paragraph, section, table

QUESTIONS = {"all": "All items", "new": "New items: never bought before"}
METRICS = ("ndcg", "recall", "hit_rate", "mrr", "map", "precision")
BEYOND = ("coverage", "gini", "novelty", "tail_share", "diversity")
CUTS = (5, 10, 20)


def quality(found: dict[str, Any]) -> str:
    parts = [
        paragraph(
            "NDCG@10 weighs what a shopper went for by its place among the first ten: 1 were a perfect list, 0 one "
            "without any hit. The lines are 95 % intervals. Names that begin with recall. are one source of candidates "
            "alone, in its own order."
        )
    ]
    for question, title in QUESTIONS.items():
        asked = found["counts"][f"shoppers_{question}"]
        parts += [heading(f"{title} ({asked:,} shoppers)"), dots(_marks(found, question))]
        parts += [_silent(found, question), _numbers(found, question)]
    return section("Quality by strategy", *parts)


def who(found: dict[str, Any]) -> str:
    """What is behind each name, and what it takes to serve it."""
    names = by_quality(found, "all")
    took = found["served"]["p50_ms"]
    rows = [(name, found["descriptions"][name], f"{took[name]:.1f}" if name in took else "–") for name in names]
    return section(
        "The strategies",
        table(("strategy", "what it is", "ms"), rows, found["reference"], (0, 1)),
        paragraph(
            "ms: the median time that a slate took in this evaluation, with all cores at work; a server that has a "
            "core to itself is quicker. Baselines are not served.",
            "soft",
        ),
    )


def tests(found: dict[str, Any]) -> str:
    others = [name for name in by_quality(found, "all") if name in found["comparisons"]]
    rows = [(name, *_against(found, name, "all"), *_against(found, name, "new")) for name in others]
    head = ("against", "NDCG@10 ahead by", "95 %", "p", "new: ahead by", "95 %", "p")
    return section(
        f"How far {found['reference']} is ahead",
        paragraph("The same shoppers are ranked for by both, so the differences are taken shopper by shopper."),
        table(head, rows),
    )


def beyond(found: dict[str, Any]) -> str:
    points = []
    for name in by_quality(found, "all"):
        one = found["strategies"][name]["all"]
        points.append((name, one["coverage@20"], one["ndcg@10"], name == found["reference"]))
    head = ("strategy", *(f"{metric}@20" for metric in BEYOND))
    rows = [
        (name, *(figure(found["strategies"][name]["all"][f"{metric}@20"]) for metric in BEYOND))
        for name in by_quality(found, "all")
    ]
    return section(
        "Coverage against accuracy",
        paragraph(
            "Further right, more of the catalog is shown to somebody; further up, the lists are better. A list of "
            "bestsellers is low on the left, chance is low on the right."
        ),
        scatter(points, "share of the catalog in anybody's first 20", "NDCG@10"),
        folded(
            "Coverage, concentration, novelty, long tail and diversity in numbers",
            paragraph(
                "gini: 0 if all items were shown equally often, 1 if one item had every place. novelty: mean surprise "
                "of what is shown, in bits; an item that half of all shoppers bought has 1. tail_share: share of the "
                "places for items outside the bestsellers that make up 80 % of all events. diversity: mean text "
                "distance (1 - cosine) between two items of a list."
            ),
            table(head, rows, found["reference"]),
        ),
    )


def by_quality(found: dict[str, Any], question: str) -> list[str]:
    """Names, the best first; those without an answer to the question last."""
    return sorted(found["strategies"], key=lambda name: -(found["strategies"][name][question].get("ndcg@10") or 0.0))


def figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _marks(found: dict[str, Any], question: str) -> list[Mark]:
    marks = []
    for name in by_quality(found, question):
        one = found["strategies"][name]
        value, bounds = one[question].get("ndcg@10"), one["intervals"][question].get("ndcg@10")
        if value is not None and bounds and says_something(one[question]):
            marks.append(Mark(name, value, bounds[0], bounds[1], name == found["reference"]))
    return marks


def says_something(metrics: dict[str, Any]) -> bool:
    """Whether the strategy showed anything to anybody: who only repeats has nothing to say of new items."""
    return bool(metrics.get("coverage@20"))


def _silent(found: dict[str, Any], question: str) -> str:
    if not found["counts"][f"shoppers_{question}"]:
        return paragraph("Nobody went for any of these.", "soft")
    names = [name for name, one in found["strategies"].items() if not says_something(one[question])]
    return paragraph(f"Without any item to show here: {', '.join(names)}.", "soft") if names else ""


def _numbers(found: dict[str, Any], question: str) -> str:
    names = [f"{metric}@{k}" for metric in METRICS for k in CUTS]
    rows = [
        (name, *(figure(found["strategies"][name][question].get(metric)) for metric in names))
        for name in by_quality(found, question)
    ]
    return folded("All metrics", table(("strategy", *names), rows, found["reference"]))


def _against(found: dict[str, Any], name: str, question: str) -> tuple[str, str, str]:
    test = found["comparisons"][name].get(question, {}).get("ndcg@10")
    if test is None:
        return "–", "–", "–"
    low, high = test["interval"]
    return f"{test['difference']:+.4f}", f"{low:+.4f} to {high:+.4f}", f"{test['p']:.4f}"
