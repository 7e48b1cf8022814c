"""gRPC alone: one worker of grpc.aio that answers every Rank by the same bytes, on the event loop that ours has.

`python -m benchmarks.echo_server --answer FILE` prints its address and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
from pathlib import Path

import grpc
import uvloop

from benchmarks.load import RANK


async def serve(answer: bytes) -> None:
    async def echo(raw: bytes, context: grpc.aio.ServicerContext) -> bytes:
        return answer

    server = grpc.aio.server()
    _, service, method = RANK.split("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    gc.collect()
    gc.freeze()
    print(f"serving an-echo on 127.0.0.1:{port}, metrics on -, 1 worker", flush=True)
    await server.wait_for_termination()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answer", type=Path, required=True)
    answer = parser.parse_args().answer.read_bytes()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(answer))


if __name__ == "__main__":
    main()
