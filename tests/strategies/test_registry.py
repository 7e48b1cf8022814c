from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from endcap.bundle.folder import Bundle
from endcap.strategies.pipeline import execute
from endcap.strategies.recall.covisit import CovisitRecall
from endcap.strategies.registry import Strategies, load_strategies
from endcap.strategies.score.linear import Linear
from endcap.strategies.strategy import Override, UnknownComponent
from endcap.strategies.tables import StrategyError, ready_made
from endcap.strategies.testing import made_queries, tiny_bundle

PLAIN = {"recall": ["popular"], "score": "by_source"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles"))


def message(bundle: Bundle, **changes: Any) -> str:
    with pytest.raises(StrategyError) as error:
        load_strategies(bundle, {"mine": {**PLAIN, **changes}})
    return str(error.value)


def test_ready_made_strategies_that_the_bundle_can_serve_boot_and_others_say_what_they_lack(bundle: Bundle) -> None:
    strategies = load_strategies(bundle)
    assert set(strategies.by_name) | set(strategies.left_out) == set(ready_made())
    assert {"popular", "als", "repeat", "linear", "similar_items"} <= set(strategies.by_name)
    assert {name for name, why in strategies.left_out.items() if "no part 'text'" in why} >= {"search", "cold_start"}


def test_every_strategy_that_boots_answers_every_query_without_degradation(bundle: Bundle) -> None:
    for strategy in load_strategies(bundle).by_name.values():
        for name, query in made_queries(bundle).items():
            slate = execute(strategy, query)
            assert slate.run.degradations == [], (strategy.name, name)
            assert len(slate.items) <= query.size


def test_a_shops_own_strategy_replaces_the_ready_made_one_of_its_name(bundle: Bundle) -> None:
    strategies = load_strategies(bundle, {"als": PLAIN})
    assert [source.name for source in strategies.resolve("als").recall] == ["popular"]


def test_without_a_name_the_default_is_resolved(bundle: Bundle) -> None:
    assert load_strategies(bundle).resolve().name == "popular"
    assert load_strategies(bundle, default="repeat").resolve().name == "repeat"
    with pytest.raises(KeyError):
        load_strategies(bundle).resolve("unheard")


def test_a_default_that_cannot_boot_says_why(bundle: Bundle) -> None:
    with pytest.raises(StrategyError, match=r"default_strategy: no strategy 'search' \(.*no part 'text'"):
        load_strategies(bundle, default="search")
    with pytest.raises(StrategyError, match="no strategy 'unheard'; there are: als, "):
        load_strategies(bundle, default="unheard")


def test_a_shops_own_strategy_that_the_bundle_cannot_serve_stops_the_boot(bundle: Bundle) -> None:
    assert message(bundle, recall=["text"]).startswith("strategies.mine: bundle ")
    assert load_strategies(bundle, {"mine": {**PLAIN, "recall": ["popular", {"use": "text", "optional": True}]}})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"recal": []}, "strategies.mine.recal: unknown key; expected one of: description, recall, hydrate, "),
        (
            {"recall": ["populer"]},
            "strategies.mine.recall: no component 'populer'; did you mean 'popular'? Installed: ",
        ),
        ({"recall": ["zzz"]}, "strategies.mine.recall: no component 'zzz'. Installed: als, "),
        ({"score": "popularr"}, "strategies.mine.score: no component 'popularr'; did you mean 'popular'?"),
        ({"recall": [{"name": "x"}]}, "strategies.mine.recall.0.use: Field required"),
        ({"recall": [{"use": "popular", "limit": 0}]}, "strategies.mine.recall.0.limit: Input should be greater than "),
        (
            {"recall": [{"use": "popular", "limt": 3}]},
            "strategies.mine.recall.popular.limt: unknown key; it has no parameters of its own",
        ),
        ({"recall": [{"use": "covisit", "most_anchors": "x"}]}, "strategies.mine.recall.covisit.most_anchors: Input "),
        ({"filter": [{"use": "available", "limit": 3}]}, "strategies.mine.filter.available.limit: unknown key"),
        ({"score": {"use": "by_source", "optional": True}}, "strategies.mine.score.by_source.optional: unknown key"),
        ({"select": 3}, "strategies.mine.select: Input should be "),
        ({"candidates": 0}, "strategies.mine.candidates: Input should be greater than or equal to 1, found 0"),
        ({"recall": ["popular", "popular"]}, "strategies.mine.recall: two sources called 'popular'; give one of "),
        (
            {"recall": [{"use": "popular", "name": "caller"}]},
            "strategies.mine.recall: a source cannot be called 'caller'",
        ),
        ({"score": "popular"}, "strategies.mine.score: 'popular' reads columns that no hydrator of the strategy "),
        ({"score": {"use": "linear", "weights": {"price.rank": 1}}}, "strategies.mine.score: 'linear' reads columns "),
        ({"score": {"use": "linear", "weights": {"alss.rank": 1}}}, "strategies.mine.score: 'linear' reads columns "),
    ],
)
def test_a_strategy_that_does_not_fit_stops_the_boot_with_the_key(
    bundle: Bundle, changes: dict[str, Any], expected: str
) -> None:
    assert message(bundle, **changes).startswith(expected)


def test_one_component_may_take_part_twice_under_two_names(bundle: Bundle) -> None:
    recall = [{"use": "covisit", "name": "fast", "half_life_days": 3.0}, {"use": "covisit", "limit": 7}]
    strategy = load_strategies(bundle, {"mine": {**PLAIN, "recall": recall}}).resolve("mine")
    fast, slow = strategy.recall
    assert (fast.name, slow.name, slow.limit) == ("fast", "covisit", 7)
    assert isinstance(fast.component, CovisitRecall)
    assert fast.component.config.half_life_days == 3.0


def test_components_with_equal_parameters_are_built_once(bundle: Bundle) -> None:
    strategies = load_strategies(bundle, {"mine": PLAIN})
    assert strategies.resolve("mine").recall[0].component is strategies.resolve("popular").recall[0].component


@pytest.fixture
def strategies(bundle: Bundle) -> Strategies:
    recall = [{"use": "covisit", "name": "fast", "half_life_days": 3.0, "limit": 7}, "popular"]
    score = {"use": "linear", "weights": {"merge.fused": 1.0}}
    return load_strategies(bundle, {"mine": {"recall": recall, "score": score}})


def test_an_override_replaces_the_sources_and_their_limits(strategies: Strategies) -> None:
    override = Override(recall=(("als", 3), ("fast", 0), ("popular", 0), ("repeat", 0)))
    found = strategies.resolve("mine", override).recall
    assert [(source.name, source.limit) for source in found] == [
        ("als", 3),
        ("fast", 7),
        ("popular", 100),
        ("repeat", 100),
    ]
    assert [source.name for source in strategies.resolve("mine").recall] == ["fast", "popular"]


def test_an_override_may_name_a_source_that_a_strategy_set_up(strategies: Strategies) -> None:
    assert "fast" in strategies.sources
    assert strategies.resolve("als", Override(recall=(("fast", 0),))).recall[0].component is strategies.sources["fast"]


def test_an_override_may_name_a_scorer_that_only_strategies_have_set_up(strategies: Strategies) -> None:
    assert "linear" in strategies.scorers
    assert strategies.resolve("mine", Override(scorer="linear")).scorer is strategies.resolve("mine").scorer
    scorer = strategies.resolve("als", Override(scorer="linear")).scorer.component
    assert scorer is strategies.resolve("linear").scorer.component
    assert isinstance(scorer, Linear)


def test_an_override_of_what_is_not_there_lists_what_is(strategies: Strategies) -> None:
    with pytest.raises(UnknownComponent, match="no recall source 'warp' here; there are: als, "):
        strategies.resolve("mine", Override(recall=(("warp", 1),)))
    with pytest.raises(UnknownComponent, match="no scorer 'warp' here; there are: by_source, "):
        strategies.resolve("mine", Override(scorer="warp"))


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a plugin of recall sources, "name = module:Class"; the module ``broken_plugin`` fails on import."""
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('half installed')\n")
    (tmp_path / "odd_plugin.py").write_text(
        "from endcap.strategies.contract import Settings\n"
        "class NoConfig: ...\n"
        "class Clumsy:\n"
        "    Config = Settings\n"
        "    def __init__(self, config, bundle): raise ZeroDivisionError('by nothing')\n"
    )

    def plug(*points: str) -> None:
        info = tmp_path / "odd_plugin-0.0.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-plugin\nVersion: 0.0.0\n")
        (info / "entry_points.txt").write_text("\n".join(["[endcap.recall]", *points]))
        monkeypatch.syspath_prepend(tmp_path)

    yield plug
    for name in ("odd_plugin", "broken_plugin"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (
            "p = broken_plugin:P",
            "strategies.mine.recall: the plugin 'p' (broken_plugin:P) failed to load: half installed",
        ),
        (
            "p = no_such_module:P",
            "strategies.mine.recall: the plugin 'p' (no_such_module:P) failed to load: No module ",
        ),
        ("p = odd_plugin:Absent", "strategies.mine.recall: the plugin 'p' (odd_plugin:Absent) failed to load: module "),
        ("p = odd_plugin:Clumsy", "strategies.mine.recall.p: could not be built: ZeroDivisionError: by nothing"),
        (
            "p = odd_plugin:NoConfig",
            "strategies.mine.recall.p: type object 'NoConfig' has no attribute 'Config'; a component has ",
        ),
    ],
)
def test_a_plugin_that_is_broken_stops_the_boot_of_what_uses_it_with_the_key(
    bundle: Bundle, plug: Callable[..., None], point: str, expected: str
) -> None:
    plug(point)
    assert message(bundle, recall=["p"]).startswith(expected)


def test_a_broken_plugin_that_nobody_uses_is_only_not_on_offer(bundle: Bundle, plug: Callable[..., None]) -> None:
    plug("p = broken_plugin:P", "q = odd_plugin:Clumsy")
    assert not {"p", "q"} & set(load_strategies(bundle).sources)


def test_two_plugins_of_one_name_are_refused_where_it_is_used(bundle: Bundle, plug: Callable[..., None]) -> None:
    plug("als = odd_plugin:Clumsy")
    with pytest.raises(StrategyError, match=r"'als' is installed more than once: endcap.*AlsRecall, odd_plugin:Clumsy"):
        load_strategies(bundle, {"mine": {**PLAIN, "recall": ["als"]}})


def test_the_strategy_with_bert_differs_from_the_hybrid_in_its_scorer_alone() -> None:
    tables = ready_made()
    hybrid, with_bert = tables["hybrid"], tables["hybrid_bert"]
    assert {key for key in with_bert if with_bert[key] != hybrid.get(key)} == {"description", "score"}
    assert (hybrid["score"], with_bert["score"]) == ("trees", "hybrid")
