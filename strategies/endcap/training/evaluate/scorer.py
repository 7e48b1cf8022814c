"""The learned scorer on its own: does it tell true candidates from false ones, and what is its word worth?"""

from __future__ import annotations

from typing import Any

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, BundleError
from endcap.training.evaluate.candidates import Scored, ceiling, found_by_source, score
from endcap.training.evaluate.probability import Calibration, auc, auc_per_group, reliability, sigmoid
from endcap.training.evaluate.protocol import Holdout
from endcap.training.evaluate.questions import Translation, questions
from endcap.training.evaluate.ranking import Opening
from endcap.training.parallel import Workers

MOST_SHOPPERS, MOST_TO_FIT = 2000, 500
"""Scoring keeps every candidate of each shopper; so many are enough to judge by and to fit the map on, by lot."""
PART, FILE = "ranker", "calibration"


def fit_calibration(pool: Workers, holdout: Holdout, opening: Opening, name: str, seed: int) -> dict[str, list[float]]:
    """The isotonic map of a strategy's scores, as the bundle keeps it; {} where there is nobody to fit it on."""
    rows = _drawn(np.flatnonzero(holdout.regulars), seed, MOST_TO_FIT)
    if not len(rows):
        return {}
    scored = _score(pool, holdout, opening, name, rows)
    if not np.isfinite(scored.scores).any():
        return {}
    found = Calibration.fit(scored.scores, scored.labels)
    return {"scores": found.scores.tolist(), "probabilities": found.probabilities.tolist()}


def judge_scorer(pool: Workers, holdout: Holdout, opening: Opening, name: str, seed: int) -> dict[str, Any]:
    """AUC, calibration before and after the bundle's isotonic map, and the ceilings of recall by question."""
    rows = _drawn(np.flatnonzero(holdout.regulars), seed)
    scored = _score(pool, holdout, opening, name, rows)
    found: dict[str, Any] = {
        "shoppers": len(rows),
        "candidates": float(scored.sizes.mean()),
        "most_candidates": int(scored.sizes.max()),
        "auc": auc(scored.scores, scored.labels),
        "auc_per_shopper": auc_per_group(scored.scores, scored.labels, scored.sizes),
        "as_log_odds": reliability(sigmoid(scored.scores), scored.labels),
    }
    if calibration := read_calibration(opening.bundle()):
        found["calibrated"] = reliability(calibration(scored.scores), scored.labels)
    return found


def judge_recall(pool: Workers, holdout: Holdout, opening: Opening, name: str, seed: int) -> dict[str, Any]:
    """The ceiling by source, for all and for new items: see candidates.ceiling."""
    found = {}
    for question, truth in (("all", holdout.truth), ("new", holdout.new)):
        rows = _drawn(np.flatnonzero(holdout.regulars & (truth.sizes > 0)), seed)
        if len(rows):
            translation = Translation.between(holdout.known, opening.bundle())
            asked = questions(holdout, translation, rows)
            part = truth.take(rows)
            counts = found_by_source(pool, opening, name, asked, translation.truth(part), question == "new")
            found[question] = ceiling(counts, part.sizes)
    return found


def read_calibration(bundle: Bundle) -> Calibration | None:
    """None where the bundle has none: nobody was there to fit it on, or an older Endcap trained it."""
    try:
        kept = bundle.part(PART).json(FILE)
    except BundleError:
        return None
    if not kept:
        return None
    return Calibration(np.array(kept["scores"]), np.array(kept["probabilities"]))


def _score(pool: Workers, holdout: Holdout, opening: Opening, name: str, rows: Array) -> Scored:
    """Labels count every held back item, cold ones too: they are what comes true."""
    translation = Translation.between(holdout.known, opening.bundle())
    truth = translation.truth(holdout.everything.take(rows))
    return score(pool, opening, name, questions(holdout, translation, rows), truth)


def _drawn(rows: Array, seed: int, most: int = MOST_SHOPPERS) -> Array:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
