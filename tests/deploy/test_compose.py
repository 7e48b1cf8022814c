"""deploy/compose.yaml by the rules of the compose specification, and by what it points at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from endcap.server.options import ServeOptions

from .conftest import ROOT, Manifest, Tool

FILE = ROOT / "deploy/compose.yaml"
PARSE = "import sys, compose_spec as c; c.PyCompose.from_yaml(sys.argv[1]).validate()"


@pytest.fixture
def compose() -> Manifest:
    found: Manifest = yaml.safe_load(FILE.read_text())
    return found


def test_it_keeps_to_the_specification(checkers: Tool) -> None:
    done = checkers("-c", PARSE, _text())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("found", "wrong"), [("read_only: true", "read_only: maybe"), ("cap_drop:", "cap_dropped:")])
def test_what_does_not_is_refused(checkers: Tool, found: str, wrong: str) -> None:
    assert found in _text()
    done = checkers("-c", PARSE, _text().replace(found, wrong))
    assert done.returncode != 0
    assert wrong.partition(":")[0] in done.stderr


def test_every_file_that_it_mounts_or_builds_from_is_there(compose: Manifest) -> None:
    sources = [each.partition(":")[0] for service in compose["services"].values() for each in service["volumes"]]
    mounted = [source for source in sources if source.startswith("./")]
    assert sorted(mounted) == ["./grafana/dashboards", "./grafana/provisioning", "./prometheus"]
    for source in mounted:
        assert (FILE.parent / source).is_dir(), source
    build = compose["services"]["endcap"]["build"]
    dockerfile = FILE.parent / build["context"] / build["dockerfile"]
    assert f"AS {build['target']}\n" in dockerfile.read_text()


def test_prometheus_reads_the_metrics_port_of_the_server(compose: Manifest) -> None:
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yaml").read_text())
    port = ServeOptions.model_fields["metrics_port"].default
    targets = prometheus["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [f"{next(iter(compose['services']))}:{port}"]


def test_grafana_finds_prometheus_and_the_dashboards(compose: Manifest) -> None:
    mounts = {target: FILE.parent / source for source, target in _mounts(compose, "grafana").items()}
    provisioning = mounts["/etc/grafana/provisioning"]
    source = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    provider = yaml.safe_load((provisioning / "dashboards/endcap.yaml").read_text())["providers"][0]
    dashboards = mounts[provider["options"]["path"]]
    home = Path(compose["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert mounts[str(home.parent)] == dashboards
    assert (dashboards / home.name).is_file()


def test_the_server_has_no_more_rights_than_on_kubernetes(compose: Manifest) -> None:
    server = compose["services"]["endcap"]
    assert server["read_only"] is True
    assert server["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in server["security_opt"]
    assert float(server["stop_grace_period"].rstrip("s")) > ServeOptions.model_fields["grace_seconds"].default


def test_nothing_is_open_to_other_machines(compose: Manifest) -> None:
    for name, service in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name


def _text() -> str:
    """The file with the defaults of its variables: the checker knows what is left when Compose has put them in."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", FILE.read_text())


def _mounts(compose: Manifest, service: str) -> dict[str, str]:
    mounts = (each.split(":") for each in compose["services"][service]["volumes"])
    return {source: target for source, target, *_ in mounts}
