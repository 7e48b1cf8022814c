"""Ask the server beside this process for its health, as `docker ps` shows it: exit code 0 while it serves.

The address is the first argument, ENDCAP_HEALTH_ADDRESS, or localhost:50051; plain text, without TLS.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

TIMEOUT_SECONDS: Final = 3.0


def main(arguments: list[str]) -> int:
    address = arguments[0] if arguments else os.environ.get("ENDCAP_HEALTH_ADDRESS", "localhost:50051")
    with grpc.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            print(f"{address}: no answer from its health service: {error.code().name}")
            return 1
    state = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
    print(f"{address}: {state}")
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
