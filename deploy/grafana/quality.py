"""What shoppers get to see: from which strategies and sources, how much of the catalog, and whether scores move."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard
from parts import SERVER, THIRD, Query, Row, choice, lines, page, strategies

CHOSEN = f'{SERVER}, strategy=~"$strategy"'


def build() -> Dashboard:
    about = "Slates by strategy and shopper, sources in what is shown, coverage, new items, and drift of scores."
    variables = [
        strategies(),
        choice("window", "Scores of the last", "1h", "6h", "1d"),
        choice("reference", "against those before", "1d", "7d", "1h"),
    ]
    return page("endcap-quality", "Endcap / Quality", about, [_slates(), _shown(), _scores()], variables)


def _rate(metric: str, by: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{CHOSEN}}}[$__rate_interval]))"


def _per_strategy(part: str, whole: str) -> Query:
    return Query(f"{_rate(part, 'strategy')} / {_rate(whole, 'strategy')}", "{{strategy}}")


def _split(part: str, label: str, whole: str) -> Query:
    """The shares of one label's values in all that the chosen strategies did."""
    return Query(f"{_rate(part, label)} / scalar({_rate(whole)})", f"{{{{{label}}}}}")


def _slates() -> Row:
    return Row(
        "Slates",
        [
            lines(
                "Slates by strategy",
                "Pages that were answered.",
                "reqps",
                Query(_rate("endcap_slates_total", "strategy"), "{{strategy}}"),
                width=THIRD,
                stacked=True,
            ),
            lines(
                "Who they are for",
                "known: has a history in the bundle. visit: has none, but the request tells of this visit. unknown: "
                "neither; visit and unknown together are the cold share.",
                "percentunit",
                _split("endcap_slates_total", "shopper", "endcap_slates_total"),
                width=THIRD,
                stacked=True,
            ),
            lines(
                "Slates without an item",
                "A filter that nothing passes, a list of unknown items, or a source that went silent.",
                "percentunit",
                _per_strategy("endcap_empty_slates_total", "endcap_slates_total"),
                width=THIRD,
            ),
        ],
    )


def _shown() -> Row:
    seen, entries = f"endcap_distinct_items_shown{{{SERVER}}}", f'endcap_bundle_entries{{{SERVER}, kind="items"}}'
    return Row(
        "What is shown",
        [
            lines(
                "Share of each source in what is shown",
                "Of the items shown, how many the source had proposed. An item of several sources counts for each, so "
                "the shares add up to more than 1.",
                "percentunit",
                _split("endcap_shown_source_items_total", "source", "endcap_shown_items_total"),
                width=THIRD,
            ),
            lines(
                "Coverage of the catalog",
                "Distinct items shown in the last hour and day by all strategies, as a share of the bundle's items "
                "(those that cannot be bought too). Of each server by itself: what two have shown cannot be added.",
                "percentunit",
                Query(f"{seen} / on (job, instance) group_left () {entries}", "{{instance}} {{window}}"),
                width=THIRD,
            ),
            lines(
                "New items in what is shown",
                "Items that no event of the bundle's data had met, as a share of the items shown.",
                "percentunit",
                _per_strategy("endcap_shown_new_items_total", "endcap_shown_items_total"),
                width=THIRD,
            ),
        ],
    )


def _scores() -> Row:
    buckets = f"endcap_top_score_bucket{{{CHOSEN}}}[$__rate_interval]"
    return Row(
        "Scores",
        [
            *(
                lines(
                    f"Best score, {name}",
                    "Of a slate's first item, in the scorer's own unit: compare a strategy with itself only.",
                    "none",
                    Query(f"histogram_quantile({q}, sum by (strategy, le) (rate({buckets})))", "{{strategy}}"),
                    width=THIRD,
                    signed=True,
                )
                for q, name in ((0.1, "lowest tenth"), (0.5, "median"))
            ),
            lines(
                "Drift of the best score",
                "The largest gap between the distribution of the chosen window and of the same window before "
                "(Kolmogorov-Smirnov, 0 to 1). A new bundle moves it, and so does a source that fell silent.",
                "none",
                Query(f"max by (strategy) (abs({_share('')} - {_share(' offset $reference')}))", "{{strategy}}"),
                width=THIRD,
            ),
        ],
    )


def _share(offset: str) -> str:
    """Which share of slates has a best score of at most each bound, by strategy."""
    at_most = f"sum by (strategy, le) (rate(endcap_top_score_bucket{{{CHOSEN}}}[$window]{offset}))"
    every = f"sum by (strategy) (rate(endcap_top_score_count{{{CHOSEN}}}[$window]{offset}))"
    return f"{at_most} / on (strategy) group_left () {every}"
