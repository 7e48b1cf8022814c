"""A reason in plain English, from its code and its evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from endcap.v1.ranking_pb2 import Reason, ReasonCode

GENERAL: Mapping[str, str] = {
    "BOUGHT_BEFORE": "what this shopper bought before",
    "DUE_AGAIN": "this shopper's usual rhythm",
    "SHOPPERS_LIKE_YOU": "chosen by shoppers of like taste",
    "OFTEN_BOUGHT_WITH": "goes with what was chosen",
    "POPULAR": "many buy it",
    "TRENDING": "how its sales are moving",
    "MATCHES_QUERY": "answers the search",
    "SIMILAR_CONTENT": "like what was chosen",
    "FAVOURITE_BRAND": "what this shopper buys of its brand",
    "FAVOURITE_CATEGORY": "what this shopper buys of its category",
    "PRICE_FITS": "its price, against what this shopper pays",
    "ON_PROMOTION": "its promotions",
    "PROMOTED_BY_REQUEST": "raised by the request",
    "OTHER": "something else",
}
"""What to say where the evidence says no more; the wording holds whether the evidence is high or low."""


def words(reason: Reason, titles: Mapping[str, str], facts: Mapping[str, float] | None = None) -> str:
    """One line for ``reason``. ``titles`` names its evidence item; ``facts`` are the item's features, where known."""
    code = ReasonCode.Name(reason.code).removeprefix("REASON_CODE_")
    if reason.item_id:
        return f"goes with {titles.get(reason.item_id, reason.item_id)}"
    if reason.attribute:
        return f"{GENERAL.get(code, code)}: {reason.attribute}"
    group, _, what = reason.feature.partition(".")
    if group in OWN:
        return OWN[group] + _own(what, reason.value, group, facts or {})
    if what == "rank" and not math.isnan(reason.value):
        return f"number {reason.value:.0f} {_PROPOSALS.get(group, f'of {group}')}"
    if group == "period":
        return f"on promotion ({what.rpartition('.')[0]} {_WHEN.get(what.rpartition('.')[2], what)})"
    say = None if math.isnan(reason.value) else _SAID.get(reason.feature)
    general = GENERAL.get(code, code.lower().replace("_", " "))
    return say(reason.value) if say else f"{general} ({reason.feature})" if code == "OTHER" else general


OWN: Mapping[str, str] = {
    "shopper_item": "",
    "shopper_title": "its kind: ",
    "shopper_category": "its category: ",
    "shopper_department": "its department: ",
    "shopper_brand": "its brand: ",
}
"""Groups of features about what the shopper did with an item, or with what it shares with others."""


def _own(what: str, value: float, group: str, facts: Mapping[str, float]) -> str:
    count, last = facts.get(f"{group}.count", 0.0), facts.get(f"{group}.days_since_last", math.nan)
    if what != "item_share" and count >= 1 and not math.isnan(last):
        gap = facts.get(f"{group}.gap_days", math.nan)
        rhythm = f", every {_days(gap)}" if what in ("gap_days", "due") and not math.isnan(gap) else ""
        return f"bought {_times(count)}{rhythm}, last {_ago(last)}"
    if math.isnan(value) or (value == 0 and what in _COUNTED):
        return "not bought lately" if what.endswith("d") else "not bought so far"
    return _OWN_SAID[what](value) if what in _OWN_SAID else f"{what.replace('_', ' ')} {value:.2g}"


def _times(count: float) -> str:
    return {1: "once", 2: "twice"}.get(round(count), f"{count:.0f} times")


def _days(value: float) -> str:
    return "day" if round(value) <= 1 else f"{value:.0f} days"


def _ago(value: float) -> str:
    return "today" if value < 1 else "yesterday" if value < 2 else f"{value:.0f} days ago"


def _percent(value: float) -> str:
    return f"{value:.0%}"


Say = Callable[[float], str]

_OWN_SAID: Mapping[str, Say] = {
    "count": lambda v: f"bought {_times(v)}",
    "count_28d": lambda v: f"bought {_times(v)} in 28 days",
    "count_84d": lambda v: f"bought {_times(v)} in 84 days",
    "weight_7d": lambda v: "bought in the last days",
    "weight_30d": lambda v: "bought in the last weeks",
    "weight_120d": lambda v: "bought in the last months",
    "days_since_last": lambda v: f"last time {_ago(v)}",
    "days_since_first": lambda v: f"first time {_ago(v)}",
    "gap_days": lambda v: f"bought every {_days(v)}",
    "due": lambda v: f"due by its rhythm: {v:.1f} usual gaps since the last time",
    "trips_since_last": lambda v: "on the last trip" if v < 1 else f"last time {v + 1:.0f} trips ago",
    "share_of_trips": lambda v: f"on {_percent(v)} of the trips",
    "share_of_recent_trips": lambda v: f"on {_percent(v)} of the last trips",
    "quantity": lambda v: f"{v:.1f} at a time",
    "session_weight": lambda v: "in this session",
    "item_share": lambda v: f"{_percent(v)} of what this shopper bought of it is this item",
}
_COUNTED = frozenset(name for name in _OWN_SAID if name.startswith(("count", "weight", "share", "session")))

_PROPOSALS: Mapping[str, str] = {
    "repeat": "of what this shopper buys again",
    "als": "among shoppers of like taste",
    "covisit": "of what goes with what was chosen",
    "popular": "of what everyone buys",
    "text": "by its text",
    "cold": "by its text",
}

_SAID: Mapping[str, Say] = {
    "als.similarity": lambda v: GENERAL["SHOPPERS_LIKE_YOU"],
    "als.place": lambda v: f"in the top {max(v, 0.01):.0%} for shoppers of like taste",
    "item.buyers": lambda v: f"bought by {v:,.0f} shoppers",
    "item.count": lambda v: f"bought {_times(v)} by all",
    "item.count_28d": lambda v: f"bought {_times(v)} by all in 28 days",
    "item.count_84d": lambda v: f"bought {_times(v)} by all in 84 days",
    "item.popularity": lambda v: "popular now",
    "item.weight_7d": lambda v: "popular in the last 7 days",
    "item.weight_28d": lambda v: "popular in the last 28 days",
    "item.weight_84d": lambda v: "popular in the last 84 days",
    "item.days_since_sold": lambda v: f"last bought by anyone {_ago(v)}",
    "item.days_on_sale": lambda v: f"first bought by anyone {_ago(v)}",
    "item.times_a_buyer": lambda v: f"its buyers buy it {v:.1f} times",
    "item.share_of_category": lambda v: f"{_percent(v)} of what its category sells",
    "item.share_of_title": lambda v: f"{_percent(v)} of what its kind sells",
    "item.trend": lambda v: f"sells {math.exp(v):.1f} times what it did before",
    "price.rank": lambda v: f"dearer than {_percent(v)} of its category",
    "price.rank_gap": lambda v: f"{'dearer' if v > 0 else 'cheaper'} in its category than this shopper's usual choice",
    "price.ratio_to_usual": lambda v: f"{v:.1f} times what this shopper usually pays in its category",
    "text.query_cosine": lambda v: f"answers the search (likeness {v:.2f})",
    "text.profile_cosine": lambda v: f"like what was chosen (likeness {v:.2f})",
}
_WHEN: Mapping[str, str] = {"now": "now", "ahead": "in the coming weeks", "before": "in the last weeks"}
