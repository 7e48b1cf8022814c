"""The encoder that a shop's bundle gets: as it came, or fine-tuned, or with fewer layers, or both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from endcap.bundle.ids import IdIndex
from endcap.strategies.contract import SECONDS_PER_DAY
from endcap.training.config import ShopConfig
from endcap.training.progress import Progress
from endcap.training.ranker.windows import cut
from endcap.training.search.judgments import read_judgments
from endcap.training.shop import Shop
from endcap.training.text.finetune.batches import categories_of
from endcap.training.text.finetune.distil import distilled
from endcap.training.text.finetune.pairs import Rating, pairs_of
from endcap.training.text.finetune.tune import Lessons, finetune
from endcap.training.text.model import SourceModel


def taught(
    source: SourceModel, shop: Shop, config: ShopConfig, kept: Path, progress: Progress, judged: Sequence[Rating] = ()
) -> tuple[SourceModel, dict[str, Any]]:
    """What ``[text]`` asks for, and a report of it; ``source`` itself and an empty one where that is nothing.

    ``kept`` is a folder for what outlasts an interrupt; it is gone at the end.
    """
    report: dict[str, Any] = {}
    if config.text.finetune:
        lessons = lessons_of(shop, config, judged)
        source, report["finetune"] = finetune(source, lessons, config.text, config.training.seed, kept, progress)
    if config.text.layers is not None:
        seed, layers = config.training.seed, config.text.layers
        source, report["distilled"] = distilled(source, layers, shop.texts, seed, kept, progress)
    return source, report


def lessons_of(shop: Shop, config: ShopConfig, judged: Sequence[Rating] = ()) -> Lessons:
    """Pairs from before the earliest window that the ranker learns from, the last of it kept aside to stop early by.

    All windows of a training share one encoder. Had it learned from what customers did in one of them, the text
    features of that window would know its labels, and the ranker would trust them more than they deserve later on. One
    encoder a window would be as honest, but takes five times as long, and the ranker would learn what the cosines of
    one encoder mean and then be served those of another. So it is tuned once, on what lies before them all; what comes
    after is lost to it, but what goes with what changes slowly, and later items have texts as well.
    """
    aside, end = _spans(shop, config) if len(shop.log) else (0, 0)
    categories = categories_of(len(shop.texts), shop.text_numbers, shop.groups["category"])
    pairs = pairs_of(shop, shop.data_start, aside, config.training.seed, judged)
    return Lessons(pairs, pairs_of(shop, aside, end, config.training.seed), categories)


def judged_of(shop: Shop, config: ShopConfig) -> list[Rating]:
    """Items rated at least half as high as any for a search, of every other search in ``[search] judgments``.

    The ranker of searches learns from the same file. What the encoder was taught of a search it seems to know better
    than it will know others; of at least half of the searches the ranker sees what cosines are worth.
    """
    if not config.text.finetune or config.search.judgments is None:
        return []
    judgments = read_judgments(config.search.judgments, IdIndex.of(shop.item_ids))
    enough = max(judgments.highest / 2, np.finfo(float).tiny)
    return [
        Rating(pool.query, int(item)) for pool in judgments.pools[::2] for item in pool.items[pool.ratings >= enough]
    ]


def _spans(shop: Shop, config: ShopConfig) -> tuple[int, int]:
    """Seconds: where the time that is kept aside begins, and where it ends."""
    training = config.training
    end = cut(shop, training.horizon_days, training.windows + 1)[-1].cutoff
    return max(end - round(training.horizon_days * SECONDS_PER_DAY), (shop.data_start + end) // 2), end
