"""What a search found, as the lines that go into shop.toml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def settings_toml(ranker: Mapping[str, float], strategy: str, table: Mapping[str, Any] | None) -> str:
    """[training.ranker], and [strategies.NAME] where its limits were searched."""
    parts = []
    if ranker:
        parts.append("[training.ranker]\n" + _lines(ranker))
    if table:
        parts.append(f"[strategies.{strategy}]\n" + _lines(table))
    return "\n".join(parts)


def _lines(table: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{json.dumps(key) if '.' in key else key} = {_value(each)}" for key, each in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, float):
        return repr(float(f"{value:.4g}"))
    return json.dumps(value, ensure_ascii=False)
