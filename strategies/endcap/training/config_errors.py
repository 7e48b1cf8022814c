"""One line for people from what pydantic says about a configuration."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from endcap.training.errors import closest


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The key, what was found and what was expected, of every unknown key, or else of the first error: a misspelt key
    also leaves the right one missing."""
    details = error.errors(include_url=False)
    unknown = [detail for detail in details if detail["type"] == "extra_forbidden"]
    told = unknown or details[:1]
    more = f" (and {len(details) - len(told)} more)" if len(details) > len(told) else ""
    return "; ".join(_explain_one(detail, model) for detail in told) + more


def _explain_one(detail: ErrorDetails, model: type[BaseModel]) -> str:
    *place, last = detail["loc"] or ("",)
    key = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown key {key!r}; {closest(str(last), _model_at(model, place).model_fields)}"
        case "missing":
            return f"{key!r} is missing; expected {_expected(_model_at(model, place), str(last))}"
        case "value_error":
            return f"{key}: {detail['ctx']['error']}"
    return f"{key}: found {_shown(detail['input'])}, {_lowered(detail['msg'])}"


def _expected(model: type[BaseModel], field: str) -> str:
    inner = _inner_model(model.model_fields[field].annotation)
    return f"a table [{field}] with: {', '.join(_required(inner))}" if inner else f"{field} = …"


def _required(model: type[BaseModel]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()]


def _model_at(model: type[BaseModel], place: list[Any]) -> type[BaseModel]:
    for part in place:
        field = model.model_fields.get(str(part))
        model = (_inner_model(field.annotation) if field else None) or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _lowered(message: str) -> str:
    """pydantic's "Input should be …" as the end of a sentence."""
    return message.replace("Input should be ", "expected ").replace("Input should ", "it should ")
