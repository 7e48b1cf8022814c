"""Ray Serve's gRPC proxy, with the contract's own service and a replica for each worker."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import ray
from ray import serve
from ray.serve.config import gRPCOptions

from endcap.v1 import ranking_pb2 as pb


@serve.deployment
class Ranking:
    def __init__(self, bundle: str, pipeline: str) -> None:
        from benchmarks.ranker_service import ranker_of

        self.rank = ranker_of(Path(bundle), pipeline)

    def Rank(self, request: pb.RankRequest) -> pb.RankResponse:
        return pb.RankResponse.FromString(self.rank(request.SerializeToString()))


if __name__ == "__main__":
    bundle, pipeline, workers, port = sys.argv[1:]
    ray.init(num_cpus=int(workers) + 1, include_dashboard=False, log_to_driver=False)
    functions = ["endcap.v1.ranking_pb2_grpc.add_RankingServiceServicer_to_server"]
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(port) + 1},
        grpc_options=gRPCOptions(port=int(port), grpc_servicer_functions=functions),
    )
    options = {"num_replicas": int(workers), "max_ongoing_requests": 64, "ray_actor_options": {"num_cpus": 0.5}}
    serve.run(Ranking.options(**options).bind(bundle, pipeline), name="rank")
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
