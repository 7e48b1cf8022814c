"""That what is hidden reaches nothing: not the fits, not the ranker, not the questions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.columns import StringColumn
from endcap.bundle.events import Array, Histories
from endcap.strategies.contract import Query
from endcap.strategies.recall.als import AlsConfig, AlsRecall
from endcap.training.config import ShopConfig, TextConfig
from endcap.training.evaluate.cold.asked import (
    attributes_of,
    hidden_shoppers,
    hide_from,
    page_of,
    query_about,
    without_first,
)
from endcap.training.evaluate.cold.hide import Hidden, draw, without
from endcap.training.evaluate.evaluation import bundle_for
from endcap.training.evaluate.protocol import Holdout, in_window
from endcap.training.evaluate.questions import Translation
from endcap.training.progress import silent
from endcap.training.shop import Shop

from ....support.small_bert import write_model
from ...made import DAY, busy_shop, config_of, snapshot


@pytest.fixture(scope="module")
def shop() -> Shop:
    made = busy_shop(users=60, items=60)
    ages = StringColumn.of(["young", "old", None][user % 3] for user in range(60))
    return replace(made, user_columns={"age": ages})


@pytest.fixture(scope="module")
def hidden(shop: Shop) -> Hidden:
    return draw(shop, 0.1, 0.2, seed=3)


@pytest.fixture(scope="module")
def whole(shop: Shop) -> Holdout:
    return in_window(shop, shop.data_end - 14 * DAY, shop.data_end, seed=7)


@pytest.fixture(scope="module")
def holdout(whole: Holdout, hidden: Hidden) -> Holdout:
    return hide_from(whole, hidden)


def with_other_secrets(shop: Shop, hidden: Hidden) -> Shop:
    """The same shop, but for when the hidden items were bought, by whom, and what hidden shoppers did."""
    random = np.random.default_rng(9)
    users, items, weights = shop.users.copy(), shop.log.items.copy(), shop.log.weights.copy()
    secret_users = hidden.shoppers[users]
    secret_items = hidden.items[items] & ~secret_users
    items[secret_users] = random.permutation(items[secret_users])
    users[secret_items] = random.permutation(users[secret_items])
    weights[secret_items | secret_users] = 50.0
    order = np.lexsort((items, shop.log.times, users))
    log = replace(shop.log, items=items, weights=weights).rows(order)
    periods = replace(shop.periods, values=np.where(hidden.items[shop.periods.items, None], 9, shop.periods.values))
    return replace(shop, users=users[order], log=log, periods=periods)


def test_shares_are_kept_and_the_draw_depends_on_the_seed_alone(shop: Shop) -> None:
    one, again, other = (draw(shop, 0.1, 0.2, seed) for seed in (3, 3, 4))
    assert (one.items.sum(), one.shoppers.sum()) == (6, 12)
    assert (one.items == again.items).all()
    assert (one.items != other.items).any()
    assert draw(shop, 1e-9, 0.0, 3).items.sum() == 1
    assert draw(shop, 1e-9, 0.0, 3).shoppers.sum() == 0


def test_nothing_of_what_is_hidden_is_left_but_the_catalog(shop: Shop, hidden: Hidden) -> None:
    rest = without(shop, hidden)
    assert not hidden.items[rest.log.items].any()
    assert not hidden.shoppers[rest.users].any()
    assert not hidden.items[rest.periods.items].any()
    assert len(rest.periods) < len(shop.periods)
    lost = hidden.items[shop.log.items] | hidden.shoppers[shop.users]
    assert len(rest.log) == len(shop.log) - np.count_nonzero(lost)
    assert (rest.item_ids, rest.user_ids, rest.texts) == (shop.item_ids, shop.user_ids, shop.texts)


@pytest.mark.slow
def test_what_hidden_items_and_shoppers_did_changes_no_byte_of_the_bundle(
    tmp_path: Path, shop: Shop, hidden: Hidden
) -> None:
    write_model(tmp_path / "bert")
    config = config_of(windows=1).model_copy(update={"text": TextConfig(model=str(tmp_path / "bert"))})
    other = with_other_secrets(shop, hidden)
    files = [trained_files(each, hidden, config, tmp_path) for each in (shop, other)]
    assert files[0] == files[1]
    nobody = Hidden(np.zeros_like(hidden.items), np.zeros_like(hidden.shoppers))
    assert trained_files(shop, nobody, config, tmp_path) != files[0]


def trained_files(shop: Shop, hidden: Hidden, config: ShopConfig, scratch: Path) -> dict[str, str]:
    window = in_window(shop, shop.data_end - 14 * DAY, shop.data_end, seed=7)
    manifest = bundle_for(hide_from(window, hidden), config, scratch / "bundles", silent).manifest
    return {**manifest.files, "metrics": str(manifest.metrics)}


def test_truth_is_parted_into_what_is_hidden_and_what_is_not(whole: Holdout, holdout: Holdout, hidden: Hidden) -> None:
    assert hidden.items[holdout.cold.items].all()
    assert not hidden.items[holdout.truth.items].any()
    assert len(holdout.cold.items) == np.count_nonzero(hidden.items[whole.everything.items]) > 0
    counts = np.bincount(holdout.known.log.items, minlength=60)
    assert (counts[holdout.truth.items] >= 5).all()


def test_a_hidden_item_is_proposed_by_als_though_nobody_ever_met_it(
    tmp_path: Path, holdout: Holdout, hidden: Hidden
) -> None:
    bundle = snapshot(holdout.known, tmp_path)
    factors = AlsRecall(AlsConfig(newcomers=0.5), bundle).factors
    assert np.isin(np.flatnonzero(hidden.items), factors.newcomers).all()
    assert factors.items[hidden.items].any(axis=1).all()
    regulars = np.flatnonzero(np.diff(bundle.histories.offsets) > 0)
    assert found_by(AlsRecall(AlsConfig(newcomers=0.0), bundle), bundle.histories, regulars, hidden) == 0
    assert found_by(AlsRecall(AlsConfig(newcomers=0.5), bundle), bundle.histories, regulars, hidden) > 10


def found_by(source: AlsRecall, histories: Histories, users: Array, hidden: Hidden) -> int:
    queries = [Query(now=int(histories.log.times.max()), history=histories.of(int(user))) for user in users]
    return sum(int(hidden.items[source.recall(query, 20).items].sum()) for query in queries)


def test_a_hidden_shopper_is_asked_about_by_what_is_told_and_by_nothing_else(
    shop: Shop, holdout: Holdout, hidden: Hidden, tmp_path: Path
) -> None:
    asked = hidden_shoppers(shop, holdout, hidden)
    assert len(asked) > 5
    bundle = snapshot(holdout.known, tmp_path)
    translation, truth = Translation.between(holdout.known, bundle), without_first(holdout, asked)
    for place, each in enumerate(asked):
        user = int(holdout.users[each.row])
        assert hidden.shoppers[user]
        assert each.first not in truth.of(place)
        assert not hidden.items[each.first]
        queries = {
            what: query_about(each, what, holdout, translation)
            for what in ("nothing", "attributes", "page", "first item")
        }
        told = [(query.user, len(query.history)) for query in queries.values() if query is not None]
        assert set(told) == {(-1, 0)}
        assert (queries["attributes"] is None) == (shop.user_columns["age"].value(user) is None)
        visit = queries["first item"]
        assert visit is not None
        assert visit.session.items.tolist() == [each.first]
        assert not np.any(visit.session.times >= visit.now)


def test_attributes_and_pages_are_as_a_caller_would_write_them(shop: Shop) -> None:
    assert attributes_of(shop, 0) == {"age": "young"}
    assert attributes_of(shop, 2) == {}
    assert page_of(shop, 4) == "/all/kind+1"
