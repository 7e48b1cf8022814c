"""One feature code path: what the ranker was taught from is what a live server computes, to the last bit."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from endcap.bundle.folder import Bundle, open_bundle
from endcap.client import Client
from endcap.strategies.pipeline import Run, gather
from endcap.strategies.tables import ready_made
from endcap.training.config import load_config
from endcap.training.data import read_shop
from endcap.training.progress import silent
from endcap.training.ranker.rows import columns_of, gathering, query_of
from endcap.training.ranker.windows import Labels, cut, labels_in
from endcap.training.snapshot import snapshot_at

from ..support.live import Live

SHOPPERS = 12
STRATEGY = """
default_strategy = "replay"

[strategies.replay]
recall = [{{ use = "repeat", limit = 60 }}, {{ use = "als", limit = 40, unseen = true }},
          {{ use = "covisit", limit = 40, unseen = true }}, {{ use = "kinds", limit = 40, unseen = true }},
          {{ use = "ease", limit = 30, unseen = true }}, {{ use = "neighbours", limit = 30, unseen = true }},
          {{ use = "popular", limit = 30, unseen = true }}, {{ use = "text", limit = 20, unseen = true }}]
hydrate = [{hydrate}]
score = "by_source"
filter = []
"""


@pytest.fixture(scope="module")
def held_out(small_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Labels]:
    """What was known at the cut-off of the last window, and what shoppers went for after it."""
    config = load_config(small_shop)
    shop = read_shop(config, silent)
    window = cut(shop, config.training.horizon_days, 1)[0]
    folder = snapshot_at(tmp_path_factory.mktemp("replay"), shop, config, window.cutoff, silent)
    return open_bundle(folder), labels_in(shop, window)


def test_every_feature_of_a_held_out_row_is_the_same_from_a_live_server(
    held_out: tuple[Bundle, Labels], tmp_path: Path
) -> None:
    bundle, labels = held_out
    names = [use if isinstance(use, str) else use["use"] for use in ready_made()["hybrid"]["hydrate"]]
    names = [name for name in names if name != "periods" or bundle.has("periods")]
    strategies = tmp_path / "strategies.toml"
    strategies.write_text(STRATEGY.format(hydrate=", ".join(f'"{name}"' for name in names)))
    table = tomllib.loads(strategies.read_text())["strategies"]["replay"]
    with Live(bundle.folder, "--strategies", str(strategies)) as live, Client(live.address) as client:
        for user in labels.users[:SHOPPERS]:
            expected = rows_of_training(bundle, table, int(user))
            found = rows_of_server(client, bundle.users.id(int(user)), bundle.manifest.data_end)
            assert found.keys() == expected.keys()
            for item, features in expected.items():
                for name, value in features.items():
                    np.testing.assert_array_equal(found[item].get(name, np.nan), value, err_msg=f"{item} {name}")


def rows_of_training(bundle: Bundle, table: dict[str, object], user: int) -> dict[str, dict[str, float]]:
    """{item id: {column: value}} of every candidate, as the ranker's rows are gathered."""
    strategy = gathering(bundle, table)
    candidates = gather(strategy, query_of(bundle, user), Run())
    names = columns_of(strategy)
    matrix = candidates.matrix(names)
    return {
        bundle.catalog.ids.id(int(item)): dict(zip(names, row.tolist(), strict=True))
        for item, row in zip(candidates.items, matrix, strict=True)
    }


def rows_of_server(client: Client, user_id: str, now: int) -> dict[str, dict[str, float]]:
    response = client.rank(
        user_id=user_id,
        strategy="replay",
        time=datetime.fromtimestamp(now, UTC),
        page_size=200,
        explain=True,
    )
    assert not response.degradations
    return {item.item_id: {feature.name: feature.value for feature in item.features} for item in response.items}
