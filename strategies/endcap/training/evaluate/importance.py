"""What the trees look at: each feature's share of all the gain that splits brought, and by what provides it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np

from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.shelf import Shelf
from endcap.training.evaluate.judged import about


def importance(bundle: Bundle, table: Mapping[str, Any]) -> dict[str, Any] | None:
    """Shares of the total gain by feature and by feature group, the largest first, and what the groups are. None
    without a learned ranker."""
    try:
        part = bundle.part("ranker")
        names, text = part.json("features"), part.file("model.txt").read_text(encoding="utf-8")
    except BundleError:
        return None
    gains = lightgbm.Booster(model_str=text).feature_importance("gain")
    shares = gains / max(float(gains.sum()), 1e-12)
    groups, told = groups_of(bundle, table)
    by_group: dict[str, float] = {}
    for name, share in zip(names, shares, strict=True):
        group = groups.get(name, "recall")
        by_group[group] = by_group.get(group, 0.0) + float(share)
    order = np.argsort(-shares, kind="stable")
    return {
        "by_feature": {names[place]: float(shares[place]) for place in order},
        "by_group": dict(sorted(by_group.items(), key=lambda entry: -entry[1])),
        "groups": {group: told.get(group, "ranks and scores by the sources of candidates") for group in by_group},
    }


def groups_of(bundle: Bundle, table: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The hydrator that provides each feature (ranks and scores of recall have none), and what each is about."""
    booted = Shelf(bundle).strategy("importance", {**table, "score": "by_source", "select": "top_k"})
    groups = {feature.name: each.name for each in booted.hydrate for feature in each.component.provides}
    return groups, {each.name: about(each.component) for each in booted.hydrate}
