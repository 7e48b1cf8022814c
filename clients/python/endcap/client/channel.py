"""How both clients reach the server: load balancing, retries and keepalive."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from endcap.client.tls import Tls

Option = tuple[str, str | int]

KEEPALIVE_MS = 30_000
"""How often to ask a quiet connection with calls on it whether it still stands. Servers must allow it."""

RECONNECT_MS = 100
"""How long to wait after a connection failed at first. grpc's second would outlast all retries of a call: a server that
dies may still take the next connection with it, while another one beside it listens."""


def service_config() -> str:
    """Return the retry and load-balancing policy as JSON, which clients in other languages share."""
    return files("endcap.client").joinpath("service_config.json").read_text(encoding="utf-8")


def channel_options(more: Sequence[Option] = (), tls: Tls | None = None) -> list[Option]:
    """Return the channel's options; those in `more` come last and so win."""
    named: list[Option] = [("grpc.ssl_target_name_override", tls.server_name)] if tls and tls.server_name else []
    return [
        ("grpc.service_config", service_config()),
        ("grpc.enable_retries", 1),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS),
        *named,
        *more,
    ]
