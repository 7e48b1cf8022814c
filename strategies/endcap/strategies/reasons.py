"""Why an item is in the slate: the scorer's contributions, summed by what they mean to a shopper."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Feature, Proof, Query, ReasonCode
from endcap.strategies.merge import FUSED, vote

if TYPE_CHECKING:
    from endcap.strategies.strategy import Strategy

BOOST = "request.boost"
MOST_REASONS = 3


class Reason(NamedTuple):
    code: ReasonCode
    contribution: float
    """How much this evidence raised the score, in the score's own units."""
    feature: str
    """The column that raised it most, among those that prove the reason."""
    value: float
    """What that column says of this item."""
    item: int = -1
    """The item that the evidence rests on (what this one goes with), -1 where there is none."""


def explain(strategy: Strategy, query: Query, slate: Candidates) -> tuple[tuple[Reason, ...], ...]:
    """For every row of the slate its strongest reasons, at most three, all true and with a positive contribution."""
    moved = _contributions(strategy, query, slate)
    names, parts = tuple(moved), np.nan_to_num(np.column_stack(list(moved.values())))
    features = _features(strategy)
    codes = [features[name].reason if name in features else None for name in names]
    holds = _proven([features.get(name, Feature(name)) for name in names], slate)
    values = slate.matrix(names)
    reasons = [_strongest(codes, names, parts[row], values[row], holds[row]) for row in range(len(slate))]
    return _with_evidence(strategy, query, slate.items, reasons)


def _contributions(strategy: Strategy, query: Query, slate: Candidates) -> dict[str, Array]:
    """float32[n] by column. What the fused rank moved is shared out among the sources that make it up."""
    scorer = strategy.scorer.component
    parts = dict(zip(scorer.requires, scorer.contributions(query, slate).T, strict=True))
    fused = parts.pop(FUSED, None)
    if fused is not None:
        for source in strategy.recall:
            rank = f"{source.name}.rank"
            share = np.nan_to_num(vote(slate.matrix([rank])[:, 0]) / slate.column(FUSED))
            parts[rank] = parts.get(rank, 0.0) + fused * share
    return {**parts, BOOST: slate.column(BOOST)}


def _features(strategy: Strategy) -> dict[str, Feature]:
    """Every column that may give a reason."""
    known = {BOOST: Feature(BOOST, ReasonCode.PROMOTED_BY_REQUEST)}
    for hydrator in strategy.hydrate:
        known.update({feature.name: feature for feature in hydrator.component.provides})
    for source in strategy.recall:
        code, rank = getattr(source.component, "reason", ReasonCode.OTHER), f"{source.name}.rank"
        known.update({name: Feature(name, code, Proof(rank)) for name in (rank, f"{source.name}.score")})
    return known


def _proven(features: list[Feature], slate: Candidates) -> Array:
    """bool[n, len(features)]: whether the feature's reason is true of the row."""
    wanted = list(dict.fromkeys(feature.proof.column or feature.name for feature in features))
    places = [wanted.index(feature.proof.column or feature.name) for feature in features]
    values = slate.matrix(wanted)[:, places]
    above = np.array([feature.proof.above for feature in features])
    below = np.array([feature.proof.below for feature in features])
    proven: Array = (values > above) & (values < below)
    return proven


def _with_evidence(
    strategy: Strategy, query: Query, items: Array, reasons: list[tuple[Reason, ...]]
) -> tuple[tuple[Reason, ...], ...]:
    """Reasons of the kind for which a hydrator can name an item as evidence, with that item: one call a hydrator, for
    the whole slate."""
    for hydrator in strategy.hydrate:
        evidence = getattr(hydrator.component, "evidence", None)
        own = {feature.reason for feature in hydrator.component.provides}
        rows = [row for row, given in enumerate(reasons) if any(reason.code in own for reason in given)]
        if evidence is None or not rows:
            continue
        for row, item in zip(rows, evidence(query, items[rows]), strict=True):
            reasons[row] = tuple(r._replace(item=int(item)) if r.code in own else r for r in reasons[row])
    return tuple(reasons)


def _strongest(
    codes: list[ReasonCode | None], names: tuple[str, ...], parts: Array, values: Array, holds: Array
) -> tuple[Reason, ...]:
    totals: dict[ReasonCode, float] = {}
    leaders: dict[ReasonCode, int] = {}
    for place in np.flatnonzero(parts):
        code = codes[place]
        if code is None:
            continue
        totals[code] = totals.get(code, 0.0) + float(parts[place])
        if holds[place] and parts[place] > (parts[leaders[code]] if code in leaders else 0.0):
            leaders[code] = int(place)
    best = sorted((code for code in leaders if totals[code] > 0), key=lambda code: -totals[code])[:MOST_REASONS]
    return tuple(Reason(code, totals[code], names[leaders[code]], float(values[leaders[code]])) for code in best)
