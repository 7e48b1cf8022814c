"""What is asked: shoppers for the hidden items that they went for, and hidden shoppers for all else that they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote_plus

import numpy as np

from endcap.bundle.columns import ListColumn
from endcap.bundle.events import Array, Events
from endcap.strategies.contract import Query
from endcap.training.evaluate.cold.hide import Hidden, without
from endcap.training.evaluate.protocol import LEAST_EVENTS, Holdout
from endcap.training.evaluate.questions import Translation
from endcap.training.evaluate.truth import Truth
from endcap.training.shop import Shop

NOTHING, ATTRIBUTES, PAGE, FIRST_ITEM = "nothing", "attributes", "page", "first item"
"""What is known of a hidden shopper; the page is that of the category of their first item."""


@dataclass(frozen=True)
class HiddenShopper:
    row: int
    """Of the holdout."""
    first: int
    """The item of their first goal event in the window that is not hidden itself."""


def hide_from(holdout: Holdout, hidden: Hidden) -> Holdout:
    """The same window and shoppers, with nothing known of what is hidden: hidden items are ``cold``."""
    known = without(holdout.known, hidden)
    everything = holdout.everything
    secret = hidden.items[everything.items]
    rest = everything.only(~secret)
    warm = np.bincount(known.log.items, minlength=len(known.item_ids))[rest.items] >= LEAST_EVENTS
    empty = rest.only(np.zeros(len(rest.items), np.bool_))
    cold = everything.only(secret)
    return replace(holdout, protocol="cold", known=known, truth=rest.only(warm), new=empty, cold=cold)


def hidden_shoppers(shop: Shop, holdout: Holdout, hidden: Hidden) -> list[HiddenShopper]:
    """Those who went for something in the window that can be found; ``shop`` knows what came in it."""
    users, log = shop.between(holdout.cutoff, shop.data_end)
    goals = np.flatnonzero(log.goals & ~hidden.items[log.items])
    firsts, places = np.unique(users[goals], return_index=True)  # a shopper's rows run by time
    items = dict(zip(firsts.tolist(), log.items[goals[places]].tolist(), strict=True))
    rows = np.flatnonzero(hidden.shoppers[holdout.users])
    return [HiddenShopper(int(row), items[user]) for row, user in _owners(holdout, rows) if user in items]


def without_first(holdout: Holdout, asked: list[HiddenShopper]) -> Truth:
    """One row a shopper: what they went for, but for the first item, which some of the questions tell."""
    truth = holdout.truth.take(np.array([each.row for each in asked], np.int64))
    firsts = np.array([each.first for each in asked], np.int32)
    return truth.only(truth.items != firsts[truth.rows])


def query_about(shopper: HiddenShopper, what: str, holdout: Holdout, translation: Translation) -> Query | None:
    """What a server would be asked of someone of whom only this is known; None where it is not."""
    known, now = holdout.known, int(translation.times(holdout.asked_at[[shopper.row]])[0])
    query = Query(now=now, request_id=str(holdout.users[shopper.row]))
    match what:
        case "attributes":
            attributes = attributes_of(known, int(holdout.users[shopper.row]))
            return replace(query, attributes=attributes) if attributes else None
        case "page":
            page = page_of(known, shopper.first)
            return replace(query, page=page) if page else None
        case "first item":
            item = translation.items[[shopper.first]]
            return replace(query, session=_looked_at(item, now)) if item[0] >= 0 else None
    return query


def attributes_of(shop: Shop, user: int) -> Mapping[str, str]:
    """As a caller would send them: every attribute that is known and not a list."""
    values = {name: column.value(user) for name, column in shop.user_columns.items()}
    return {name: str(value) for name, value in values.items() if value is not None and not isinstance(value, tuple)}


def page_of(shop: Shop, item: int) -> str:
    column = shop.columns["categories"]
    path = column.value(item) if isinstance(column, ListColumn) else ()
    return "".join(f"/{quote_plus(name)}" for name in path)


def _looked_at(item: Array, now: int) -> Events:
    unknown = np.full(1, -1, np.int64)
    one = np.ones(1, np.float32)
    return Events(item, np.array([now - 1]), one, np.ones(1, np.bool_), one, np.full(1, np.nan, np.float32), unknown)


def _owners(holdout: Holdout, rows: Array) -> list[tuple[int, int]]:
    return list(zip(rows.tolist(), holdout.users[rows].tolist(), strict=True))
