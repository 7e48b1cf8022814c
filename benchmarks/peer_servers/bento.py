"""BentoML over HTTP: its services of today are not served over gRPC. POST /rank with the request in base64, as JSON."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import bentoml

from benchmarks.http_load import read_requests
from benchmarks.load import write_requests
from benchmarks.ranker_service import ranker_of

WORKERS = int(os.environ.get("RANK_WORKERS", "1"))


@bentoml.service(workers=WORKERS, traffic={"timeout": 60})
class Ranking:
    def __init__(self) -> None:
        self.ranker = ranker_of(Path(os.environ["RANK_BUNDLE"]), os.environ["RANK_PIPELINE"])

    @bentoml.api(route="/rank")
    def rank(self, raw: str) -> str:
        return base64.b64encode(self.ranker(base64.b64decode(raw))).decode()


def wrap(requests: Path, out: Path) -> None:
    write_requests(
        out, (json.dumps({"raw": base64.b64encode(raw).decode()}).encode() for raw in read_requests(requests))
    )


def start(bundle: str, pipeline: str, workers: str, port: str) -> None:
    """This process becomes `bentoml serve`, which imports the class above in each worker."""
    told = {"RANK_BUNDLE": bundle, "RANK_PIPELINE": pipeline, "RANK_WORKERS": workers, "BENTOML_DO_NOT_TRACK": "true"}
    command = [sys.executable, "-m", "bentoml", "serve", "benchmarks.peer_servers.bento:Ranking"]
    os.execve(sys.executable, [*command, "--host", "127.0.0.1", "--port", port], {**os.environ, **told})


if __name__ == "__main__":
    if sys.argv[1] == "--wrap":
        wrap(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        start(*sys.argv[1:])
