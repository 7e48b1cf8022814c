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
    general = GENERAL.get(code, code.lower().replace("_", " "))
    if reason.item_id:
        return f"goes with {titles.get(reason.item_id, reason.item_id)}"
    if reason.attribute:
        return f"{general}: {reason.attribute}"
    group, _, what = reason.feature.partition(".")
    history = _history("shopper_item" if group == "repeat" else group, code, facts or {})
    return history or _evidence(group, what, reason.value) or general


def _evidence(group: str, what: str, value: float) -> str:
    """What the feature's value says; empty where it says nothing, or nothing that a table here has words for."""
    if math.isnan(value):
        return ""
    if group in OWN:
        said = _OWN_SAID.get(what)
        return OWN[group] + said(value) if said and (value or what not in _COUNTED) else ""
    if group == "kinds" and what in _KINDS:
        return f"likely by what this shopper buys of {_KINDS[what]}"
    if group == "period":
        name, _, when = what.rpartition(".")
        return f"on promotion ({name} {_WHEN.get(when, when)})" if value else ""
    said = _SAID.get(f"{group}.{what}")
    if what == "rank" and not said:
        return f"number {value:.0f} {_PROPOSALS.get(group, f'of {group}')}"
    return said(value) if said else ""


_KINDS: Mapping[str, str] = {
    "title": "its kind",
    "line": "its brand in this category",
    "category": "its category",
    "aisle": "its aisle",
    "department": "its department",
    "brand": "its brand",
}
OWN: Mapping[str, str] = {"shopper_item": "", **{f"shopper_{name}": f"{kind}: " for name, kind in _KINDS.items()}}
"""Groups of features about what the shopper did with an item, or with what it shares with others."""


def _history(group: str, code: str, facts: Mapping[str, float]) -> str:
    """The whole of what the shopper did with the item or its kind, where the features tell."""
    count, last = facts.get(f"{group}.count", 0.0), facts.get(f"{group}.days_since_last", math.nan)
    gap = facts.get(f"{group}.gap_days", math.nan)
    if group not in OWN or count < 1 or math.isnan(last):
        return ""
    if code == "DUE_AGAIN" and not math.isnan(gap):
        return f"{OWN[group]}usually every {_days(gap)}"
    return f"{OWN[group]}bought {_times(count)}, last {_ago(last)}"


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
    "days_behind": lambda v: "the one they took last" if v < 1 else f"last taken {v:.0f} days before another of it",
}
_COUNTED = frozenset(name for name in _OWN_SAID if name.startswith(("count", "weight", "share", "session")))

_PROPOSALS: Mapping[str, str] = {
    "repeat": "of what this shopper buys again",
    "als": "among shoppers of like taste",
    "covisit": "of what goes with what was chosen",
    "ease": "among shoppers of like taste",
    "neighbours": "of what shoppers of like taste bought lately",
    "popular": "of what everyone buys",
    "profile": "of what such shoppers buy",
    "text": "by its text",
    "lexical": "by its words",
    "cold": "by its text",
}

_SAID: Mapping[str, Say] = {
    "als.similarity": lambda v: GENERAL["SHOPPERS_LIKE_YOU"],
    "als.place": lambda v: f"in the top {max(v, 0.01):.0%} for shoppers of like taste",
    "neighbours.votes": lambda v: f"bought by {_percent(v)} of shoppers of like taste",
    "neighbours.votes_28d": lambda v: f"bought by {_percent(v)} of shoppers of like taste in 28 days",
    "neighbours.votes_84d": lambda v: f"bought by {_percent(v)} of shoppers of like taste in 84 days",
    "query.bm25": lambda v: "has words of the search",
    "query.bm25_title": lambda v: "has words of the search in its title",
    "query.bm25_brand": lambda v: "has words of the search in its brand",
    "query.coverage": lambda v: f"has {_percent(v)} of what the search says",
    "query.title_coverage": lambda v: f"has {_percent(v)} of the search's words in its title",
    "query.title_coverage_idf": lambda v: f"its title has {_percent(v)} of what the search says",
    "query.title_phrase": lambda v: "has the search's words side by side",
    "query.brand": lambda v: "of the brand that was asked for",
    "query.model": lambda v: "has the model number that was asked for",
    "query.numbers": lambda v: "has the amounts that were asked for",
    "query.feedback_cosine": lambda v: f"like the best answers to the search (likeness {v:.2f})",
    "query.neighbour_cosine": lambda v: f"of a kind that answers the search (likeness {v:.2f})",
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
    "item.times_a_buyer": lambda v: f"bought {v:.1f} times by each of its buyers",
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
