"""LitServe, over HTTP: POST /rank with the bytes of a RankRequest."""
# No postponed annotations: LitServe takes the request's type from the signature, as it stands there.

import sys
from pathlib import Path
from typing import Annotated

import litserve
from fastapi import Body, Response

from benchmarks.ranker_service import ranker_of


class Ranking(litserve.LitAPI):
    def __init__(self, bundle: str, pipeline: str) -> None:
        super().__init__(api_path="/rank")
        self.bundle, self.pipeline = bundle, pipeline

    def setup(self, device: str) -> None:
        self.rank = ranker_of(Path(self.bundle), self.pipeline)

    def decode_request(self, request: Annotated[bytes, Body(media_type="application/octet-stream")]) -> bytes:
        return request

    def predict(self, raw: bytes) -> bytes:
        return self.rank(raw)

    def encode_response(self, answer: bytes) -> Response:
        return Response(answer, media_type="application/x-protobuf")


if __name__ == "__main__":
    bundle, pipeline, workers, port = sys.argv[1:]
    server = litserve.LitServer(Ranking(bundle, pipeline), accelerator="cpu", workers_per_device=int(workers))
    server.run(host="127.0.0.1", port=int(port), num_api_servers=1, generate_client_file=False, log_level="warning")
