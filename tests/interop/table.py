"""The table of cases, cases.toml, as Python."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """One call, and what must come of it in every language."""

    id: str
    requests: list[dict[str, Any]]
    """The request messages as proto3 JSON."""
    expect: dict[str, Any]
    """By name of a check in checks.py."""
    server: str
    client: str
    method: str
    timeout_ms: int
    script: dict[str, Any] = field(default_factory=dict)
    """What the scripted server does, as Script in scripted.py has it."""

    def asked_by(self, language: str) -> list[dict[str, Any]]:
        """The requests. Their id is the same in every language, since ties are broken by it; but the scripted server
        knows by it what to do for whom."""
        if self.method != "Rank":
            return self.requests
        request_id = self.request_id(language) if self.server == "scripted" else self.id
        return [{"requestId": request_id} | request for request in self.requests]

    def request_id(self, language: str) -> str:
        return f"{self.id}/{language}"


def read_cases() -> list[Case]:
    table = tomllib.loads(Path(__file__).with_name("cases.toml").read_text(encoding="utf-8"))
    return [Case(**table["defaults"] | case) for case in table["case"]]
