"""For authors of plugins: the contract of each stage as tests, and a small made bundle to run them over.

A component's test is a subclass with two attributes, in a file that pytest collects:

    from endcap.strategies.testing import RecallContract

    class TestNewest(RecallContract):
        component = NewestRecall
        parameters = {"days": 14}

pytest runs the inherited tests over queries of every form. A component that reads a part of its own overrides
``write_parts``. Nothing here imports pytest, and nothing that serves imports this.
"""

from __future__ import annotations

from endcap.strategies.testing.contracts import (
    ComponentContract,
    FilterContract,
    HydratorContract,
    RecallContract,
    ScorerContract,
    SelectorContract,
)
from endcap.strategies.testing.made import tiny_bundle
from endcap.strategies.testing.queries import Only, made_queries

__all__ = [
    "ComponentContract",
    "FilterContract",
    "HydratorContract",
    "Only",
    "RecallContract",
    "ScorerContract",
    "SelectorContract",
    "made_queries",
    "tiny_bundle",
]
