"""The rules for Prometheus: valid, tested, and each alert explained to whoever it wakes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from .conftest import ROOT, Tool, tool

PROMETHEUS = ROOT / "deploy/prometheus"
GUIDE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((PROMETHEUS / "rules.yaml").read_text())["groups"] for rule in group["rules"]
]
ALERTS = [rule for rule in RULES if "alert" in rule]


@pytest.fixture(scope="module")
def promtool() -> Tool:
    return tool("promtool")


@pytest.mark.parametrize(
    "arguments", [("check", "rules", "rules.yaml"), ("check", "config", "prometheus.yaml")], ids=" ".join
)
def test_promtool_finds_no_fault(promtool: Tool, arguments: tuple[str, str, str]) -> None:
    done = promtool(*arguments[:2], PROMETHEUS / arguments[2])
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_rings_when_it_should_and_not_before(promtool: Tool) -> None:
    done = promtool("test", "rules", PROMETHEUS / "rules_test.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_is_tested_and_has_a_section_that_says_what_to_do(alert: dict[str, Any]) -> None:
    name = alert["alert"]
    assert f'alertname="{name}"' in (PROMETHEUS / "rules_test.yaml").read_text()
    assert alert["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    section = re.search(rf"^### {name}\n(.+?)(?=^#)", GUIDE, re.MULTILINE | re.DOTALL)
    assert section is not None
    assert section[1].strip().startswith(f"*{alert['labels']['severity']}.*")
    assert "**do**" in section[1].lower()


def test_no_section_is_of_an_alert_that_is_not_there() -> None:
    assert sorted(re.findall(r"^### (Endcap\w+)$", GUIDE, re.MULTILINE)) == sorted(alert["alert"] for alert in ALERTS)


def test_the_guide_links_to_what_is_there() -> None:
    anchors = {
        re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", GUIDE):
        path, _, anchor = target.partition("#")
        assert not path or (ROOT / "docs" / path).exists(), target
        assert path or anchor in anchors, target
