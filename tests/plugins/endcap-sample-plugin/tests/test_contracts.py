from __future__ import annotations

from typing import ClassVar

from endcap_sample_plugin.cheapest import Cheapest
from endcap_sample_plugin.newest import Newest

from endcap.strategies.testing import RecallContract, ScorerContract


class TestNewest(RecallContract):
    component = Newest
    parameters: ClassVar = {"within_days": 90}


class TestCheapest(ScorerContract):
    component = Cheapest
