"""A pipeline behind nothing but grpc.aio: what Endcap's server, and other servers, are compared with.

`python -m benchmarks.bare_server --bundle B --pipeline ours|plain` prints its address and serves until SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from benchmarks.load import RANK
from benchmarks.ranker_service import ranker_of


def main() -> None:
    options = _options()
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", options.port))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        context = multiprocessing.get_context("spawn")
        ready = context.Semaphore(0)
        arguments = (options.bundle, options.pipeline, address, ready)
        workers = [context.Process(target=work, args=arguments, daemon=True) for _ in range(options.workers)]
        for worker in workers:
            worker.start()
        for _ in workers:
            ready.acquire()
    signal.signal(signal.SIGTERM, lambda *_: [worker.terminate() for worker in workers])
    print(f"serving {options.pipeline} on {address}, metrics on -, {options.workers} workers", flush=True)
    for worker in workers:
        worker.join()


def work(bundle: Path, pipeline: str, address: str, ready) -> None:
    rank = ranker_of(bundle, pipeline)
    gc.collect()
    gc.freeze()
    asyncio.run(_serve(rank, address, ready))


async def _serve(rank: Callable[[bytes], bytes], address: str, ready) -> None:
    pool, loop = ThreadPoolExecutor(1), asyncio.get_running_loop()

    async def answer(raw: bytes, context: grpc.aio.ServicerContext) -> bytes:
        return await loop.run_in_executor(pool, rank, raw)

    server = grpc.aio.server(options=[("grpc.so_reuseport", 1)])
    _, service, method = RANK.split("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_insecure_port(address)
    await server.start()
    ready.release()
    await server.wait_for_termination()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--pipeline", choices=("ours", "plain"), required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
