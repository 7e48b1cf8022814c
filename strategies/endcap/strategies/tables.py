"""Strategies as TOML tables: what may stand in one, the ready-made ones, and errors that name the key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, Field, ValidationError, model_validator

from endcap.strategies.contract import Settings
from endcap.strategies.strategy import DEFAULT_LIMIT, NEVER, CacheTerms


class StrategyError(ValueError):
    """A strategy that cannot boot. The message names the key, what was found and what was expected."""


class Use(Settings):
    """``{ use = "trees", name = "…", … }``: a component by its entry-point name; other keys are its own parameters."""

    use: str
    name: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_toml(cls, raw: Any) -> Any:
        if isinstance(raw, str):
            return {"use": raw, "name": raw}
        if not isinstance(raw, dict) or "use" not in raw or "parameters" in raw:
            return raw
        own = {key: raw[key] for key in cls.model_fields if key in raw}
        return {"name": raw["use"], **own, "parameters": {key: raw[key] for key in raw if key not in own}}


class SpareUse(Use):
    optional: bool = False
    """Left out, not an error, where the bundle was trained without the part that the component reads."""


class RecallUse(SpareUse):
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=10_000)
    unseen: bool = False
    """Spend the limit on items that the shopper has not gone for yet."""


class StrategyConfig(Settings):
    """One ``[strategies.NAME]`` table."""

    description: str = ""
    recall: tuple[RecallUse, ...] = ()
    hydrate: tuple[SpareUse, ...] = ()
    filter: tuple[SpareUse, ...] = tuple(
        SpareUse(use=name, name=name) for name in ("available", "request_filter", "excluded")
    )
    score: Use
    select: Use = Use(use="top_k", name="top_k")
    candidates: int = Field(500, ge=1, le=10_000)
    cache: CacheTerms = NEVER


def parsed(key: str, table: Mapping[str, Any]) -> StrategyConfig:
    try:
        return StrategyConfig.model_validate(table)
    except ValidationError as error:
        raise StrategyError(taught(key, error, StrategyConfig)) from error


def taught(key: str, error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors()[0]
    where = ".".join((key, *(str(part) for part in first["loc"])))
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        names = ", ".join(model.model_fields)
        known = f"expected one of: {names}" if names else "it has no parameters of its own"
        return f"{where}: unknown key; {known}"
    found = "" if first["type"] in ("missing", "extra_forbidden") else f", found {first['input']!r}"
    return f"{where}: {first['msg']}{found}"


def ready_made() -> dict[str, Any]:
    text = files("endcap.strategies").joinpath("ready_made.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(text)["strategies"]
    return {name: _completed(table, tables) for name, table in tables.items()}


def _completed(table: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, Any]:
    """With what it does not say itself taken from the table that its ``like`` names."""
    own = {key: value for key, value in table.items() if key != "like"}
    return {**tables[table["like"]], **own} if "like" in table else own
