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
    REAL,
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
        ranks = [f"{source.name}.rank" for source in strategy.recall] if FUSED in requires else []
        self.names = (*dict.fromkeys([*(name for name in requires if name != FUSED), *ranks, BOOST]),)
        self.ranks, self.boost = [self.names.index(rank) for rank in ranks], self.names.index(BOOST)
        self.plain = [place for place, name in enumerate(requires) if name != FUSED]
        self.places = [self.names.index(requires[place]) for place in self.plain]
        """What the scorer's own columns are among ``requires``, and among ``names``."""
        known = _features(strategy)
        features = [known.get(name, Feature(name)) for name in self.names]
        self.codes = list(dict.fromkeys(feature.reason for feature in features if feature.reason is not None))
        self.code_of = np.array([self.codes.index(f.reason) if f.reason else -1 for f in features], np.int32)
        proofs = [feature.proof for feature in features]
        proving = [proof.column or name for proof, name in zip(proofs, self.names, strict=True)]
        self.read = tuple(dict.fromkeys([*self.names, *proving, FUSED]))
        """The columns that an explanation looks at: ``names``, what proves them, and the fused rank."""
        self.proof_of = np.array([self.read.index(name) for name in proving], np.int32)
        self.above = np.array([proof.above for proof in proofs])
        self.below = np.array([proof.below for proof in proofs])

    def __call__(self, query: Query, slate: Candidates) -> tuple[tuple[Reason, ...], ...]:
        """For every row of the slate its strongest reasons, at most three, all true and with a positive
        contribution."""
        values = slate.matrix(self.read)
        parts = self._contributions(self.scorer.contributions(query, slate), values)
        found = np.empty((len(slate), MOST_REASONS, 2), np.int32)
        told = np.empty((len(slate), MOST_REASONS, 2))
        totals = np.empty((len(self.codes), 2))
        _choose(parts, values, self.proof_of, self.above, self.below, self.code_of, totals, found, told)
        codes, names = self.codes, self.names
        reasons: list[tuple[Reason, ...]] = []
        for own, numbers in zip(found.tolist(), told.tolist(), strict=True):
            told_of = zip(own, numbers, strict=True)
            given = [Reason(codes[code], part, names[at], value) for (code, at), (part, value) in told_of if code >= 0]
            reasons.append(tuple(given))
        return self._with_evidence(query, slate.items, reasons)

    def _contributions(self, moved: Array, values: Array) -> Array:
        """float64[n, len(names)] from what the scorer's own columns moved, and the columns ``read`` (float32[n, k]).
        What the fused rank moved is shared out among the sources that make it up."""
        if moved.shape != (len(values), len(self.scorer.requires)):
            expected = f"float32[{len(values)}, {len(self.scorer.requires)}]"
            raise ValueError(f"expected {expected} contributions, found {moved.dtype}{list(moved.shape)}")
        parts = np.zeros((len(values), len(self.names)))
        parts[:, self.places] = moved[:, self.plain]
        if self.ranks:
            fused = moved[:, self.scorer.requires.index(FUSED), None]
            shares = vote(values[:, self.ranks]) / values[:, self.read.index(FUSED), None]
            parts[:, self.ranks] += fused * np.nan_to_num(shares)
        parts[:, self.boost] = values[:, self.boost]
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


@kernel(NOTHING(REAL_ROWS, SINGLE_ROWS, INT32S, REALS, REALS, INT32S, TO_REAL_ROWS, filled(INT32, 3), filled(REAL, 3)))
def _choose(
    parts: Array,
    values: Array,
    proof_of: Array,
    above: Array,
    below: Array,
    code_of: Array,
    totals: Array,
    found: Array,
    told: Array,
) -> None:
    """Of every row the reasons that add up to most, with their codes and leading columns in ``found`` (-1 where there
    are fewer), what they add up to and what the columns say in ``told``.

    A reason leads with the column that moved the score most among those that prove it; without such a column it counts
    for nothing. ``totals`` is room for each code's sum and its leader's part.
    """
    for row in range(len(parts)):
        totals[:], found[row], told[row] = 0.0, -1, 0.0
        leaders = np.full(len(totals), -1, np.int32)
        for column in range(parts.shape[1]):
            code, part = code_of[column], parts[row, column]
            if code < 0 or np.isnan(part):
                continue
            totals[code, 0] += part
            if part > totals[code, 1] and above[column] < values[row, proof_of[column]] < below[column]:
                leaders[code], totals[code, 1] = column, part
        for code in range(len(totals)):
            total, place = totals[code, 0], found.shape[1]
            if leaders[code] < 0 or not total > 0:
                continue
            while place > 0 and total > told[row, place - 1, 0]:
                place -= 1
            for later in range(found.shape[1] - 1, place, -1):
                found[row, later], told[row, later] = found[row, later - 1], told[row, later - 1]
            if place < found.shape[1]:
                found[row, place, 0], found[row, place, 1] = code, leaders[code]
                told[row, place, 0], told[row, place, 1] = total, values[row, leaders[code]]


def _features(strategy: Strategy) -> dict[str, Feature]:
    """Every column that may give a reason."""
    known = {BOOST: Feature(BOOST, ReasonCode.PROMOTED_BY_REQUEST)}
    for hydrator in strategy.hydrate:
        known.update({feature.name: feature for feature in hydrator.component.provides})
    for source in strategy.recall:
        code, rank = getattr(source.component, "reason", ReasonCode.OTHER), f"{source.name}.rank"
        known.update({name: Feature(name, code, Proof(rank)) for name in (rank, f"{source.name}.score")})
    return known
