"""What the chart makes of values."""

from __future__ import annotations

import inspect
import json
import math
import shlex
import tomllib
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from endcap.bundle.manifest import MANIFEST_NAME
from endcap.cli.serve import command
from endcap.server.supervisor import KILL_SECONDS

from ..support import tiny
from ..support.certificates import Authority
from ..support.live import Live
from .conftest import CHART, ROOT, VALUES, Manifest, Render, Tool, of_kind, pod_specs

KUBERNETES = ("1.30", "1.35")
"""The oldest that the chart allows, and that of the kubectl at hand."""

every_set_of_values = pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)


@every_set_of_values
def test_lint_finds_nothing_wrong(helm: Tool, values: Path) -> None:
    done = helm("lint", "--strict", CHART, f"--values={values}")
    assert done.returncode == 0, done.stdout + done.stderr


@every_set_of_values
def test_a_render_is_the_committed_one(helm: Tool, values: Path) -> None:
    done = helm("template", "endcap", CHART, "--namespace", "shop", f"--values={values}")
    golden = ROOT / "tests/deploy/golden" / values.name
    assert done.stdout == golden.read_text(), f"{golden} is stale: see that the change is meant, run `make manifests`"


@pytest.mark.parametrize("version", KUBERNETES)
def test_manifests_are_valid_and_hold_nothing_that_kubernetes_does_not_know(checkers: Tool, version: str) -> None:
    golden = sorted((ROOT / "tests/deploy/golden").glob("*.yaml"))
    done = checkers("-m", "kubernetes_validate", "-k", version, "--strict", "--no-warn", *golden)
    all_of_them = [each for path in golden for each in yaml.safe_load_all(path.read_text())]
    native = [each for each in all_of_them if "monitoring" not in each["apiVersion"]]
    assert (done.returncode, done.stdout.count("passed")) == (0, len(native)), done.stdout + done.stderr


def test_the_checker_of_manifests_can_fail(checkers: Tool, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    golden = ROOT / "tests/deploy/golden/default.yaml"
    wrong.write_text(golden.read_text().replace("failureThreshold: 90", "failureTreshold: 90"))
    assert checkers("-m", "kubernetes_validate", "-k", KUBERNETES[-1], "--strict", wrong).returncode != 0


@every_set_of_values
def test_pods_keep_to_the_restricted_profile(render: Render, values: Path) -> None:
    found = list(pod_specs(render(f"--values={values}")))
    assert found
    for name, spec in found:
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), name
        assert {next(iter(set(volume) - {"name"})) for volume in spec["volumes"]} <= {
            "configMap", "emptyDir", "persistentVolumeClaim", "secret",
        }, name  # fmt: skip
        for container in (*spec["containers"], *spec.get("initContainers", ())):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


@every_set_of_values
def test_kubernetes_waits_for_longer_than_the_server_takes_to_end(render: Render, values: Path) -> None:
    spec = _server(render(f"--values={values}"))
    pause = spec["containers"][0].get("lifecycle", {"preStop": {"sleep": {"seconds": 0}}})["preStop"]["sleep"][
        "seconds"
    ]
    grace = float(_arguments(spec)["--grace-seconds"])
    assert spec["terminationGracePeriodSeconds"] >= math.ceil(pause + grace + KILL_SECONDS)


@every_set_of_values
def test_selectors_find_the_pods_and_ports_are_there(render: Render, values: Path) -> None:
    manifests = render(f"--values={values}")
    template = of_kind(manifests, "Deployment")[0]["spec"]["template"]
    labels = template["metadata"]["labels"].items()
    ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
    services = of_kind(manifests, "Service")
    assert len(services) == 2
    for service in services:
        assert service["spec"]["selector"].items() <= labels
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for monitor in of_kind(manifests, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        chosen = [each for each in services if wanted <= each["metadata"]["labels"].items()]
        assert [each["spec"].get("clusterIP") for each in chosen] == ["None"], "a pod would be read twice, or never"
        assert monitor["spec"]["jobLabel"] in chosen[0]["metadata"]["labels"]
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        selector = of_kind(manifests, kind)[0]["spec"]
        assert (selector.get("selector") or selector["podSelector"])["matchLabels"].items() <= labels


@pytest.mark.parametrize("values", ["default", "tls", "everything"])
def test_the_server_starts_as_the_chart_starts_it(render: Render, values: str, tmp_path: Path) -> None:
    manifests = render(f"--values={ROOT}/tests/deploy/values/{values}.yaml")
    _write_config(manifests, tmp_path)
    here = {"--bundle": _bundle(tmp_path / "bundles"), "--host": "127.0.0.1", "--workers": 1}
    free = dict.fromkeys(("--port", "--metrics-port", "--health-port"), 0)
    asked = _arguments(_server(manifests))
    named = [name for name in ("--config", "--strategies", "--cache-folder") if name in asked]
    files = {name: tmp_path / Path(asked[name]).name for name in named}
    given = asked | {name: str(value) for name, value in (here | free | files).items() if name in asked}
    with Live(tmp_path / "bundles", *(f"{name}={value}" if value else name for name, value in given.items())) as live:
        assert live.version.startswith("tiny-")
        with grpc.insecure_channel(live.health_address or live.address) as channel:
            health: Any = HealthStub(channel)  # the stubs know none of its methods
            answer = health.Check(HealthCheckRequest(), timeout=5)
        assert answer.status == HealthCheckResponse.SERVING, "as the probes ask: plain, for all services"


def test_every_option_of_the_server_that_the_chart_leaves_out_is_meant_to_be(render: Render) -> None:
    """A new option of `endcap serve` ends up here, and then in the chart or in this list."""
    known = {f"--{name.replace('_', '-')}" for name in inspect.signature(command).parameters}
    everything = _arguments(_server(render(f"--values={ROOT}/tests/deploy/values/everything.yaml")))
    default = _arguments(_server(render()))
    assert known - set(everything) - set(default) == {"--cpu-only"}, "the serving image knows no GPU anyway"
    assert set(everything) | set(default) <= known


def test_with_tls_probes_go_to_the_plain_port(render: Render) -> None:
    for values, port in (("default", 50051), ("tls", 50052)):
        spec = _server(render(f"--values={ROOT}/tests/deploy/values/{values}.yaml"))
        container = spec["containers"][0]
        probes = {container[f"{name}Probe"]["grpc"]["port"] for name in ("startup", "readiness", "liveness")}
        assert probes == {port}
        assert port in {each["containerPort"] for each in container["ports"]}
        assert _arguments(spec).get("--health-port", "50051") == str(port)


def test_tls_files_are_those_of_the_secret(render: Render) -> None:
    manifests = render(f"--values={ROOT}/tests/deploy/values/tls.yaml")
    tables = tomllib.loads(of_kind(manifests, "ConfigMap")[0]["data"]["tls.toml"])
    mounts = {each["name"]: each["mountPath"] for each in _server(manifests)["containers"][0]["volumeMounts"]}
    expected = {"certificate": "tls.crt", "key": "tls.key", "client_ca": "ca.crt"}
    assert tables == {"tls": {key: f"{mounts['tls']}/{name}" for key, name in expected.items()}}


def test_another_bundle_is_a_rollout(render: Render) -> None:
    one, other = (of_kind(render(f"--set=bundle.version=corner-{n}"), "Deployment")[0] for n in "12")
    assert one["spec"]["template"] != other["spec"]["template"]
    assert _arguments(one["spec"]["template"]["spec"])["--bundle"] == "/bundles/corner-1"


def test_other_strategies_are_a_rollout(render: Render) -> None:
    one, other = (of_kind(render(f"--set=server.strategies=# {n}"), "Deployment")[0] for n in "12")
    assert one["spec"]["template"] != other["spec"]["template"]


def test_pods_are_counted_by_the_autoscaler_or_by_the_deployment_never_by_both(render: Render) -> None:
    plain, scaled = render(), render("--set=autoscaling.enabled=true")
    assert "replicas" in of_kind(plain, "Deployment")[0]["spec"]
    assert not of_kind(plain, "HorizontalPodAutoscaler")
    assert "replicas" not in of_kind(scaled, "Deployment")[0]["spec"]
    metrics = of_kind(scaled, "HorizontalPodAutoscaler")[0]["spec"]["metrics"]
    assert [metric["type"] for metric in metrics] == ["Pods", "Resource"]


def test_the_autoscaler_counts_a_metric_that_the_server_has(render: Render, tmp_path: Path) -> None:
    scaled = of_kind(render("--set=autoscaling.enabled=true"), "HorizontalPodAutoscaler")[0]
    name = scaled["spec"]["metrics"][0]["pods"]["metric"]["name"]
    with Live(_bundle(tmp_path)) as live:
        assert name in live.metrics()


def test_nobody_is_let_in_where_no_caller_is_named(render: Render) -> None:
    policy = of_kind(render("--set=networkPolicy.clients=null", "--set=networkPolicy.metrics=null"), "NetworkPolicy")
    assert policy[0]["spec"]["ingress"] == []


def test_the_rules_are_those_of_prometheus(render: Render) -> None:
    rules = of_kind(render("--set=prometheusRule.enabled=true"), "PrometheusRule")[0]
    assert rules["spec"] == yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text())


def test_the_trainer_writes_where_the_server_reads(render: Render) -> None:
    manifests = render(f"--values={ROOT}/tests/deploy/values/training.yaml")
    claims = []
    for _, spec in pod_specs(manifests):
        claims += [each["persistentVolumeClaim"]["claimName"] for each in spec["volumes"] if each["name"] == "bundles"]
    assert len(claims) == 2
    assert set(claims) == {of_kind(manifests, "PersistentVolumeClaim")[0]["metadata"]["name"]}
    shop = of_kind(manifests, "ConfigMap")[0]["data"]["shop.toml"]
    assert tomllib.loads(shop)["events"] == {"path": "/data/events.parquet"}


def _write_config(manifests: list[Manifest], folder: Path) -> None:
    """The chart's files in ``folder``; those of the TLS secret too, which they name by where it is mounted."""
    authority = Authority.new(folder / "ca")
    pair = authority.pair("server")
    (folder / "tls.crt").write_bytes(pair.certificate.read_bytes())
    (folder / "tls.key").write_bytes(pair.key.read_bytes())
    (folder / "ca.crt").write_bytes(authority.path.read_bytes())
    for config in of_kind(manifests, "ConfigMap"):
        for name, text in config["data"].items():
            (folder / name).write_text(text.replace("/etc/endcap-tls", str(folder)))


def _bundle(out: Path) -> Path:
    """The tiny bundle, served by a strategy that needs no plugin."""
    manifest = tiny.write_bundle(out) / MANIFEST_NAME
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "default_strategy": "popular"}))
    return out


def _server(manifests: list[Manifest]) -> Manifest:
    spec: Manifest = of_kind(manifests, "Deployment")[0]["spec"]["template"]["spec"]
    return spec


def _arguments(spec: Manifest) -> dict[str, str]:
    """Options by name; "" for a switch."""
    words = spec["containers"][0]["args"]
    assert words[0] == "serve"
    return {name: value for name, _, value in (shlex.split(word)[0].partition("=") for word in words[1:])}
