"""What the search may change, and within which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from endcap.strategies.tables import RecallUse

LIMITS_FROM, LIMITS_TO = 0.25, 2.0
"""A source's limit is searched between these multiples of the strategy's own."""


RANKER = ("learning_rate", "num_leaves", "min_data_in_leaf", "feature_fraction", "lambda_l2")


class Trial(Protocol):
    """As much of an optuna trial as is used here."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int: ...
    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...


class Settings(NamedTuple):
    """One point of the search."""

    limits: Mapping[str, int]
    """By source."""
    ranker: Mapping[str, float]
    """Keys of [training.ranker]."""


def suggest(trial: Trial, table: Mapping[str, Any], what: str) -> Settings:
    """``what`` is ``limits``, ``ranker`` or ``both``; the rest stays as it is."""
    limits = _limits(trial, table) if what in ("limits", "both") else {}
    return Settings(limits, _ranker(trial) if what in ("ranker", "both") else {})


def as_it_is(table: Mapping[str, Any], ranker: Mapping[str, float]) -> dict[str, float]:
    """The point of the search that the shop is at, by the names of its dimensions; ``ranker`` is all it grows by."""
    limits = {f"limit.{name}": limit for name, limit in own_limits(table).items()}
    return limits | {name: ranker[name] for name in RANKER}


def own_limits(table: Mapping[str, Any]) -> dict[str, int]:
    return {use.name: use.limit for use in map(RecallUse.model_validate, table["recall"])}


def with_limits(table: Mapping[str, Any], limits: Mapping[str, int]) -> dict[str, Any]:
    """The strategy with these limits; sources without one keep theirs."""
    return {**table, "recall": [_limited(entry, limits) for entry in table["recall"]]}


def _limited(entry: Any, limits: Mapping[str, int]) -> Any:
    name = RecallUse.model_validate(entry).name
    if name not in limits:
        return entry
    return {**({"use": entry} if isinstance(entry, str) else entry), "limit": limits[name]}


def _limits(trial: Trial, table: Mapping[str, Any]) -> dict[str, int]:
    return {
        name: trial.suggest_int(f"limit.{name}", max(1, round(limit * LIMITS_FROM)), round(limit * LIMITS_TO))
        for name, limit in own_limits(table).items()
    }


def _ranker(trial: Trial) -> dict[str, float]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.15, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 7, 63, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 10, 300, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 50.0, log=True),
    }
