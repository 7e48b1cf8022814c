"""What is behind the ranking: candidates, features, the meaning of scores, and what each part is worth."""

from __future__ import annotations

from typing import Any

from endcap.training.report.charts import Mark, bars, curves
from endcap.training.report.html import folded, heading, paragraph, section, table, terms
from endcap.training.report.quality import QUESTIONS, figure

FEATURES = 25
WHOLE = ("all sources", "candidates")


def recall_ceiling(found: dict[str, Any]) -> str:
    parts = [
        paragraph(
            "No ranking finds what is not among its candidates. The bars show what share of a shopper's true items "
            "each source proposes at its limit, all of them together, and what is left of that once the union is cut "
            "to the number of candidates that are scored."
        )
    ]
    for question, ceilings in found["recall_ceiling"].items():
        marks = [Mark(name, one["share"], strong=name in WHOLE) for name, one in ceilings.items()]
        best = ceilings[WHOLE[1]]
        parts += [
            heading(QUESTIONS[question]),
            bars(marks, 1.0, percent=True),
            paragraph(
                f"With every true candidate first, NDCG@10 would be {best['ndcg@10']:.4f} and recall@20 "
                f"{best['recall@20']:.4f}.",
                "soft",
            ),
        ]
    return section("Where the ceiling is", *parts)


def features(found: dict[str, Any]) -> str:
    shares = found["features"]
    if shares is None:
        return ""
    top = list(shares["by_feature"].items())[:FEATURES]
    return section(
        "What the ranker looks at",
        paragraph("Each feature's share of what the ranker goes by: splits of trees, weights of the network."),
        bars([Mark(name, share) for name, share in shares["by_group"].items()], percent=True),
        folded("What the groups are", terms(shares["groups"].items())),
        heading(f"The {len(top)} features with the largest share"),
        bars([Mark(name, share) for name, share in top], percent=True),
    )


def calibration(found: dict[str, Any]) -> str:
    scorer = found["scorer"]
    series = [("scores taken as log-odds", _points(scorer["as_log_odds"]))]
    rows = [("scores taken as log-odds", *_errors(scorer["as_log_odds"]))]
    if "calibrated" in scorer:
        series.append(("after the isotonic map", _points(scorer["calibrated"])))
        rows.append(("after the isotonic map", *_errors(scorer["calibrated"])))
    return section(
        "What a score is worth",
        paragraph(
            f"AUC, the chance that a true candidate scores above a false one, is {figure(scorer['auc'])}; within one "
            f"shopper's candidates {figure(scorer['auc_per_shopper'])}. The ranker's scores have an order and no unit; "
            "a map fitted on the window before the test window turns them into chances. On the dashed line what was "
            "given a chance of one in ten would come true one time in ten; each point is a tenth of all candidates."
        ),
        curves(series, "chance given", "share that came true"),
        table(("", "calibration error", "Brier score", "log loss"), rows),
    )


def ablation(found: dict[str, Any]) -> str:
    rows = found.get("ablation")
    if not rows:
        return ""
    shown = [
        (
            f"without {one['without']}",
            one["kind"],
            *(figure(one[question].get("ndcg@10")) for question in QUESTIONS),
            *(_cost(one["cost"].get(question)) for question in QUESTIONS),
            f"{one['p50_ms']:.1f}",
        )
        for one in sorted(rows, key=lambda one: -one["cost"]["all"]["ndcg@10"]["difference"])
    ]
    head = ("", "kind", "NDCG@10", "of new", "what it cost (95 %)", "of new (95 %)", "ms")
    return section(
        "What each part is worth",
        paragraph(
            "The ranker taught anew without one source of candidates or one group of features, and judged in the same "
            "way. A cost whose interval holds 0 may be chance; parts also stand in for each other. "
            "ms: the median time of a slate without it, with all cores at work."
        ),
        table(head, shown, text=(0, 1)),
    )


def _cost(costs: dict[str, Any] | None) -> str:
    if costs is None:
        return "–"
    cost = costs["ndcg@10"]
    low, high = cost["interval"]
    return f"{cost['difference']:+.4f} ({low:+.4f} to {high:+.4f})"


def _points(reliability: dict[str, Any]) -> list[tuple[float, float]]:
    return [(bin_["chance"], bin_["came_true"]) for bin_ in reliability["curve"]]


def _errors(reliability: dict[str, Any]) -> tuple[str, str, str]:
    names = ("expected_calibration_error", "brier", "log_loss")
    first, second, third = (f"{reliability[name]:.5f}" for name in names)
    return first, second, third
