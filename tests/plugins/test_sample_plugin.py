"""A package of its own, installed beside Endcap as anybody's would be: strategies and overrides find its components."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.folder import Bundle
from endcap.strategies.contract import Query
from endcap.strategies.pipeline import execute
from endcap.strategies.registry import Strategies, load_strategies
from endcap.strategies.strategy import Override
from endcap.strategies.tables import StrategyError
from endcap.strategies.testing import tiny_bundle

PACKAGE = Path(__file__).parent / "endcap-sample-plugin"
BARGAINS = {"recall": [{"use": "newest", "limit": 40, "within_days": 200}], "hydrate": ["price"], "score": "cheapest"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the plugin was installed into, from a copy of its source."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(PACKAGE, folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", folder / "site", source], check=True, timeout=120)
    return folder / "site"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def strategies(installed: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Strategies]:
    monkeypatch.syspath_prepend(installed)
    yield load_strategies(bundle, {"bargains": BARGAINS})
    for name in [name for name in sys.modules if name.startswith("endcap_sample_plugin")]:
        del sys.modules[name]


def test_a_strategy_names_the_plugins_components_and_their_parameters(strategies: Strategies, bundle: Bundle) -> None:
    slate = execute(strategies.resolve("bargains"), Query(now=bundle.manifest.data_end, size=40))
    assert not slate.run.degradations
    assert slate.run.recalled == {"newest": 40}
    prices = bundle.part("items").array("price")[slate.items]
    assert np.isnan(prices).any()
    assert prices.tolist() == pytest.approx(
        sorted(prices.tolist(), key=lambda price: (price != price, price)), nan_ok=True
    )


def test_a_request_can_override_with_the_plugins_components(strategies: Strategies, bundle: Bundle) -> None:
    query = Query(now=bundle.manifest.data_end)
    plain = strategies.resolve("bargains", Override(recall=(("newest", 4), ("popular", 2)), scorer="by_source"))
    assert execute(plain, query).run.recalled == {"newest": 4, "popular": 2}
    assert plain.scorer.name == "by_source"
    assert "newest" in strategies.sources
    assert strategies.resolve("popular", Override(scorer="cheapest")).scorer.name == "cheapest"


def test_a_parameter_that_the_plugin_does_not_know_stops_the_boot(strategies: Strategies, bundle: Bundle) -> None:
    table = {**BARGAINS, "recall": [{"use": "newest", "within_day": 3}]}
    with pytest.raises(StrategyError) as error:
        load_strategies(bundle, {"bargains": table})
    assert str(error.value) == "strategies.bargains.recall.newest.within_day: unknown key; expected one of: within_days"


def test_without_the_plugin_the_boot_error_names_the_key(bundle: Bundle) -> None:
    with pytest.raises(StrategyError, match=r"^strategies\.bargains\.recall: no component 'newest'") as error:
        load_strategies(bundle, {"bargains": BARGAINS})
    assert "Installed: als, " in str(error.value)


def test_the_plugins_own_contract_tests_pass(installed: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    source = installed.parent / "source"
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
