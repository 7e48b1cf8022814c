"""What the request itself rules out: its filter string, the ids it excludes, and the seeds it asks about."""

from __future__ import annotations

import numpy as np

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.batch import Candidates
from endcap.strategies.contract import Query, Settings


class RequestFilterConfig(Settings):
    """No parameters."""


class RequestFilter:
    """Recall proposes under the filter already; this stage also covers the caller's own candidates and plugins."""

    Config = RequestFilterConfig

    def __init__(self, config: RequestFilterConfig, bundle: Bundle) -> None:
        pass

    def keep(self, query: Query, candidates: Candidates) -> Array:
        if query.filter is None:
            return np.ones(len(candidates), np.bool_)
        return query.filter.keep(candidates.items)


class Excluded:
    Config = RequestFilterConfig

    def __init__(self, config: RequestFilterConfig, bundle: Bundle) -> None:
        pass

    def keep(self, query: Query, candidates: Candidates) -> Array:
        unwanted = np.concatenate([query.excluded, query.seeds])
        return ~np.isin(candidates.items, unwanted) if len(unwanted) else np.ones(len(candidates), np.bool_)
