from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from endcap.bundle.folder import Bundle, BundleError
from endcap.bundle.manifest import Clock
from endcap.training.errors import ConfigError
from endcap.training.evaluate.given import Options, check_bundle, given_bundle
from endcap.training.evaluate.protocol import Holdout, temporal

from ..made import DAY, busy_shop, config_of, snapshot


@pytest.fixture(scope="module")
def holdout() -> Holdout:
    return temporal(busy_shop(), 20, seed=1)


@pytest.fixture(scope="module")
def bundle(holdout: Holdout, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return snapshot(holdout.known, tmp_path_factory.mktemp("bundles"))


def moved(bundle: Bundle, **changed: object) -> Bundle:
    return replace(bundle, manifest=bundle.manifest.model_copy(update=changed))


def test_a_bundle_may_know_all_that_lies_before_the_window_and_less(bundle: Bundle, holdout: Holdout) -> None:
    check_bundle(bundle, holdout)
    check_bundle(moved(bundle, data_end=holdout.cutoff - 9 * DAY), holdout)


def test_a_bundle_that_knows_one_second_of_the_window_is_refused(bundle: Bundle, holdout: Holdout) -> None:
    with pytest.raises(BundleError, match=r"has learned from events up to .* but the test window begins at .*; train"):
        check_bundle(moved(bundle, data_end=holdout.cutoff + 1), holdout)


def test_a_bundle_of_other_items_is_refused(bundle: Bundle, holdout: Holdout) -> None:
    names = [f"other {n}" if n % 5 else f"i{n}" for n in range(40)]
    foreign = replace(holdout, known=replace(holdout.known, item_ids=names))
    with pytest.raises(BundleError, match=r"bundle of 'made', knows 8 of the 39 items .* another shop's\?"):
        check_bundle(bundle, foreign)


def test_a_bundle_of_another_kind_of_time_is_refused(bundle: Bundle, holdout: Holdout) -> None:
    with pytest.raises(BundleError, match=r"times of the kind 'order', and this shop's are of the kind 'timestamp'"):
        check_bundle(moved(bundle, clock=Clock(kind="order")), holdout)


@pytest.mark.parametrize("days", [0.0, -1.0, float("nan"), float("inf")])
def test_a_window_of_no_length_is_refused(days: float) -> None:
    with pytest.raises(ConfigError, match=r"--holdout-days: found .*, expected a number of days above 0"):
        given_bundle(config_of(), Options(holdout_days=days))


def test_a_shop_without_events_cannot_be_evaluated() -> None:
    with pytest.raises(ConfigError, match=r"'events' is missing in shop\.toml"):
        given_bundle(config_of().model_copy(update={"events": None}), Options())


def test_a_folder_that_is_no_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=f"no bundle at {tmp_path}"):
        given_bundle(config_of(), Options(bundle=tmp_path))
