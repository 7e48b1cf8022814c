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
    item: int = -1
    """The item that the evidence rests on (what this one goes with), -1 where there is none."""


def explain(strategy: Strategy, query: Query, slate: Candidates) -> tuple[tuple[Reason, ...], ...]:
    """For every row of the slate its strongest reasons, at most three, all with a positive contribution."""
    scorer = strategy.scorer.component
    names = (*scorer.requires, BOOST)
    parts = np.column_stack([scorer.contributions(query, slate), slate.column(BOOST)])
    codes = _codes(strategy, names)
    values = slate.matrix(names)
    reasons = [_strongest(codes, names, parts[row], values[row]) for row in range(len(slate))]
    return _with_evidence(strategy, query, slate.items, reasons)


def _with_evidence(
    strategy: Strategy, query: Query, items: Array, reasons: list[tuple[Reason, ...]]
) -> tuple[tuple[Reason, ...], ...]:
    """Reasons whose hydrator can name an item as evidence, with that item: one call a hydrator, for the whole slate."""
    for hydrator in strategy.hydrate:
        evidence = getattr(hydrator.component, "evidence", None)
        own = {feature.name for feature in hydrator.component.provides}
        rows = [row for row, given in enumerate(reasons) if any(reason.feature in own for reason in given)]
        if evidence is None or not rows:
            continue
        for row, item in zip(rows, evidence(query, items[rows]), strict=True):
            reasons[row] = tuple(r._replace(item=int(item)) if r.feature in own else r for r in reasons[row])
    return tuple(reasons)


def _codes(strategy: Strategy, names: tuple[str, ...]) -> list[ReasonCode | None]:
    known: dict[str, ReasonCode | None] = {BOOST: ReasonCode.PROMOTED_BY_REQUEST}
    for hydrator in strategy.hydrate:
        known.update({feature.name: feature.reason for feature in hydrator.component.provides})
    for source in strategy.recall:
        code = getattr(source.component, "reason", ReasonCode.OTHER)
        known |= {f"{source.name}.rank": code, f"{source.name}.score": code}
    known |= {f"{CALLER}.rank": None, f"{CALLER}.score": None}
    return [known.get(name) for name in names]


def _strongest(
    codes: list[ReasonCode | None], names: tuple[str, ...], parts: Array, values: Array
) -> tuple[Reason, ...]:
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
