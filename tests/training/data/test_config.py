from __future__ import annotations

from pathlib import Path

import pytest

from endcap.training.config import load_config
from endcap.training.errors import ConfigError

PLAIN = """
name = "corner"
[events]
path = "events.csv"
{events}
[items]
path = "items.csv"
{items}
{more}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("events.csv", "items.csv"):
        (tmp_path / name).write_text("user_id\n1\n", encoding="utf-8")
    return tmp_path


def written(folder: Path, events: str = "", items: str = "", more: str = "") -> Path:
    path = folder / "shop.toml"
    path.write_text(PLAIN.format(events=events, items=items, more=more), encoding="utf-8")
    return path


def test_a_plain_config_needs_a_name_and_two_paths(folder: Path) -> None:
    config = load_config(written(folder))
    assert config.events is not None
    assert config.events.path == folder / "events.csv"
    assert config.events.goal_types == ["purchase"]
    assert config.users is None
    assert config.default_strategy == "hybrid"


def test_paths_are_relative_to_the_toml_file_not_to_the_caller(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(folder)
    monkeypatch.chdir(folder.parent)
    assert load_config(path.relative_to(folder.parent)).items.path == folder / "items.csv"


def test_one_categories_column_and_several_are_both_lists(folder: Path) -> None:
    assert load_config(written(folder, items='columns = { categories = "a" }')).items.columns.categories == ["a"]
    several = load_config(written(folder, items='columns = { categories = ["a", "b"] }'))
    assert several.items.columns.categories == ["a", "b"]


def test_the_goal_is_every_type_of_the_highest_weight(folder: Path) -> None:
    config = load_config(written(folder, events="weights = { view = 1, order = 3.0, reorder = 3 }"))
    assert config.events is not None
    assert config.events.goal_types == ["order", "reorder"]


def test_a_table_of_one_event_type_needs_no_weights(folder: Path) -> None:
    events = load_config(written(folder, events='event_type = "loan"')).events
    assert events is not None
    assert events.weights == {"loan": 1.0}


def test_strategies_are_handed_on_as_they_are(folder: Path) -> None:
    config = load_config(written(folder, more='[strategies.mine]\nrecall = [{ use = "als", limit = 5 }]'))
    assert config.strategies == {"mine": {"recall": [{"use": "als", "limit": 5}]}}


@pytest.mark.parametrize(
    ("events", "items", "more", "message"),
    [
        ("wieghts = { a = 1 }", "", "", "unknown key 'events.wieghts'; did you mean 'weights'?"),
        ("", 'columns = { tittle = "x" }', "", "unknown key 'items.columns.tittle'; did you mean 'title'?"),
        ("", "", "[trainin]\nseed = 3", "unknown key 'trainin'; did you mean 'training'?"),
        ("", "", "[zzz]", "unknown key 'zzz'; expected one of: bert, default_strategy, events, item_periods, items,"),
        ('weights = { a = "b" }', "", "", "events.weights.a: found 'b', expected a valid number"),
        ("weights = { a = nan }", "", "", "events.weights.a: found nan, expected a finite number"),
        ("weights = { a = 0 }", "", "", "events.weights.a: found 0, expected greater than 0"),
        ("weights = {}", "", "", "events.weights: found {}, "),
        (
            'weights = { buy = 1 }\ngoal = ["by"]',
            "",
            "",
            "events.goal: found 'by', which has no weight; did you mean 'b",
        ),
        (
            'event_type = "loan"\nweights = { buy = 1 }',
            "",
            "",
            "events.weights: found no weight for 'loan', which events.",
        ),
        ("max_per_day = 0", "", "", "events.max_per_day: found 0, expected greater than or equal to 1"),
        ('max_per_day = "9"', "", "", "events.max_per_day: found '9', expected a valid integer"),
        ('time = "secs"', "", "", "events.time: found 'secs', expected 'auto', 'timestamp' or 'order'"),
        ("", "columns = { categories = 3 }", "", "items.columns.categories: found 3, expected a valid list"),
        ("", "", '[users]\npath = "u.csv"', "users.path: found no file "),
        (
            "",
            "",
            '[users]\npath = "u.json"',
            "users.path: found 'u.json', expected a file that ends in .parquet or .csv",
        ),
        ("", "", "[users]\n", "'users.path' is missing; expected path = …"),
        ("", "", "[strategies.mine]\n[text]\nmodel = 3", "text.model: found 3, expected a valid string"),
        ("", "", "[training]\nseed = -1", "training.seed: found -1, "),
        ("=", "", "", "is not TOML: Invalid statement (at line 5, column 1)"),
    ],
)
def test_a_mistake_is_named_by_file_and_key(folder: Path, events: str, items: str, more: str, message: str) -> None:
    path = written(folder, events, items, more)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["Corner", "1st", "a b", "", "ä"])
def test_a_name_that_could_not_name_a_folder_is_refused(folder: Path, name: str) -> None:
    path = written(folder)
    path.write_text(path.read_text().replace('"corner"', f'"{name}"'), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"name: found '{name}', "):
        load_config(path)


def test_a_misspelt_table_is_named_before_the_one_it_leaves_missing(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text('name = "x"\n[event]\npath = "e.csv"\n[items]\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}: unknown key 'event'; did you mean 'events'? (and 1 more)"


def test_every_unknown_key_is_named_at_once(folder: Path) -> None:
    path = written(folder, more="[training]\nseeds = 3\nwindow = 2\nhorizon_days = -1")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == (
        f"{path}: unknown key 'training.seeds'; did you mean 'seed'?; unknown key 'training.window'; "
        "did you mean 'windows'? (and 1 more)"
    )


def test_a_missing_table_says_what_it_needs(folder: Path) -> None:
    path = folder / "shop.toml"
    path.write_text('name = "x"\n[events]\npath = "events.csv"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"{path}: 'items' is missing; expected a table [items] with: path"


def test_a_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "shop.toml")
    assert str(caught.value).startswith(f"{tmp_path / 'shop.toml'}: cannot be read (No such file")
