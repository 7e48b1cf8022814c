from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from endcap.bundle.folder import Bundle
from endcap.strategies.contract import Query
from endcap.strategies.recall.als import AlsConfig, AlsRecall, Factors
from endcap.strategies.recall.cold import words_of
from endcap.strategies.recall.covisit import CovisitConfig, CovisitRecall
from endcap.strategies.recall.ease import EaseConfig, EaseRecall
from endcap.strategies.recall.neighbours import NeighboursConfig, NeighboursRecall, weights_of
from endcap.strategies.recall.popular import PopularConfig, PopularRecall
from endcap.strategies.recall.profile import NOISE, ProfileConfig, ProfileRecall, ShopperMap, moved
from endcap.strategies.recall.repeat import RepeatConfig, RepeatRecall
from endcap.strategies.testing import Only, made, tiny_bundle

from ..fakes import NOW, events_of

DAY = 86_400
NOBODY = Query(now=NOW)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles"))


def without(*items: int) -> Only:
    mask = np.ones(made.ITEMS, np.bool_)
    mask[list(items)] = False
    return Only(mask)


def test_popular_gives_the_bundles_order_and_fills_up_under_a_filter(bundle: Bundle) -> None:
    source, order = PopularRecall(PopularConfig(), bundle), bundle.part("popular").array("items").tolist()
    assert source.recall(NOBODY, 3).items.tolist() == order[:3]
    found = source.recall(replace(NOBODY, filter=without(*order[:2])), 3)
    assert found.items.tolist() == order[2:5]


def test_repeat_proposes_only_what_was_bought_the_frequent_and_recent_first(bundle: Bundle) -> None:
    source = RepeatRecall(RepeatConfig.model_validate({"half_life_days": 10}), bundle)
    bought = events_of((5, 30 * DAY), (6, 20 * DAY), (7, 10 * DAY), (6, 10 * DAY), (8, 2 * DAY))
    query = replace(NOBODY, history=bought, session=events_of((9, 60), goal=False))
    found = source.recall(query, 9)
    assert found.items.tolist() == [8, 6, 7, 5]
    assert found.scores.tolist() == pytest.approx([0.5**0.2, 0.25 + 0.5, 0.5, 0.125], rel=1e-6)


def test_covisit_sums_over_what_the_shopper_chose_and_fades_with_age(bundle: Bundle) -> None:
    source = CovisitRecall(CovisitConfig.model_validate({"half_life_days": 10}), bundle)
    near = source.neighbours
    to_zero = int(np.flatnonzero((near.items == 0).any(axis=1))[0])
    query = replace(NOBODY, history=events_of((to_zero, 10 * DAY), (8, 0)))
    expected = np.zeros(made.ITEMS)
    for anchor, weight in ((to_zero, 0.5), (8, 1.0)):
        known = near.items[anchor] >= 0
        expected[near.items[anchor][known]] += weight * near.similarities[anchor][known]
    found = source.recall(query, 99)
    assert found.items.tolist() == [n for n in np.lexsort((np.arange(made.ITEMS), -expected)) if expected[n] > 0]
    np.testing.assert_allclose(found.scores, expected[found.items], rtol=1e-5)


def test_covisit_starts_from_the_most_telling_anchors_only(bundle: Bundle) -> None:
    source = CovisitRecall(CovisitConfig.model_validate({"most_anchors": 1}), bundle)
    both = replace(NOBODY, history=events_of((3, 50 * DAY), (8, DAY)))
    assert (
        source.recall(both, 9).items.tolist()
        == source.recall(replace(both, history=events_of((8, DAY))), 9).items.tolist()
    )


def test_ease_sums_the_weights_of_each_distinct_item_for_and_against(bundle: Bundle) -> None:
    source = EaseRecall(EaseConfig(), bundle)
    model, query = source.model, replace(NOBODY, history=events_of((2, 90 * DAY), (6, DAY), (6, 0), (5, 0)))
    expected = np.zeros(made.ITEMS)
    for item in (2, 6):  # 5 is not of the model
        place = model.places[item]
        expected[model.items[model.targets[place]]] += model.weights[place]
    found = source.recall(query, 99)
    assert found.items.tolist() == [n for n in np.lexsort((np.arange(made.ITEMS), -expected)) if expected[n] > 0]
    np.testing.assert_allclose(found.scores, expected[found.items], rtol=1e-5)


def test_ease_of_what_was_chosen_lately_halves_an_item_in_sixty_days_and_counts_it_twice_at_most(
    bundle: Bundle,
) -> None:
    model = EaseRecall(EaseConfig(recent=True), bundle).model
    scores = [
        model.scores(replace(NOBODY, history=events_of(*rows)))
        for rows in ([(2, 0)], [(2, 60 * DAY)], [(2, 0), (2, 0), (2, 0)])
    ]
    (plain, once), (_, old), (_, often) = (pair for pair in scores if pair is not None)
    np.testing.assert_allclose(once, plain)
    np.testing.assert_allclose(old, plain / 2)
    np.testing.assert_allclose(often, plain * 2)


def test_neighbours_propose_what_those_who_are_near_bought_lately(bundle: Bundle) -> None:
    source = NeighboursRecall(NeighboursConfig(), bundle)
    shoppers, expected = source.shoppers, np.zeros(made.ITEMS)
    for row, weight in zip(shoppers.near[made.HEAVY], shoppers.weights[made.HEAVY], strict=True):
        for found in shoppers.bought[shoppers.offsets[row] : shoppers.offsets[row + 1]]:
            ring, place = divmod(int(found), len(shoppers.items))
            expected[shoppers.items[place]] += weight * (ring < 2)
    items, scores = source.recall(replace(NOBODY, user=made.HEAVY), 99)
    assert sorted(items.tolist()) == np.flatnonzero(expected).tolist()
    np.testing.assert_allclose(scores, expected[items], rtol=1e-5)


def test_a_guest_is_near_to_those_who_lean_to_the_rarest_of_what_they_chose(bundle: Bundle) -> None:
    shoppers = NeighboursRecall(NeighboursConfig(), bundle).shoppers
    items, leaning = np.array([11, 30]), np.log1p([2.0, 0.5]) * np.array(shoppers.rarity)[[11, 30]]
    likeness = np.zeros(shoppers.reference_count)
    for item, strength in zip(items, leaning, strict=True):
        span = slice(shoppers.posting_offsets[item], shoppers.posting_offsets[item + 1])
        likeness[shoppers.posting_rows[span]] += strength * shoppers.posting_values[span]
    session = events_of((11, 3), (30, 2), (11, 1))
    session.weights[:] = [1.0, 0.5, 1.0]
    near = shoppers.around(replace(NOBODY, session=session))
    best = np.argsort(-likeness)[: np.count_nonzero(likeness)][: shoppers.near.shape[1]]
    assert near.rows.tolist() == best.tolist()
    np.testing.assert_allclose(near.weights, weights_of(likeness[None, best])[0], rtol=1e-5)


def test_folding_in_solves_the_equation_of_the_paper(bundle: Bundle) -> None:
    factors = Factors(bundle)
    items, strengths = np.array([2, 9], np.int32), np.array([1.0, 0.25], np.float32)
    confidence = 1 + factors.alpha * np.log1p(strengths)
    y = np.array(factors.items, np.float64)
    c = np.ones(len(y))
    c[items] = confidence
    preference = np.zeros(len(y))
    preference[items] = 1
    left = y.T @ np.diag(c) @ y + (factors.gram - y.T @ y)  # the rest is the regularisation
    expected = np.linalg.solve(left, y.T @ np.diag(c) @ preference)
    np.testing.assert_allclose(factors.solve(items, strengths), expected, rtol=1e-4, atol=1e-6)


def test_als_proposes_by_the_folded_in_factor_and_never_what_was_never_sold_unless_asked_to(bundle: Bundle) -> None:
    source = AlsRecall(AlsConfig(newcomers=0.0), bundle)
    query = replace(NOBODY, history=events_of((2, DAY), (9, DAY)))
    found = source.recall(query, 99)
    scores = source.factors.items @ source.factors.fold_in(query)
    assert found.items.tolist() == [n for n in np.lexsort((np.arange(len(scores)), -scores)) if scores[n] > 0]
    assert made.NEVER_SOLD not in found.items


def test_als_has_nothing_for_a_shopper_of_whom_nothing_is_known(bundle: Bundle) -> None:
    assert len(AlsRecall(AlsConfig.model_validate({}), bundle).recall(NOBODY, 9).items) == 0


def test_a_new_event_counts_at_once(bundle: Bundle) -> None:
    source = AlsRecall(AlsConfig.model_validate({}), bundle)
    before = replace(NOBODY, history=events_of((2, DAY)))
    after = replace(before, session=events_of((30, 60)))
    assert source.factors.fold_in(after)[0] != source.factors.fold_in(before)[0]
    moved = source.factors.items[30] @ (source.factors.fold_in(after) - source.factors.fold_in(before))
    assert moved > 0


def test_als_gives_newcomers_a_part_of_the_places_by_what_is_expected_of_them(bundle: Bundle) -> None:
    query = replace(NOBODY, history=events_of((2, DAY), (9, DAY)))
    factors = AlsRecall(AlsConfig.model_validate({}), bundle).factors
    expected = float(factors.newcomer_factors[0] @ factors.fold_in(query))
    assert expected > 0
    for places, scale in ((0.05, 0.5), (0.5, 4.0), (0.275, 2.25)):
        found = AlsRecall(AlsConfig(newcomers=places), bundle).recall(query, 99)
        score = found.scores[found.items.tolist().index(made.NEVER_SOLD)]
        assert score == pytest.approx(scale * expected, rel=1e-5)
        assert (np.diff(found.scores) <= 0).all()
    barred = replace(query, filter=without(made.NEVER_SOLD))
    assert made.NEVER_SOLD not in AlsRecall(AlsConfig(newcomers=0.5), bundle).recall(barred, 99).items


def test_a_profile_is_the_mean_shopper_moved_by_what_is_known_of_this_one(bundle: Bundle) -> None:
    source = ProfileRecall(ProfileConfig.model_validate({"newcomers": 0.0}), bundle)
    part = bundle.part("als")
    rows, proposals = part.array("profile"), part.array("proposals")
    for attributes, factor in (
        ({}, rows[0]),
        ({"age": "35-44"}, rows[0] + rows[1]),
        ({"age": "never heard of", "shoe size": "44"}, rows[0]),
    ):
        found = source.recall(replace(NOBODY, attributes=attributes), 5)
        scores = proposals @ factor + source.correction
        assert found.scores.tolist() == pytest.approx(np.sort(scores)[::-1][:5].tolist(), rel=1e-5)


def test_of_whom_nothing_is_known_is_expected_to_want_what_sells_now(bundle: Bundle) -> None:
    source = ProfileRecall(ProfileConfig.model_validate({"newcomers": 0.0}), bundle)
    items, scores = (bundle.part("popular").array(name) for name in ("items", "scores"))
    selling = dict(zip(items.tolist(), scores.tolist(), strict=True))
    best = sorted((selling.get(int(item), 0.0) for item in source.factors.proposable), reverse=True)
    found = source.recall(NOBODY, 5)
    assert [selling[int(item)] for item in found.items] == pytest.approx(best[:5])
    assert found.scores[0] / found.scores[4] == pytest.approx(best[0] / best[4], rel=1e-4)


def test_what_a_newcomer_chose_moves_the_mean_as_regression_would() -> None:
    """Against the conditional mean of a sample: of shoppers whose scores for two items are near 1."""
    random = np.random.default_rng(3)
    mean, root = np.array([0.2, 0.4, 0.1]), random.normal(size=(3, 3))
    seen = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -1.0]], np.float32)
    found = moved(mean.astype(np.float32), root @ root.T, seen)
    shoppers = mean + random.normal(size=(200_000, 3)) @ root.T
    scores = shoppers @ seen.T + random.normal(0.0, NOISE**0.5, (200_000, 2))
    slopes, *_ = np.linalg.lstsq(scores - scores.mean(axis=0), shoppers - shoppers.mean(axis=0))
    np.testing.assert_allclose(found, shoppers.mean(axis=0) + (1.0 - scores.mean(axis=0)) @ slopes, atol=0.02)
    assert moved(mean.astype(np.float32), root @ root.T, seen[:0]) == pytest.approx(mean)


def test_a_profile_knows_what_was_looked_at_in_this_visit(bundle: Bundle) -> None:
    source = ProfileRecall(ProfileConfig.model_validate({"newcomers": 0.0}), bundle)
    visit = replace(NOBODY, session=events_of((9, 60)))
    item = source.factors.items[9]
    before, after = (float(source.factor(query) @ item) for query in (NOBODY, visit))
    assert abs(1.0 - after) < abs(1.0 - before)


def test_a_number_moves_a_profile_by_how_far_it_is_from_the_mean() -> None:
    rows = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)
    shoppers = ShopperMap(rows, {"age": {"row": 1, "mean": 40.0, "spread": 10.0}})
    assert shoppers.factor({"age": "55"}).tolist() == [1.0, 3.0]
    for strange in ("old", "nan", "inf", ""):
        assert shoppers.factor({"age": strange}).tolist() == [1.0, 0.0]


def test_cold_start_reads_the_search_then_the_page_then_the_attributes() -> None:
    attributes = {"diet": "vegan", "age_group": "25-34"}
    full = replace(NOBODY, text="green tea", page="/shop/caf%C3%A9+noir?sort=1", attributes=attributes)
    assert words_of(full) == "green tea"
    assert words_of(replace(full, text="")) == "shop café noir sort 1"
    assert words_of(replace(full, text="", page="")) == "age group 25-34, diet vegan"
    assert words_of(NOBODY) == ""
    assert words_of(replace(NOBODY, attributes=attributes), {"age_group"}) == "diet vegan"
