"""shop.toml: where a shop's tables are, what their columns mean, and how to train on them.

Paths are relative to the TOML file. Columns need mapping only where their names differ from Endcap's.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic import ValidationInfo as Info

from endcap.training.config_errors import explain
from endcap.training.errors import ConfigError, closest

SUFFIXES = (".parquet", ".csv")


def _from_toml_folder(path: object, info: Info) -> object:
    folder: Path = (info.context or {}).get("folder", Path())
    return (folder / Path(path).expanduser()).resolve() if isinstance(path, str) else path


def _is_table(path: Path) -> Path:
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"found {path.name!r}, expected a file that ends in .parquet or .csv")
    if not path.is_file():
        raise ValueError(f"found no file {path}; paths are relative to the TOML file")
    return path


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


TablePath = Annotated[Path, BeforeValidator(_from_toml_folder), AfterValidator(_is_table)]
TimeKind = Literal["auto", "timestamp", "order"]
Augmentation = Literal["word_dropout", "spelling", "attribute_shuffle"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """Base of every table of shop.toml: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _default_weights(given: dict[str, Any]) -> dict[str, float]:
    event_type = given.get("event_type")
    return {event_type: 1.0} if event_type else {"view": 0.1, "add_to_cart": 0.3, "purchase": 1.0}


class EventColumns(Section):
    """The names, in the shop's own table, of the columns that Endcap reads. Absent optional columns are fine."""

    user_id: str = "user_id"
    item_id: str = "item_id"
    time: str = "time"
    event_type: str = "event_type"
    value: str = "value"
    """Optional: money for the whole row."""
    quantity: str = "quantity"
    """Optional: 1 where unknown."""
    basket_id: str = "basket_id"
    """Optional: events of one basket (order, visit) happened together."""
    event_id: str = "event_id"
    """Optional: rows of one id are one event."""
    query: str = "query"
    """Optional: the search that led to the event."""
    slate_id: str = "slate_id"
    """Optional: the list of items in which the shopper saw this one."""
    position: str = "position"
    """Optional: where in that list, from 0."""


class EventsConfig(Section):
    path: TablePath
    columns: EventColumns = EventColumns()
    event_type: str | None = None
    """The type of every event, for a table that has one kind of event and no column that says so."""
    weights: dict[str, Positive] = Field(default_factory=_default_weights, min_length=1)
    """How much an event of a type says about a shopper's taste; by default view 0.1, add_to_cart 0.3, purchase 1.
    Types not named here are dropped and counted."""
    goal: list[str] = Field(default_factory=list)
    """The types that ranking aims at; empty: the type or types of the highest weight."""
    time: TimeKind = "auto"
    """``order``: integers that only say what came first. ``auto``: see endcap.training.data.times."""
    max_per_day: int = Field(default=1000, ge=1)
    """A shopper with more events than this on any one day is taken for a bot, and dropped whole."""

    @field_validator("weights")
    @classmethod
    def _the_type_has_a_weight(cls, weights: dict[str, float], info: Info) -> dict[str, float]:
        event_type = info.data.get("event_type")
        if event_type is not None and event_type not in weights:
            raise ValueError(f"found no weight for {event_type!r}, which events.event_type says all events are")
        return weights

    @field_validator("goal")
    @classmethod
    def _goals_have_weights(cls, goal: list[str], info: Info) -> list[str]:
        weights = info.data.get("weights", {})
        for name in goal:
            if name not in weights:
                raise ValueError(f"found {name!r}, which has no weight; {closest(name, weights)}")
        return goal

    @property
    def goal_types(self) -> list[str]:
        highest = max(self.weights.values())
        return sorted(self.goal or (name for name, weight in self.weights.items() if weight == highest))


class ItemColumns(Section):
    """As EventColumns, for items. Every other column of the table becomes an attribute that a filter may name."""

    item_id: str = "item_id"
    title: str = "title"
    description: str = "description"
    categories: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)] = ["categories"]
    """A column of lists or of delimited text, or several columns; from broad to fine."""
    brand: str = "brand"
    price: str = "price"
    available: str = "available"


class ItemsConfig(Section):
    path: TablePath
    columns: ItemColumns = ItemColumns()
    separator: str = Field(default=">", min_length=1)
    """Parts the levels of a category in text: ``"Food > Dairy > Yogurt"``."""
    text: list[str] = Field(default=["title", "description", "brand", "categories"], min_length=1)
    """What the text models read of an item: these columns, by Endcap's names or, for attributes, the table's own."""
    ignore: list[str] = Field(default_factory=list)
    """Columns of the table to leave out of the bundle."""


class UserColumns(Section):
    user_id: str = "user_id"


class UsersConfig(Section):
    """Every other column of the table is an attribute of the shopper."""

    path: TablePath
    columns: UserColumns = UserColumns()
    ignore: list[str] = Field(default_factory=list)


class PeriodColumns(Section):
    item_id: str = "item_id"
    start: str = "start"
    end: str = "end"


class PeriodsConfig(Section):
    """What is known ahead about items for a span of time, such as promotions; every other column says what."""

    path: TablePath
    columns: PeriodColumns = PeriodColumns()
    ignore: list[str] = Field(default_factory=list)


class RankerConfig(Section):
    """How the ranker's trees grow, where Endcap's own values are not wanted; `endcap tune` searches for better ones."""

    learning_rate: float | None = Field(default=None, gt=0, le=1)
    num_leaves: int | None = Field(default=None, ge=2, le=63)
    """Leaves a tree; up to 63, beyond which scoring takes far longer."""
    min_data_in_leaf: int | None = Field(default=None, ge=1)
    feature_fraction: float | None = Field(default=None, gt=0, le=1)
    """Share of the features that each tree may look at."""
    lambda_l2: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @property
    def given(self) -> dict[str, float]:
        """LightGBM's parameters by name, without those left to Endcap."""
        return self.model_dump(exclude_none=True)


class TrainingConfig(Section):
    seed: int = Field(default=7, ge=0)
    horizon_days: Positive = 28.0
    """How far ahead the ranker learns to look, and the length of the last window, on which it is judged."""
    windows: int = Field(default=3, ge=1)
    """How many windows before the last one the ranker learns from."""
    ranker: RankerConfig = RankerConfig()


class TextConfig(Section):
    model: str | None = None
    """A BERT-family model by folder or by name; the default is all-MiniLM-L6-v2."""
    finetune: bool = False
    """Teach the model what this shop's customers buy together, buy next, and choose of what they searched for."""
    method: Literal["lora", "full"] = "lora"
    """``lora``: small matrices beside the model's own (Hu et al., 2021). ``full``: every weight."""
    steps: int = Field(default=300, ge=1)
    """Batches to learn from, at most: it ends early where the validation window says that more does not help."""
    epochs: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """As often through all pairs, instead of a number of steps."""
    minutes: Positive = 8.0
    """Learning ends after this long, however many steps that were; two machines may then come to different models."""
    patience: int = Field(default=3, ge=1)
    """Learning ends where the window kept aside has shown no gain in so many looks (there are four or more)."""
    augment: list[Augmentation] = []
    """Ways to vary what is learned from, so that the model holds on to less of the wording."""
    adversarial: bool = False
    """Learn from each batch a second time, its words moved to where they do most harm; takes twice as long."""
    layers: int | None = Field(default=None, ge=1)
    """Distil the model into one of so few layers: quicker, and less exact. The default keeps them all."""


class BertConfig(Section):
    """The BERT ranker: reads a request's words, or a shopper's titles, beside each of the trees' best items."""

    train: bool = False
    """Teach one, fuse it with the trees, and offer the strategy ``hybrid_bert``."""
    layers: int = Field(default=2, ge=1)
    """Of the text model's, after distillation: each costs every request 6 ms or so."""
    max_tokens: int = Field(default=32, ge=16, le=512)
    """Of a pair, with its separators."""
    pairs: int = Field(default=12_000, ge=100)
    """About so many pairs of a request and an item are learned from."""
    epochs: Positive = 1.0
    """As often through all pairs, for the large model and for the small one."""
    minutes: Positive = 10.0
    """Learning ends after this long, however many pairs that were; two machines may then come to different models."""


class SearchConfig(Section):
    judgments: TablePath | None = None
    """Optional: ratings of items for searches, from which the search ranker learns; columns query, item_id, rating."""


class ShopConfig(Section):
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    """Lower case letters, digits, - and _; bundles are named after it."""
    events: EventsConfig | None = None
    """Without it there are searches and nothing else: what shoppers do is not known."""
    items: ItemsConfig
    users: UsersConfig | None = None
    item_periods: PeriodsConfig | None = None
    training: TrainingConfig = TrainingConfig()
    text: TextConfig = TextConfig()
    bert: BertConfig = BertConfig()
    search: SearchConfig = SearchConfig()
    default_strategy: str = "hybrid"
    """Where the shop has no events: ``search``."""
    strategies: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """The shop's own strategies, laid over the ready-made ones."""

    @model_validator(mode="before")
    @classmethod
    def _search_without_events(cls, given: Any) -> Any:
        alone = isinstance(given, dict) and "events" not in given and "default_strategy" not in given
        return {**given, "default_strategy": "search"} if alone else given


def load_config(path: Path) -> ShopConfig:
    """Raises ConfigError, whose message names the file and the key, what was found and what was expected."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); expected a shop.toml") from error
    except ValueError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    try:
        return ShopConfig.model_validate(raw, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error, ShopConfig)}") from error
