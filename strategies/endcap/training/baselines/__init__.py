"""Honest rivals: the plain methods that every strategy has to beat, fitted on the same events and tuned as carefully.

Each file is one method. They score every item for a block of shoppers at once; nothing of them is served.
"""

from __future__ import annotations

from endcap.training.baselines.als import ALS
from endcap.training.baselines.chance import RANDOM
from endcap.training.baselines.contract import Baseline
from endcap.training.baselines.ease import EASE
from endcap.training.baselines.frequency import FREQUENCY, FREQUENCY_DECAYED
from endcap.training.baselines.item_knn import BM25, COSINE
from endcap.training.baselines.popular import POPULAR

BASELINES: tuple[Baseline, ...] = (RANDOM, POPULAR, FREQUENCY, FREQUENCY_DECAYED, ALS, BM25, COSINE, EASE)
