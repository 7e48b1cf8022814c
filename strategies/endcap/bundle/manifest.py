"""``bundle.json``: what a bundle is, where it came from, and the hash of every file in it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT_VERSION = 1
MANIFEST_NAME = "bundle.json"


class Clock(BaseModel):
    """How the shop's times relate to seconds.

    ``timestamp``: seconds since 1970, UTC. ``order``: plain integers, rescaled at training so that the data span one
    year; ``seconds = (value - origin) * seconds_per_unit``.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["timestamp", "order"] = "timestamp"
    origin: int = 0
    seconds_per_unit: float = 1.0


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT_VERSION
    version: str
    """Named after the content's hash: equal bundles have equal versions."""
    created: str
    """ISO 8601, UTC. The only value that differs between two trainings on the same data, config and seed."""
    shop: str
    clock: Clock = Clock()
    data_start: int
    data_end: int
    """Seconds on the shop's clock: the first event, and one second after the last."""
    horizon_days: float
    """How far ahead the ranker was taught to look."""
    goal_types: list[str] = Field(default_factory=list)
    event_weights: dict[str, float] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    """Offline evaluation, by strategy."""
    strategies: dict[str, Any] = Field(default_factory=dict)
    """The shop's own strategies, laid over the ready-made ones."""
    default_strategy: str = "hybrid"
    packages: dict[str, str] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    """sha256 of every file, by its path in the folder."""
