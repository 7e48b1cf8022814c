"""LitServe, over HTTP: POST /rank with the bytes of a RankRequest."""

from __future__ import annotations

import sys
from pathlib import Path

import litserve
from fastapi import Request, Response

from benchmarks.ranker_service import ranker_of


class Ranking(litserve.LitAPI):
    def __init__(self, bundle: str, pipeline: str) -> None:
        super().__init__(api_path="/rank")
        self.bundle, self.pipeline = bundle, pipeline

    def setup(self, device: str) -> None:
        self.rank = ranker_of(Path(self.bundle), self.pipeline)

    async def decode_request(self, request: Request) -> bytes:
        return await request.body()

    def predict(self, raw: bytes) -> bytes:
        return self.rank(raw)

    def encode_response(self, answer: bytes) -> Response:
        return Response(answer, media_type="application/x-protobuf")


if __name__ == "__main__":
    bundle, pipeline, workers, port = sys.argv[1:]
    server = litserve.LitServer(Ranking(bundle, pipeline), accelerator="cpu", workers_per_device=int(workers))
    server.run(host="127.0.0.1", port=int(port), num_api_servers=1, generate_client_file=False, log_level="warning")
