"""Why an item is in the slate: the scorer's contributions, summed by what they mean to a shopper."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query, ReasonCode
from endcap.strategies.merge import CALLER

if TYPE_CHECKING:
    from endcap.strategies.strategy import Strategy

BOOST = "request.boost"
MOST_REASONS = 3


class Reason(NamedTuple):
    code: ReasonCode
    contribution: float
    """How much this evidence raised the score, in the score's own units."""
    feature: str
    """The column that raised it most."""
    value: float
    """What that column says of this item; NaN where it says nothing, which can be telling too."""


def explain(strategy: Strategy, query: Query, slate: Candidates) -> tuple[tuple[Reason, ...], ...]:
    """For every row of the slate its strongest reasons, at most three, all with a positive contribution."""
    scorer = strategy.scorer.component
    names = (*scorer.requires, BOOST)
    try:
        parts = np.column_stack([scorer.contributions(query, slate), slate.column(BOOST)])
    except Exception:  # an explanation must never cost the slate; the scorer's own failure is named already
        return tuple(() for _ in slate.items)
    codes = _codes(strategy, names)
    values = slate.matrix(names)
    return tuple(_strongest(codes, names, parts[row], values[row]) for row in range(len(slate)))


def _codes(strategy: Strategy, names: tuple[str, ...]) -> list[ReasonCode | None]:
    known: dict[str, ReasonCode | None] = {BOOST: ReasonCode.PROMOTED_BY_REQUEST}
    for hydrator in strategy.hydrate:
        known.update({feature.name: feature.reason for feature in hydrator.component.provides})
    for source in strategy.recall:
        code = getattr(source.component, "reason", ReasonCode.OTHER)
        known |= {f"{source.name}.rank": code, f"{source.name}.score": code}
    known |= {f"{CALLER}.rank": None, f"{CALLER}.score": None}
    return [known.get(name) for name in names]


def _strongest(codes: list[ReasonCode | None], names: tuple[str, ...], parts: Array, values: Array) -> tuple[Reason, ...]:
    totals: dict[ReasonCode, float] = {}
    leaders: dict[ReasonCode, int] = {}
    for place in np.flatnonzero(parts):
        code = codes[place]
        if code is None:
            continue
        totals[code] = totals.get(code, 0.0) + float(parts[place])
        if code not in leaders or parts[place] > parts[leaders[code]]:
            leaders[code] = int(place)
    best = sorted((code for code in totals if totals[code] > 0), key=lambda code: -totals[code])[:MOST_REASONS]
    return tuple(Reason(code, totals[code], names[leaders[code]], float(values[leaders[code]])) for code in best)
