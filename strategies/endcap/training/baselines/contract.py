"""What a baseline is: a way to fit a score of every item for every shopper, and the settings worth trying."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from endcap.bundle.events import Array

NEVER = np.float32(-np.inf)
"""The score of an item that the method has nothing to say about: it is not recommended, not even last."""


class Scores(Protocol):
    def __call__(self, users: Array) -> Array:
        """float32[k, items], newly made, for shoppers (int32[k]); higher is better."""
        ...


@dataclass(frozen=True)
class Baseline:
    name: str
    description: str
    """For readers of the report: half a sentence, settings left out."""
    fit: Callable[..., Scores]
    """``fit(known, seed, **settings)`` learns from all events of the Shop ``known``."""
    grid: tuple[Mapping[str, Any], ...] = ({},)
    """Settings to try on the validation window; of equals the first wins."""
    cheaper: Mapping[str, Any] = field(default_factory=dict)
    """Laid over the settings while searching, where a full fit takes long."""


def grid(**choices: tuple[Any, ...]) -> tuple[Mapping[str, Any], ...]:
    """Every combination, the last name changing fastest."""
    rows: list[dict[str, Any]] = [{}]
    for name, values in choices.items():
        rows = [row | {name: value} for row in rows for value in values]
    return tuple(rows)
