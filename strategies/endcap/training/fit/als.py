"""Item factors by implicit's alternating least squares on decayed, damped event weights.

Items that nobody has met yet get the factor that an item like them can be expected to have (newcomers.py), and so do
shoppers who have not done anything yet (shoppers.py).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from endcap.bundle.events import Array
from endcap.bundle.folder import Part
from endcap.bundle.writer import PartWriter
from endcap.strategies.anchors import decay
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.strategies.recall.als import DEFAULT_PLACES, confidences, folded_in
from endcap.strategies.recall.longest import Longest, by_length
from endcap.training.fit.fitter import Context, Fitter
from endcap.training.fit.newcomers import (
    DEPTH,
    HELD_SHARE,
    JUDGES,
    Described,
    Judges,
    Settings,
    best_settings,
    damped,
    learn,
    scale_for,
)
from endcap.training.fit.reach import PROBES, best_reach
from endcap.training.fit.shoppers import learn_shoppers
from endcap.training.shop import Shop

FACTORS, ITERATIONS, REGULARIZATION = 64, 12, 0.1
ALPHA, HALF_LIFE_DAYS, MOST_ITEMS = 4.0, 120.0, 1000

LEAST_SHOPPERS = 2
"""An item that one shopper went for has a factor, but nothing that another shopper could share: it is not proposed."""
YOUNG_DAYS = 28.0
"""An item first met longer ago than this, and hardly ever since, is no newcomer: that few want it is known."""
OWN_WEIGHT = 0.2
"""Of a newcomer's own factor, where one shopper has met it; the rest is what is expected of it."""
PLACES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of the places in shoppers' lists for which it is worked out how newcomers' scores are scaled."""


class Factorised(NamedTuple):
    shoppers: Array
    """float32[u, FACTORS]."""
    items: Array
    """float32[n, FACTORS]; zeros for an item without events."""


def _als(shop: Shop, part: PartWriter, context: Context) -> None:
    matrix, seed = confidence_matrix(shop), context.config.training.seed
    shoppers, own = factorised(matrix, seed)
    gram = own.T.astype(np.float64) @ own + REGULARIZATION * np.eye(FACTORS)
    proposable = np.flatnonzero(np.asarray(matrix.getnnz(axis=0)).ravel() >= LEAST_SHOPPERS).astype(np.int32)
    with threadpool_limits(1, "blas"):  # equal factors to the last bit, however many cores there are
        found = _newcomers(shop, part, matrix, _Fit(own, gram, proposable), seed)
        profile = learn_shoppers(shop.user_columns, shoppers, seed)
    items = own.copy()
    items[found.items] = found.factors * np.float32(found.scales[str(DEFAULT_PLACES)])
    part.arrays({"item_factors": items, "gram": gram})
    proposals = _write_longest(part, proposable, own[proposable], "proposable", "proposals", "proposal_lengths")
    _write_longest(part, found.items, found.factors, "newcomers", "newcomer_factors", "newcomer_lengths")
    part.arrays({"profile": profile.rows, "shopper_spread": profile.spread})
    part.json("profile", profile.columns)
    with threadpool_limits(1, "blas"):
        reach = best_reach(proposals, _folded(matrix, own, gram, seed))
    context.progress(
        f"recall from factors finds {reach.recall:.1%} of the best {DEPTH}, in {reach.seen:.1%} of the items"
    )
    fitted: dict[str, Any] = {"alpha": ALPHA, "half_life_days": HALF_LIFE_DAYS, "most_items": MOST_ITEMS}
    fitted["reach"] = reach._asdict()
    part.json("als", {**fitted, "newcomer_scales": found.scales, "newcomer_settings": found.chosen._asdict()})


def _write_longest(part: PartWriter, items: Array, factors: Array, *names: str) -> Longest:
    """Items and their factors, the longest first, under the names given for items, factors and lengths."""
    order, lengths = by_length(factors)
    written = items[order], factors[order], lengths
    part.arrays(dict(zip(names, written, strict=True)))
    return Longest(*written, reach=1.0)


def _folded(matrix: csr_matrix, own: Array, gram: Array, seed: int) -> Array:
    """float32[s, FACTORS]: shoppers by lot, as a request folds them in."""
    active = np.random.default_rng([seed, 7]).permutation(np.flatnonzero(matrix.getnnz(axis=1)))[:PROBES]
    rows = [slice(matrix.indptr[user], matrix.indptr[user + 1]) for user in active]
    known = [folded_in(gram, own[matrix.indices[row]], matrix.data[row].astype(np.float64)) for row in rows]
    return np.array(known, np.float32).reshape(-1, own.shape[1])


def confidence_matrix(shop: Shop) -> csr_matrix:
    """Shoppers by items, float32; decayed as of the cut-off, exactly as a shopper is folded in at request time."""
    strengths = shop.log.weights * decay(shop.data_end - shop.log.times, HALF_LIFE_DAYS)
    shape = (len(shop.user_ids), len(shop.item_ids))
    matrix = csr_matrix((strengths, (shop.users, shop.log.items)), shape)
    matrix.sum_duplicates()
    matrix.data = confidences(matrix.data, ALPHA).astype(np.float32)
    return matrix


def factorised(matrix: csr_matrix, seed: int) -> Factorised:
    from implicit.cpu.als import AlternatingLeastSquares

    with threadpool_limits(1, "blas"):  # implicit runs one solver a core; BLAS threads on top would fight them
        model = AlternatingLeastSquares(
            factors=FACTORS, iterations=ITERATIONS, regularization=REGULARIZATION, random_state=seed
        )
        model.fit(matrix, show_progress=False)
    shoppers, items = (np.array(each, np.float32) for each in (model.user_factors, model.item_factors))
    shoppers[np.asarray(matrix.getnnz(axis=1)) == 0] = 0.0
    items[np.asarray(matrix.getnnz(axis=0)) == 0] = 0.0  # so that it is never proposed for its noise
    return Factorised(shoppers, items)


class _Fit(NamedTuple):
    own: Array
    gram: Array
    proposable: Array


class _Newcomers(NamedTuple):
    items: Array  # int32[m], ascending
    factors: Array  # float32[m, FACTORS], of a length yet to be scaled
    scales: dict[str, float]  # by share of the places
    chosen: Settings


def _newcomers(shop: Shop, part: PartWriter, matrix: csr_matrix, fit: _Fit, seed: int) -> _Newcomers:
    described, every = described_by(shop, part), np.arange(len(fit.own))
    items, met = newcomers_of(shop, matrix)
    random = np.random.default_rng([seed, 6])
    held = np.sort(random.permutation(len(fit.own))[: round(HELD_SHARE * len(fit.own))])
    judges = _judges(matrix, fit, held, random)
    chosen = best_settings(described, fit.own, np.setdiff1d(every, held), held, judges)
    targets = damped(fit.own, chosen.damping)
    factors = learn(described, targets, np.setdiff1d(every, items[met]), chosen.penalty)[items]
    scores, best = (_best(judges.shoppers @ each.T) for each in (factors, fit.own[fit.proposable]))
    scales = {str(share): scale_for(best, scores, share) for share in PLACES}
    one = scales[str(DEFAULT_PLACES)]
    if one > 0:  # few events say little, and say it in lengths that are not scaled
        factors[met] = (1.0 - OWN_WEIGHT) * factors[met] + OWN_WEIGHT / one * fit.own[items[met]]
    return _Newcomers(items, factors, scales, chosen)


def newcomers_of(shop: Shop, matrix: csr_matrix) -> tuple[Array, Array]:
    """Items of no shopper, or of one who met it lately (int32[m], ascending); and which of them one has (bool[m])."""
    shoppers = np.asarray(matrix.getnnz(axis=0)).ravel()
    first = np.full(len(shoppers), np.iinfo(np.int64).max)
    np.minimum.at(first, shop.log.items, shop.log.times)
    young = first > shop.data_end - YOUNG_DAYS * SECONDS_PER_DAY
    items = np.flatnonzero((shoppers < LEAST_SHOPPERS) & young).astype(np.int32)
    return items, shoppers[items] > 0


def described_by(shop: Shop, part: PartWriter) -> Described:
    """With the vectors of the text part beside ``part``, where it is there."""
    text = Part(part.folder.parent / "text")
    vectors = text.array("vectors") if text.folder.is_dir() else np.empty((len(shop.texts), 0), np.float32)
    return Described(vectors, shop.text_numbers, shop.groups)


def _judges(matrix: csr_matrix, fit: _Fit, held: Array, random: np.random.Generator) -> Judges:
    """Shoppers by lot, folded in from what is not held out."""
    active = np.flatnonzero(matrix.getnnz(axis=1))
    drawn = np.sort(random.permutation(active)[:JUDGES])
    secret = np.zeros(matrix.shape[1], np.bool_)
    secret[held] = True
    shoppers = np.zeros((len(drawn), fit.own.shape[1]), np.float32)
    rows, items = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for row, user in enumerate(drawn):
        span = slice(matrix.indptr[user], matrix.indptr[user + 1])
        mine, sure = matrix.indices[span], matrix.data[span].astype(np.float64)
        shoppers[row] = folded_in(fit.gram, fit.own[mine[~secret[mine]]], sure[~secret[mine]])
        items.append(mine[secret[mine]])
        rows.append(np.full(len(items[-1]), row))
    return Judges(shoppers, np.concatenate(rows), np.concatenate(items))


def _best(scores: Array) -> Array:
    """float[s, DEPTH]: the highest of each row, zeros where there are fewer; those below zero are none."""
    lacking = max(DEPTH - scores.shape[1], 0)
    padded = np.pad(np.maximum(scores, 0.0), ((0, 0), (0, lacking)))
    best: Array = -np.partition(-padded, DEPTH - 1, axis=1)[:, :DEPTH]
    return best


als = Fitter(_als, needs_events=True, after=("text",))
