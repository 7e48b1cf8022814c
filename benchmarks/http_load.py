"""A closed loop over HTTP, for servers that speak no gRPC: what grpc_load prints, of POSTs over kept connections.

It is Python on one event loop with plain sockets, so it costs more than the compiled generator, which is told apart.
`python -m benchmarks.http_load --address A --path /rank --requests rank.bin --concurrency 16 --seconds 8`
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import struct
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path


def read_requests(path: Path) -> list[bytes]:
    raw, found, at = path.read_bytes(), [], 0
    while at < len(raw):
        (size,) = struct.unpack_from("<I", raw, at)
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return found


async def main() -> None:
    options = _options()
    host, port = options.address.split(":")
    messages = itertools.cycle(read_requests(options.requests))
    heads = (
        f"POST {options.path} HTTP/1.1\r\nHost: {options.address}\r\nContent-Type: {options.type}\r\nContent-Length: "
    )
    end = time.perf_counter() + options.seconds
    latencies: list[float] = []
    codes: Counter[str] = Counter()

    async def ask(messages: Iterator[bytes]) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while (start := time.perf_counter()) < end:
            message = next(messages)
            writer.write(f"{heads}{len(message)}\r\n\r\n".encode() + message)
            code = await answer(reader)
            if (now := time.perf_counter()) < end:
                codes["0" if code == "200" else code] += 1
                if code == "200":
                    latencies.append((now - start) * 1000)
        writer.close()

    await asyncio.gather(*(ask(messages) for _ in range(options.concurrency)))
    latencies.sort()
    quantile = {
        q: latencies[min(int(q * len(latencies)), len(latencies) - 1)] if latencies else 0.0 for q in (0.5, 0.99)
    }
    found = {"offered_per_s": 0.0, "unfinished": 0, "ok_per_s": round(len(latencies) / options.seconds, 1)}
    print(json.dumps({**found, "p50_ms": quantile[0.5], "p99_ms": quantile[0.99], "codes": dict(codes)}))


async def answer(reader: asyncio.StreamReader) -> str:
    """The status of one answer, read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    await reader.readexactly(int(fields["content-length"]))
    return head[0].split()[1]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--path", default="/rank")
    parser.add_argument("--type", default="application/octet-stream", help="of what is posted")
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=8.0)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
