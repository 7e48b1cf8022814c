from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.training.config import SearchConfig, ShopConfig, TextConfig
from endcap.training.errors import DataError
from endcap.training.progress import silent
from endcap.training.ranker.windows import cut
from endcap.training.shop import Shop
from endcap.training.text.finetune.pairs import Pairs, Rating
from endcap.training.text.finetune.shop import judged_of, lessons_of, taught
from endcap.training.text.model import SourceModel

from ... import made


def config_of(**text: object) -> ShopConfig:
    return made.config_of().model_copy(update={"text": TextConfig(finetune=True, **text)})  # type: ignore[arg-type]


def assert_same(one: Pairs, two: Pairs) -> None:
    assert [source.name for source in one.sources] == [source.name for source in two.sources]
    for first, second in zip(one.sources, two.sources, strict=True):
        np.testing.assert_array_equal(first.anchors, second.anchors)
        np.testing.assert_array_equal(first.positives, second.positives)
    np.testing.assert_array_equal(one.visited, two.visited)


def shuffled_from(shop: Shop, time: int) -> Shop:
    """The same shop, where from ``time`` on everyone went for something else."""
    items, late = shop.log.items.copy(), shop.log.times >= time
    items[late] = np.random.default_rng(0).permutation(items[late])
    return replace(shop, log=replace(shop.log, items=items))


def test_nothing_is_learned_from_a_window_that_the_ranker_learns_from_or_is_judged_on() -> None:
    shop, config = made.busy_shop(), config_of()
    earliest = cut(shop, config.training.horizon_days, config.training.windows + 1)[-1].cutoff
    changed = shuffled_from(shop, earliest)
    assert (changed.log.items != shop.log.items).any()
    one, two = (lessons_of(each, config) for each in (shop, changed))
    assert len(one.pairs)
    assert len(one.later)
    assert_same(one.pairs, two.pairs)
    assert_same(one.later, two.later)
    sooner = lessons_of(shuffled_from(shop, earliest - made.DAY), config)
    assert not np.array_equal(sooner.later.visited, one.later.visited)  # the test can fail


def test_what_it_stops_early_by_comes_after_what_it_learned_from() -> None:
    shop, config = made.busy_shop(), config_of()
    earliest = cut(shop, config.training.horizon_days, config.training.windows + 1)[-1].cutoff
    one, two = (lessons_of(each, config) for each in (shop, shuffled_from(shop, earliest - 3 * made.DAY)))
    assert_same(one.pairs, two.pairs)
    assert not np.array_equal(one.later.visited, two.later.visited)


def test_every_other_judged_search_makes_pairs_with_what_was_rated_well(tmp_path: Path) -> None:
    rows = "query,item_id,rating\na,i0,3\na,i1,2\na,i2,1\nb,i3,3\nc,i4,0\nc,i5,3\n"
    (tmp_path / "judged.csv").write_text(rows)
    search = SearchConfig.model_construct(judgments=tmp_path / "judged.csv")
    config = config_of().model_copy(update={"search": search})
    shop = made.shop_of([(0, 0, 1.0)])
    assert [tuple(rating) for rating in judged_of(shop, config)] == [("a", 0), ("a", 1), ("c", 5)]
    plain = config.model_copy(update={"text": TextConfig()})
    assert judged_of(shop, plain) == []


def test_a_shop_without_events_learns_from_judgments_alone(thin: SourceModel, kept: Path) -> None:
    shop = made.shop_of([])
    judged = [Rating(f"search {n}", n % 6) for n in range(12)]
    _, report = taught(thin, shop, config_of(steps=2), kept, silent, judged)
    assert report["finetune"]["pairs"] == {"judged": 12}
    with pytest.raises(DataError, match="found 0 pairs"):
        taught(thin, shop, config_of(), kept, silent)


def test_a_config_that_asks_for_nothing_leaves_the_model_alone(thin: SourceModel, shop: Shop, kept: Path) -> None:
    assert taught(thin, shop, made.config_of(), kept, silent) == (thin, {})
    assert not kept.exists()


def test_both_in_one_go_distil_what_was_tuned(thin: SourceModel, kept: Path) -> None:
    shop = made.busy_shop(days=120)
    student, report = taught(thin, shop, config_of(steps=2, layers=1), kept, silent)
    assert report["finetune"]["steps"] == 2
    assert report["distilled"]["layers"] == 1
    assert len(student.network.body.encoder.layer) == 1  # type: ignore[arg-type, union-attr]
    assert not kept.exists()
