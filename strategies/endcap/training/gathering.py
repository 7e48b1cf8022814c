"""Candidates to learn from or to judge by, of which nothing may be missing."""

from __future__ import annotations

from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import Run, gather
from endcap.strategies.strategy import Strategy
from endcap.strategies.tables import StrategyError


def gather_all(strategy: Strategy, query: Query) -> Candidates:
    """What ``gather`` makes of the query. A server goes on without a source or hydrator that failed; a ranker taught
    without it would be wrong in every request to come.

    Raises StrategyError that names the component and why it failed.
    """
    run = Run()
    candidates = gather(strategy, query, run)
    if run.degradations:
        failed = run.degradations[0]
        raise StrategyError(
            f"strategy {strategy.name!r}: {failed.stage} {failed.component!r} failed in training for "
            f"{query.text or query.request_id!r}: {failed.reason}; mend it, or leave it out of the strategy"
        )
    return candidates
