from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from endcap.strategies.tables import ready_made
from endcap.training.config import TrainingConfig
from endcap.training.ranker.trees import PARAMETERS
from endcap.training.tune.space import RANKER, as_it_is, own_limits, suggest, with_limits
from endcap.training.tune.toml import settings_toml

from ..made import busy_shop

optuna = pytest.importorskip("optuna", reason="the extra [tune] is not installed")

TABLE: dict[str, Any] = ready_made()["hybrid"]


@pytest.mark.parametrize("what", ["both", "limits", "ranker"])
def test_the_shop_as_it_is_lies_within_the_search(what: str) -> None:
    here = as_it_is(TABLE, PARAMETERS)
    found = suggest(optuna.trial.FixedTrial(here), TABLE, what)
    assert found.limits == (own_limits(TABLE) if what != "ranker" else {})
    assert found.ranker == ({name: PARAMETERS[name] for name in RANKER} if what != "limits" else {})


def test_every_point_of_the_search_is_a_strategy_and_a_config() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(30):
        found = suggest(study.ask(), TABLE, "both")
        lines = tomllib.loads(settings_toml(found.ranker, "mine", with_limits(TABLE, found.limits)))
        assert own_limits(lines["strategies"]["mine"]) == found.limits
        assert lines["strategies"]["mine"]["hydrate"] == TABLE["hydrate"]
        given = TrainingConfig.model_validate(lines["training"]).ranker.given
        assert given == pytest.approx(found.ranker, rel=1e-3)


def test_other_limits_change_nothing_else_of_a_source() -> None:
    table = {"recall": ["popular", {"use": "als", "name": "more", "unseen": True, "limit": 7}]}
    assert with_limits(table, {"popular": 12, "more": 3})["recall"] == [
        {"use": "popular", "limit": 12},
        {"use": "als", "name": "more", "unseen": True, "limit": 3},
    ]


def test_no_leakage_the_days_held_back_for_the_evaluation_are_never_read() -> None:
    from endcap.training.evaluate.protocol import temporal
    from endcap.training.tune.search import Options, searched

    shop = busy_shop()
    asked = temporal(shop, 20, seed=1)
    read = searched(shop, Options(holdout_days=20))
    assert read.data_end == asked.cutoff
    assert read.log.times.max() < asked.cutoff <= shop.log.times.max()
    assert searched(shop, Options(holdout_days=0)) is shop


@pytest.mark.slow
def test_a_search_goes_on_where_it_stopped_and_begins_with_the_shop_as_it_is(small_shop: Path, tmp_path: Path) -> None:
    from threadpoolctl import threadpool_limits

    from endcap.training.config import load_config
    from endcap.training.tune.search import Options, tune

    asked: list[tuple[int, int]] = []

    def progress(step: str, done: int = 0, total: int = 0, /) -> None:
        if step == "trying settings":
            asked.append((done, total))

    config = load_config(small_shop)
    config = config.model_copy(update={"training": config.training.model_copy(update={"windows": 1})})
    with threadpool_limits(1):
        first, more = (
            tune(config, Options("ranker", trials, 7.0, tmp_path / "tune.log"), progress) for trials in (2, 3)
        )
    assert asked == [(0, 2), (1, 2), (2, 3)]
    assert (first["trials"], more["trials"]) == (2, 3)
    assert more["best"] >= first["best"] >= first["as_it_is"] == more["as_it_is"] > 0
    assert set(tomllib.loads(more["toml"])["training"]["ranker"]) == set(RANKER)
