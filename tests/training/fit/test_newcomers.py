"""Factors of items that nobody has met: made worlds in which it is known what they should be."""

from __future__ import annotations

import numpy as np
import pytest

from endcap.bundle.events import Array
from endcap.training.fit.newcomers import (
    DEPTH,
    HIGHEST,
    SHRINK,
    Described,
    Judges,
    best_settings,
    damped,
    learn,
    scale_for,
)


def described(vectors: Array, texts: Array | None = None, **groups: Array) -> Described:
    numbers = np.arange(len(vectors)) if texts is None else texts
    return Described(vectors.astype(np.float32), numbers.astype(np.int32), groups)


def test_a_linear_world_is_found_and_holds_for_items_that_were_not_there() -> None:
    random = np.random.default_rng(2)
    vectors, truth = random.normal(size=(400, 6)), random.normal(size=(6, 3))
    targets = vectors @ truth + 0.5
    found = learn(described(vectors), targets, np.arange(300), penalty=1e-6)
    np.testing.assert_allclose(found[300:], targets[300:], rtol=1e-4, atol=1e-4)


def test_items_of_one_text_count_each_for_itself() -> None:
    random = np.random.default_rng(3)
    vectors, texts = random.normal(size=(5, 3)), random.integers(0, 5, 60)
    targets = random.normal(size=(60, 2))
    shared = learn(described(vectors, texts), targets, np.arange(60), penalty=2.0)
    apart = learn(described(vectors[texts]), targets, np.arange(60), penalty=2.0)
    np.testing.assert_allclose(shared, apart, rtol=1e-5)


def test_a_group_moves_its_members_by_its_shrunk_mean_and_nobody_else() -> None:
    nothing, groups = np.zeros((10, 0)), np.array([0] * 4 + [1] * 4 + [-1] * 2, np.int32)
    targets = np.where(groups[:, None] == 0, 1.0, 0.0)
    rows = np.array([0, 1, 2, 4, 5, 6, 8])
    found = learn(described(nothing, np.zeros(10), category=groups), targets, rows, penalty=1.0)[:, 0]
    assert found[8] == found[9] == pytest.approx(3 / 7)  # the mean of all
    assert found[3] == found[0] == pytest.approx(3 / 7 + 3 / (3 + SHRINK) * (1 - 3 / 7))
    assert found[7] == pytest.approx(3 / 7 - 3 / (3 + SHRINK) * 3 / 7)


def test_what_is_not_among_the_rows_is_never_looked_at() -> None:
    random = np.random.default_rng(4)
    about = described(random.normal(size=(50, 4)), title=random.integers(0, 9, 50).astype(np.int32))
    targets, rows = random.normal(size=(50, 3)), np.arange(40)
    other = targets.copy()
    other[40:] = np.nan
    one, again = (learn(about, each, rows, 3.0) for each in (targets, other))
    assert one.tobytes() == again.tobytes()


def test_damping_keeps_directions_and_leaves_items_without_events_at_zero() -> None:
    factors = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 0.25]], np.float32)
    np.testing.assert_allclose(damped(factors, 0.5), np.array([[3 / 5**0.5, 4 / 5**0.5], [0.0, 0.0], [0.0, 0.5]]))


def test_the_penalty_is_the_one_by_which_held_out_items_are_found() -> None:
    """Of few items and many noisy numbers about each a weak penalty learns the noise; a strong one forgets what is told
    in a small voice."""
    random = np.random.default_rng(6)
    signal, noise = random.normal(size=(240, 2)), 0.7 * random.normal(size=(240, 100))
    targets = signal + random.normal(0, 1.0, (240, 2))
    about, known, held = described(np.column_stack([signal, noise])), np.arange(120), np.arange(120, 240)
    shoppers = random.normal(size=(300, 2)).astype(np.float32)
    best = 120 + np.argmax(shoppers @ targets[120:].T, axis=1)
    judges = Judges(shoppers, np.arange(300), best)
    assert best_settings(about, targets, known, held, judges).penalty > 3.0
    quiet = described(signal * np.array([1.0, 0.05]))
    judges = judges._replace(items=120 + np.argmax(shoppers @ signal[120:].T, axis=1))
    assert best_settings(quiet, signal, known, held, judges).penalty == 3.0


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_newcomers_hold_the_share_of_places_that_was_asked_for(share: float) -> None:
    random = np.random.default_rng(5)
    own, newcomers = (-np.sort(-random.gamma(2.0, size=(500, DEPTH)), axis=1) for _ in range(2))
    scale = scale_for(own, 1e-3 * newcomers, share)
    both = np.concatenate([own, 1e-3 * scale * newcomers], axis=1)
    places = np.argsort(-both, axis=1)[:, :DEPTH] >= DEPTH
    assert places.mean() == pytest.approx(share, abs=0.002)


def test_too_few_newcomers_do_not_rise_for_ever_and_none_have_no_scale() -> None:
    own = np.tile(np.arange(DEPTH, 0.0, -1.0), (4, 1))
    alone = np.zeros((4, DEPTH))
    alone[:, 0] = 0.1
    assert 0.1 * scale_for(own, alone, 0.5) == pytest.approx(HIGHEST * DEPTH, rel=1e-6)
    assert scale_for(own, np.zeros((4, DEPTH)), 0.5) == 0.0
    assert scale_for(own[:0], alone[:0], 0.5) == 0.0
