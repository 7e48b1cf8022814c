"""BentoML over gRPC: the request's bytes, in base64, are the text of its own Call, and so is the answer.

Of BentoML's two kinds of service only the older one, `bentoml.legacy.Service`, is served over gRPC; and its File, which
would carry bytes as they are, is not.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bentoml
import google.protobuf
from bentoml.grpc.interceptors.opentelemetry import _OpenTelemetryServicerContext
from bentoml.io import Text

from benchmarks.http_load import read_requests
from benchmarks.load import write_requests
from benchmarks.ranker_service import Rank, ranker_of

# It has generated code for protobuf 3 and 4, and takes the former for whatever is not 4; the latter runs on ours.
google.protobuf.__version__ = "4.25.0"
# Written before gRPC had `abort_with_status`, which nothing here calls.
_OpenTelemetryServicerContext.__abstractmethods__ = frozenset()
ranking, ranker, compute = bentoml.legacy.Service("ranking"), list[Rank](), ThreadPoolExecutor(1)


@ranking.on_startup
def load(context: object) -> None:
    ranker.append(ranker_of(Path(os.environ["RANK_BUNDLE"]), os.environ["RANK_PIPELINE"]))


@ranking.api(input=Text(), output=Text())
async def rank(asked: str) -> str:
    answer = await asyncio.get_running_loop().run_in_executor(compute, ranker[0], base64.b64decode(asked))
    return base64.b64encode(answer).decode()


def wrap(requests: Path, out: Path) -> None:
    """The message of BentoML's Call around each request."""
    from bentoml.grpc.v1 import service_pb2 as pb
    from google.protobuf.wrappers_pb2 import StringValue

    texts = (StringValue(value=base64.b64encode(raw).decode()) for raw in read_requests(requests))
    write_requests(out, (pb.Request(api_name="rank", text=text).SerializeToString() for text in texts))


def start(bundle: str, pipeline: str, workers: str, port: str) -> None:
    """This process becomes `bentoml serve-grpc`, which imports the service above in each worker."""
    told = {"RANK_BUNDLE": bundle, "RANK_PIPELINE": pipeline, "BENTOML_DO_NOT_TRACK": "true"}
    told["BENTOML_CONFIG_OPTIONS"] = (
        f"api_server.grpc.metrics.port={int(port) + 1} api_server.logging.access.enabled=false"
    )
    command = [sys.executable, "-m", "bentoml", "serve-grpc", "benchmarks.peer_servers.bento:ranking"]
    options = ["--host", "127.0.0.1", "--port", port, "--api-workers", workers, "--working-dir", os.getcwd()]
    os.execve(sys.executable, [*command, *options], {**os.environ, **told})


if __name__ == "__main__":
    if sys.argv[1] == "--wrap":
        wrap(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        start(*sys.argv[1:])
