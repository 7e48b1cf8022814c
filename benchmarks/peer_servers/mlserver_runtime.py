"""MLServer over gRPC: the request's bytes are the one element of a BYTES tensor of ModelInfer, and so is the answer."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from benchmarks.http_load import read_requests
from benchmarks.load import write_requests
from benchmarks.ranker_service import Rank, ranker_of


class Ranking(MLModel):
    async def load(self) -> bool:
        self.rank = _told(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (raw,) = payload.inputs[0].data
        answer = self.rank(raw if isinstance(raw, bytes) else raw.encode("latin-1"))
        output = ResponseOutput(name="answer", shape=[1], datatype="BYTES", data=[answer])
        return InferenceResponse(model_name=self.name, outputs=[output])


def _told(path: str) -> Rank:
    told = json.loads(Path(path).read_text(encoding="utf-8"))
    return ranker_of(Path(told["bundle"]), told["pipeline"])


def wrap(requests: Path, out: Path) -> None:
    """ModelInfer's own message around each request."""
    from mlserver.grpc import dataplane_pb2 as pb

    tensor = pb.ModelInferRequest.InferInputTensor
    write_requests(
        out,
        (
            pb.ModelInferRequest(
                model_name="rank",
                inputs=[
                    tensor(
                        name="request",
                        shape=[1],
                        datatype="BYTES",
                        contents=pb.InferTensorContents(bytes_contents=[raw]),
                    )
                ],
            ).SerializeToString()
            for raw in read_requests(requests)
        ),
    )


def write_settings(folder: Path, bundle: str, pipeline: str, workers: int, port: int) -> None:
    """What `mlserver start` reads: one model, and a pool of so many processes."""
    (folder / "told.json").write_text(json.dumps({"bundle": bundle, "pipeline": pipeline}), encoding="utf-8")
    model = {
        "name": "rank",
        "implementation": "benchmarks.peer_servers.mlserver_runtime.Ranking",
        "parameters": {"uri": str(folder / "told.json")},
    }
    (folder / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    server = {
        "host": "127.0.0.1",
        "grpc_port": port,
        "http_port": port + 1,
        "metrics_port": port + 2,
        "parallel_workers": workers,
        "debug": False,
    }
    (folder / "settings.json").write_text(json.dumps(server), encoding="utf-8")


def start(bundle: str, pipeline: str, workers: int, port: int) -> None:
    from mlserver.cli import main

    with tempfile.TemporaryDirectory() as folder:
        write_settings(Path(folder), bundle, pipeline, workers, port)
        sys.argv = ["mlserver", "start", folder]
        main()


if __name__ == "__main__":
    if sys.argv[1] == "--wrap":
        wrap(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        start(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
