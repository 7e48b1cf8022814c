from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.bundle.folder import Bundle
from endcap.strategies.contract import Query
from endcap.strategies.hydrate.similarity import CovisitSimilarity
from endcap.strategies.merge import VOTES
from endcap.strategies.pipeline import Run, gather
from endcap.strategies.recall.covisit import CovisitRecall
from endcap.strategies.tables import StrategyError, ready_made
from endcap.training.ranker import rows as ranker_rows
from endcap.training.ranker.rows import Rows, Task, as_explorer, as_guest, collect, columns_of, gathering, query_of
from endcap.training.ranker.windows import Window, labels_in
from endcap.training.shop import ItemPeriods, Shop

from ..made import DAY, busy_shop, snapshot

CUTOFF_DAY = 90


@pytest.fixture(scope="module")
def shop() -> Shop:
    return busy_shop()


@pytest.fixture(scope="module")
def window(shop: Shop) -> Window:
    cutoff = shop.data_start + CUTOFF_DAY * DAY
    return Window(cutoff, cutoff + 14 * DAY)


@pytest.fixture(scope="module")
def bundle(shop: Shop, window: Window, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return snapshot(shop.before(window.cutoff), tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    hybrid: dict[str, Any] = ready_made()["hybrid"]
    return hybrid


@pytest.fixture(scope="module")
def task(shop: Shop, window: Window, bundle: Bundle, table: dict[str, Any]) -> Task:
    labels = labels_in(shop, window)
    truths = [labels.of(place) for place in range(len(labels.users))]
    return Task(bundle.folder, bundle.manifest, table, labels.users.tolist(), truths, seed=5)


@pytest.fixture(scope="module")
def rows(task: Task) -> Rows:
    return collect(task)


def groups_of(rows: Rows) -> list[tuple[int, Array, Array]]:
    """User, features and labels of each group."""
    cuts = np.cumsum(rows.sizes)[:-1]
    return list(zip(rows.users.tolist(), np.split(rows.features, cuts), np.split(rows.labels, cuts), strict=True))


def test_every_group_has_something_to_tell_apart(rows: Rows) -> None:
    assert rows.sizes.sum() == len(rows.features) == len(rows.labels)
    assert len(rows.sizes) > 20
    for _, _, labels in groups_of(rows):
        assert {0, 1} == set(labels.tolist())


def test_a_row_is_exactly_what_a_live_request_at_the_cut_off_would_have_gathered(
    rows: Rows, task: Task, bundle: Bundle, table: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranker_rows, "GUEST_SHARE", 0.0)
    monkeypatch.setattr(ranker_rows, "EXPLORER_SHARE", 0.0)
    strategy, truths = gathering(bundle, table), dict(zip(task.users, task.truths, strict=True))
    for user, features, labels in groups_of(collect(task)):
        query = Query(now=bundle.manifest.data_end, user=user, history=bundle.histories.of(user), request_id=str(user))
        live = gather(strategy, query, Run())
        assert len(features) == len(live)  # fewer than MOST_NEGATIVES items, so all are kept
        np.testing.assert_array_equal(features, live.matrix(columns_of(strategy)))
        np.testing.assert_array_equal(labels, np.isin(live.items, truths[user]))


def test_there_are_at_least_thirty_features_with_each_sources_rank_and_no_fused_rank(
    bundle: Bundle, table: dict[str, Any]
) -> None:
    strategy = gathering(bundle, table)
    names = columns_of(strategy)
    assert len(names) == len(set(names)) >= 30
    assert {f"{source.name}.rank" for source in strategy.recall} | {VOTES} <= set(names)
    assert not [name for name in names if "fused" in name]


def test_one_seed_gives_the_same_rows_and_another_seed_others(task: Task, rows: Rows) -> None:
    again, other = collect(task), collect(replace(task, seed=6))
    assert [part.tobytes() for part in again] == [part.tobytes() for part in rows]
    assert other.features.tobytes() != rows.features.tobytes()


def test_at_most_so_many_negatives_are_kept_and_every_positive(
    task: Task, monkeypatch: pytest.MonkeyPatch, rows: Rows
) -> None:
    monkeypatch.setattr(ranker_rows, "MOST_NEGATIVES", 3)
    few = collect(task)
    for _, _, labels in groups_of(few):
        assert (labels == 0).sum() <= 3
    assert few.labels.sum() >= 0.9 * rows.labels.sum()


def test_a_guests_request_holds_the_last_few_events_as_a_session_and_nothing_else(bundle: Bundle) -> None:
    query, lengths = query_of(bundle, 3), set()
    for seed in range(40):
        guest = as_guest(query, np.random.default_rng(seed))
        assert (guest.user, len(guest.history)) == (-1, 0)
        lengths.add(len(guest.session))
        np.testing.assert_array_equal(guest.session.items, query.history.items[-len(guest.session) :])
        assert (guest.session.times < guest.now).all()
        assert (guest.session.times >= guest.now - DAY).all()
        assert (guest.session.baskets == -1).all()  # as the codec makes them
    assert lengths == set(range(1, ranker_rows.LONGEST_SESSION + 1))


def test_the_guest_of_a_shopper_without_events_has_an_empty_session(bundle: Bundle) -> None:
    assert len(as_guest(Query(now=bundle.manifest.data_end), np.random.default_rng(1)).session) == 0


def test_an_explorer_is_offered_nothing_of_their_history(bundle: Bundle, table: dict[str, Any]) -> None:
    query = query_of(bundle, 3)
    strategy = gathering(bundle, table)
    explorer = as_explorer(query, strategy.item_count)
    assert not np.isin(gather(strategy, explorer, Run()).items, query.history.items).any()
    assert len(explorer.history) == len(query.history)


def test_a_window_in_which_nobody_went_for_anything_has_no_rows(task: Task) -> None:
    nobody = replace(task, users=[], truths=[])
    empty = collect(nobody)
    assert (len(empty.labels), len(empty.sizes)) == (0, 0)
    some = collect(replace(task, users=task.users[:4], truths=task.truths[:4]))
    joined = Rows.joined([empty, some, Rows.joined([])])
    assert joined.features.tobytes() == some.features.tobytes()
    assert len(Rows.joined([]).sizes) == 0


def test_a_cut_off_before_1970_is_a_time_like_any_other(shop: Shop, table: dict[str, Any], tmp_path: Path) -> None:
    """All of the shop's times moved by whole days until it ends before 1970."""
    earlier = shop.data_end // DAY * DAY + DAY
    log = replace(shop.log, times=shop.log.times - earlier)
    moved = replace(
        shop,
        log=log,
        periods=ItemPeriods.none(),
        data_start=shop.data_start - earlier,
        data_end=shop.data_end - earlier,
    )
    window = Window(moved.data_end - 14 * DAY, moved.data_end)
    labels = labels_in(moved, window)
    assert window.cutoff < 0 < len(labels.users)
    bundle = snapshot(moved.before(window.cutoff), tmp_path)
    truths = [labels.of(place) for place in range(len(labels.users))]
    found = collect(Task(bundle.folder, bundle.manifest, table, labels.users.tolist(), truths, seed=5))
    assert 0 < found.labels.mean() < 1


def test_no_leakage_features_do_not_change_with_what_came_at_or_after_the_cut_off(
    shop: Shop, window: Window, bundle: Bundle, table: dict[str, Any], tmp_path: Path
) -> None:
    """Every later event deleted, or turned into something else altogether: bytes of all rows stay the same."""
    later = shop.log.times >= window.cutoff
    assert later.sum() > 100
    random = np.random.default_rng(1)
    altered = replace(
        shop.log,
        items=np.where(later, random.integers(0, 40, len(later)), shop.log.items).astype(np.int32),
        weights=np.where(later, 1000.0, shop.log.weights).astype(np.float32),
        values=np.where(later, 1e6, shop.log.values).astype(np.float32),
        goals=np.where(later, ~shop.log.goals, shop.log.goals),
        times=np.where(later, window.cutoff, shop.log.times).astype(np.int64),
    )
    deleted = replace(shop, log=shop.log.rows(~later), users=shop.users[~later])
    expected = all_rows(bundle, table)
    assert expected.shape[0] > 500
    for name, other in (("altered", replace(shop, log=altered)), ("deleted", deleted)):
        rebuilt = snapshot(other.before(window.cutoff), tmp_path / name)
        assert all_rows(rebuilt, table).tobytes() == expected.tobytes(), name
        assert rebuilt.manifest.version == bundle.manifest.version, name


def test_the_test_of_leakage_notices_one_event_more_before_the_cut_off(
    shop: Shop, window: Window, bundle: Bundle, table: dict[str, Any], tmp_path: Path
) -> None:
    last = int(np.flatnonzero(shop.log.times < window.cutoff)[-1])
    less = replace(shop, log=shop.log.rows(np.arange(len(shop.log)) != last), users=np.delete(shop.users, last))
    rebuilt = snapshot(less.before(window.cutoff), tmp_path)
    assert all_rows(rebuilt, table).tobytes() != all_rows(bundle, table).tobytes()


def all_rows(bundle: Bundle, table: dict[str, Any]) -> Array:
    """What every shopper's request at the cut-off gathers: item numbers and all columns."""
    strategy = gathering(bundle, table)
    gathered = [gather(strategy, query_of(bundle, user), Run()) for user in range(len(bundle.users))]
    names = columns_of(strategy)
    return np.concatenate([np.column_stack([each.items.astype(np.float64), each.matrix(names)]) for each in gathered])


@pytest.mark.parametrize("stage", ["recall", "hydrate"])
def test_a_component_that_fails_while_lessons_are_gathered_stops_the_training(
    task: Task, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server would go on without it; a ranker taught without it would be another strategy's."""

    def fails(*_: object) -> None:
        raise RuntimeError("no covisits here")

    component = {"recall": CovisitRecall, "hydrate": CovisitSimilarity}[stage]
    monkeypatch.setattr(component, stage, fails)
    with pytest.raises(StrategyError, match=rf"{stage} '.*' failed in training .*RuntimeError: no covisits here"):
        collect(task)
