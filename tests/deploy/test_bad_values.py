"""A value that cannot be meant is refused, by its name, before anything is made of it."""

from __future__ import annotations

import json

import pytest
import yaml

from .conftest import CHART, Render, Tool

UNKNOWN_OR_OUT_OF_RANGE = {
    "server.workers=0": "/server/workers",
    "server.workers=257": "/server/workers",
    "server.workers=two": "/server/workers",
    "server.threads=65": "/server/threads",
    "server.maxInFlight=-1": "/server/maxInFlight",
    "server.connectionAgeSeconds=-1": "/server/connectionAgeSeconds",
    "server.slateCacheMib=0.5": "/server/slateCacheMib",
    "server.shareQueryVectors=perhaps": "/server/shareQueryVectors",
    "server.graceSeconds=-0.5": "/server/graceSeconds",
    "server.drainSeconds=301": "/server/drainSeconds",
    "server.wrokers=2": "at '/server': additional properties 'wrokers' not allowed",
    "replica=3": "at '': additional properties 'replica' not allowed",
    "replicas=-1": "/replicas",
    "image.digest=sha256:12": "/image/digest",
    "image.pullPolicy=Sometimes": "/image/pullPolicy",
    "tls.ca=x": "at '/tls': additional properties 'ca' not allowed",
    "bundle.from=ftp": "/bundle/from",
    "bundle.version=../etc": "/bundle/version",
    "bundle.claim.size=lots": "/bundle/claim/size",
    "bundle.claim.accessModes={ReadSometimes}": "/bundle/claim/accessModes",
    "resources.requests.memory=1Gb": "/resources/requests/memory",
    "probes.startup.failureThreshold=0": "/probes/startup/failureThreshold",
    "podDisruptionBudget.maxUnavailable=0": "/podDisruptionBudget/maxUnavailable",
    "podDisruptionBudget.maxUnavailable=101%": "/podDisruptionBudget/maxUnavailable",
    "topologySpread.whenUnsatisfiable=Never": "/topologySpread/whenUnsatisfiable",
    "autoscaling.cpu.targetUtilizationPercent=101": "/autoscaling/cpu/targetUtilizationPercent",
    "autoscaling.inFlight.targetPerWorker=0": "/autoscaling/inFlight/targetPerWorker",
    "service.port=65536": "/service/port",
    "service.type=ExternalName": "/service/type",
    "serviceMonitor.interval=0s": "/serviceMonitor/interval",
    "training.schedule=daily": "/training/schedule",
    "training.retries=11": "/training/retries",
    "podLabels.n=1": "/podLabels/n",
}

NOT_TOGETHER = {
    "tls.enabled=true": "tls.secretName is empty",
    "tls.requireClientCertificate=true": "expected tls.enabled to be true",
    "bundle.from=fetch": "bundle.fetch.image is empty",
    "training.enabled=true": "training.shop is empty",
    "training.enabled=true,training.shop=x": "training.data.existingClaim is empty",
    "training.enabled=true,bundle.from=fetch,bundle.fetch.image=x": "bundle.from is fetch, expected claim",
    "autoscaling.enabled=true,autoscaling.minReplicas=11": "autoscaling.minReplicas is 11, expected at most",
    "autoscaling.enabled=true,resources.requests=null": "resources.requests.cpu is missing",
    "autoscaling.enabled=true,autoscaling.cpu.enabled=false,autoscaling.inFlight.enabled=false": "both false",
}


@pytest.fixture(scope="session")
def refusals(helm: Tool) -> dict[str, str]:
    """What helm says of each setting; as many at a time as do not touch the same value."""
    said: dict[str, str] = {}
    while left := {setting.partition("=")[0]: setting for setting in UNKNOWN_OR_OUT_OF_RANGE if setting not in said}:
        done = helm("template", "endcap", CHART, *(f"--set={setting}" for setting in left.values()))
        assert done.returncode != 0, done.stdout
        assert "values don't meet the specifications of the schema" in done.stderr
        said |= dict.fromkeys(left.values(), done.stderr)
    return said


@pytest.mark.parametrize("setting", UNKNOWN_OR_OUT_OF_RANGE)
def test_a_value_unknown_or_out_of_range_is_named(refusals: dict[str, str], setting: str) -> None:
    assert UNKNOWN_OR_OUT_OF_RANGE[setting] in refusals[setting]


@pytest.mark.parametrize("settings", NOT_TOGETHER)
def test_values_that_do_not_go_together_say_what_is_missing(helm: Tool, settings: str) -> None:
    done = helm("template", "endcap", CHART, "--set", settings)
    assert done.returncode != 0, done.stdout
    assert NOT_TOGETHER[settings] in done.stderr


def test_the_schema_knows_every_value_that_there_is(render: Render) -> None:
    """A key of values.yaml that the schema lacks would be refused; one without a default would not be documented."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)
    for name, below in schema["properties"].items():
        if below.get("additionalProperties") is False:
            assert set(below["properties"]) == set(values[name]), name
    assert render()
