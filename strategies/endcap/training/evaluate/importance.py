"""What the ranker looks at, by feature and by what provides it.

Of the trees each feature's share of all the gain that splits brought; of the network its share of the weight on all
paths from the inputs, which have one scale, to the score (Garson, AI Expert, 1991). Both by how much either says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle, BundleError
from endcap.strategies.score.net import Net
from endcap.strategies.score.trees import beside
from endcap.strategies.shelf import Shelf
from endcap.training.evaluate.judged import about


def importance(bundle: Bundle, table: Mapping[str, Any]) -> dict[str, Any] | None:
    """Shares by feature and by feature group, the largest first, and what the groups are. None without a learned
    ranker."""
    try:
        part = bundle.part("ranker")
        names, text = part.json("features"), part.file("model.txt").read_text(encoding="utf-8")
    except BundleError:
        return None
    gains = lightgbm.Booster(model_str=text).feature_importance("gain")
    shares = gains / max(float(gains.sum()), 1e-12)
    net, blend = beside(part)
    if net is not None:
        shares = (1.0 - blend.share) * shares + blend.share * of_network(net)
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


def of_network(net: Net) -> Array:
    """float64[k], summing to 1; what is said of a column's absence counts as the column's."""
    paths = np.abs(net.first) @ (np.abs(net.second) @ np.abs(net.last))
    found: Array = paths[: len(net.means)].astype(np.float64)
    found[net.flags] += paths[len(net.means) :]
    found /= max(float(found.sum()), 1e-12)
    return found


def groups_of(bundle: Bundle, table: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """The hydrator that provides each feature (ranks and scores of recall have none), and what each is about."""
    booted = Shelf(bundle).strategy("importance", {**table, "score": "by_source", "select": "top_k"})
    groups = {feature.name: each.name for each in booted.hydrate for feature in each.component.provides}
    return groups, {each.name: about(each.component) for each in booted.hydrate}
