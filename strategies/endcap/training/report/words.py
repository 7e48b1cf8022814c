"""What the report says in words: the setting, the finding in two sentences, warnings, and how it was measured."""

from __future__ import annotations

from typing import Any

from endcap.training.report.html import folded, paragraph, section, table, terms

SURE = 0.05


def setting(found: dict[str, Any]) -> str:
    counts = found["counts"]
    shoppers = f"{counts['shoppers_all']:,} shoppers"
    learned = f"{counts['events_before']:,} earlier events of {counts['items']:,} items"
    if found["protocol"] == "leave_one_out":
        return f"Each shopper's last goal event was held back and asked for, of {shoppers}. Learned from {learned}."
    when = str(found["cutoff"])[:10]
    days = f"{found['holdout_days']:g} days"
    if not isinstance(found["cutoff"], str):
        days = f"{days} (this shop's times are a plain order, of which 365 days stand for the whole)"
    return (
        f"Ranked for {shoppers} as of {when}, and compared with what they went for in the {days} from then on. "
        f"Learned from {learned}."
    )


def lead(found: dict[str, Any]) -> str:
    """How the strategy does against the best of the baselines, and whether that could be chance."""
    reference, strategies = found["reference"], found["strategies"]
    own = strategies[reference]["all"]["ndcg@10"]
    found_of = (
        f"of the true items that 20 places can hold, its lists have {strategies[reference]['all']['recall@20']:.1%}"
    )
    rivals = [name for name in found["baselines"] if name in strategies]
    if not rivals:
        return f"{reference} reaches an NDCG@10 of {own:.4f}; {found_of}."
    rival = max(rivals, key=lambda name: strategies[name]["all"]["ndcg@10"])
    against = found["comparisons"][rival]["all"]["ndcg@10"]
    sure = "more than chance would explain" if against["p"] < SURE else "no more than chance may explain"
    return (
        f"{reference} reaches an NDCG@10 of {own:.4f}; {found_of}. The best baseline, {rival} "
        f"({found['baselines'][rival]['description']}), reaches {own - against['difference']:.4f}: a difference of "
        f"{against['difference']:+.4f}, {sure}."
    )


def warnings(found: dict[str, Any]) -> list[str]:
    return [
        paragraph(
            f"{count} rankings had to do without something: {what}. What follows is not about a whole service.",
            "warn",
        )
        for what, count in found["served"]["degradations"].items()
    ]


def how_measured(found: dict[str, Any]) -> str:
    seconds = ", ".join(f"{name} {spent:.0f} s" for name, spent in found["seconds"].items())
    baselines = [(name, told["description"], _settings(told["settings"])) for name, told in found["baselines"].items()]
    smallest = min(len(found["comparisons"]) / 5000, 1.0)
    return section(
        "How this was measured",
        terms((name, meaning[:1].upper() + meaning[1:] + ".") for name, meaning in found["definitions"].items()),
        paragraph(
            "Intervals are 95 % percentile intervals of 1,000 bootstrap samples of shoppers; p-values are of paired "
            "randomisation tests over shoppers, adjusted by Holm's method for the number of strategies compared; 5,000 "
            f"arrangements can show none below {smallest:.4f} here."
        ),
        folded(
            "The baselines and the settings that were searched",
            table(("baseline", "method", "settings"), baselines, text=(0, 1, 2)),
        ),
        paragraph(f"Bundle {found['bundle']}, seed {found['seed']}. Time: {seconds}.", "soft"),
    )


def _settings(chosen: dict[str, dict[str, Any]]) -> str:
    """Of the two questions, or once where they are the same."""
    shown = {
        question: ", ".join(f"{name} {value}" for name, value in each.items()) for question, each in chosen.items()
    }
    if shown["all"] == shown["new"]:
        return shown["all"] or "none"
    return f"all items: {shown['all']}; new items: {shown['new']}"
