"""Why an item is in the slate: the scorer's contributions, summed by what they mean to a shopper."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from endcap.bundle.events import Array
from endcap.strategies.batch import Candidates
from endcap.strategies.compiled import (
    INT32,
    INT32S,
    NOTHING,
    REAL_ROWS,
    REALS,
    SINGLE_ROWS,
    TO_REAL_ROWS,
    filled,
    kernel,
)
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


class Explainer:
    """What of an explanation depends on the strategy alone, worked out once for all requests."""

    def __init__(self, strategy: Strategy) -> None:
        self.scorer = strategy.scorer.component
        self.witnesses = [
            (component.evidence, {feature.reason for feature in component.provides})
            for component in (hydrator.component for hydrator in strategy.hydrate)
            if hasattr(component, "evidence")
        ]
        """What can name an item as evidence, and for which reasons."""
        requires = self.scorer.requires
        self.ranks = [f"{source.name}.rank" for source in strategy.recall] if FUSED in requires else []
        self.names = (*dict.fromkeys([*(name for name in requires if name != FUSED), *self.ranks, BOOST]),)
        self.plain = [place for place, name in enumerate(requires) if name != FUSED]
        self.places = [self.names.index(requires[place]) for place in self.plain]
        """What the scorer's own columns are among ``requires``, and among ``names``."""
        known = _features(strategy)
        features = [known.get(name, Feature(name)) for name in self.names]
        self.codes = list(dict.fromkeys(feature.reason for feature in features if feature.reason is not None))
        self.code_of = np.array([self.codes.index(f.reason) if f.reason else -1 for f in features], np.int32)
        proofs = [feature.proof for feature in features]
        self.proving = tuple(proof.column or name for proof, name in zip(proofs, self.names, strict=True))
        self.above = np.array([proof.above for proof in proofs])
        self.below = np.array([proof.below for proof in proofs])

    def __call__(self, query: Query, slate: Candidates) -> tuple[tuple[Reason, ...], ...]:
        """For every row of the slate its strongest reasons, at most three, all true and with a positive
        contribution."""
        parts = np.nan_to_num(self._contributions(query, slate))
        proofs, values = slate.matrix(self.proving), slate.matrix(self.names)
        totals = np.empty((len(slate), len(self.codes)))
        leaders = np.empty((len(slate), len(self.codes)), np.int32)
        _weigh(parts, proofs, self.above, self.below, self.code_of, totals, leaders)
        strongest = np.argsort(-totals, axis=1, kind="stable")[:, :MOST_REASONS]
        reasons = [
            tuple(
                Reason(self.codes[code], float(totals[row, code]), self.names[column], float(values[row, column]))
                for code in strongest[row]
                if totals[row, code] > 0 and (column := leaders[row, code]) >= 0
            )
            for row in range(len(slate))
        ]
        return self._with_evidence(query, slate.items, reasons)

    def _contributions(self, query: Query, slate: Candidates) -> Array:
        """float64[n, len(names)]. What the fused rank moved is shared out among the sources that make it up."""
        moved = self.scorer.contributions(query, slate)
        if moved.shape != (len(slate), len(self.scorer.requires)):
            expected = f"float32[{len(slate)}, {len(self.scorer.requires)}]"
            raise ValueError(f"expected {expected} contributions, found {moved.dtype}{list(moved.shape)}")
        parts = np.zeros((len(slate), len(self.names)))
        parts[:, self.places] = moved[:, self.plain]
        if self.ranks:
            fused = moved[:, self.scorer.requires.index(FUSED), None]
            shares = vote(slate.matrix(self.ranks)) / slate.column(FUSED)[:, None]
            parts[:, [self.names.index(rank) for rank in self.ranks]] += fused * np.nan_to_num(shares)
        parts[:, self.names.index(BOOST)] = slate.column(BOOST)
        return parts

    def _with_evidence(
        self, query: Query, items: Array, reasons: list[tuple[Reason, ...]]
    ) -> tuple[tuple[Reason, ...], ...]:
        """Reasons of the kind for which a hydrator can name an item as evidence, with that item: one call a hydrator,
        for the whole slate."""
        for evidence, own in self.witnesses:
            rows = [row for row, given in enumerate(reasons) if any(reason.code in own for reason in given)]
            for row, item in zip(rows, evidence(query, items[rows]) if rows else (), strict=True):
                reasons[row] = tuple(r._replace(item=int(item)) if r.code in own else r for r in reasons[row])
        return tuple(reasons)


@kernel(NOTHING(REAL_ROWS, SINGLE_ROWS, REALS, REALS, INT32S, TO_REAL_ROWS, filled(INT32, 2)))
def _weigh(
    parts: Array, proofs: Array, above: Array, below: Array, code_of: Array, totals: Array, leaders: Array
) -> None:
    """Of every row and reason what its columns add up to, and which moved the score most among those that prove it;
    without such a column the reason counts for nothing."""
    totals[:], leaders[:] = 0.0, -1
    for row in range(len(parts)):
        for column in range(parts.shape[1]):
            code, part = code_of[column], parts[row, column]
            if code < 0:
                continue
            totals[row, code] += part
            true = above[column] < proofs[row, column] < below[column]
            leader = leaders[row, code]
            if true and part > (parts[row, leader] if leader >= 0 else 0.0):
                leaders[row, code] = column
        for code in range(totals.shape[1]):
            if leaders[row, code] < 0:
                totals[row, code] = 0.0


def _features(strategy: Strategy) -> dict[str, Feature]:
    """Every column that may give a reason."""
    known = {BOOST: Feature(BOOST, ReasonCode.PROMOTED_BY_REQUEST)}
    for hydrator in strategy.hydrate:
        known.update({feature.name: feature for feature in hydrator.component.provides})
    for source in strategy.recall:
        code, rank = getattr(source.component, "reason", ReasonCode.OTHER), f"{source.name}.rank"
        known.update({name: Feature(name, code, Proof(rank)) for name in (rank, f"{source.name}.score")})
    return known
