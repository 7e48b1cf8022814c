"""What `endcap serve` was asked for, as it travels from the supervisor to its workers."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from endcap.server.ports import joined
from endcap.server.tls import TlsFiles
from endcap.strategies.text.device import Device


class ServeOptions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: Path
    """A bundle's folder, or a folder of bundles, of which the newest is served."""
    host: str = "127.0.0.1"
    """Loopback unless asked: mTLS is the only access control of the service."""
    port: int = Field(50051, ge=0, le=65535)
    """0: any free one."""
    metrics_port: int = Field(9464, ge=0, le=65535)
    workers: int = Field(1, ge=1, le=256)
    threads: int = Field(1, ge=1, le=64)
    """Compute threads of each worker. More workers scale better: threads share one interpreter lock."""
    max_in_flight: int = Field(0, ge=0)
    """Requests that each worker computes or queues; 0: two a thread, and 32 more. Others wait a tenth of a second for a
    place, and are refused then."""
    strategies: Path | None = None
    """A TOML file of the shop's own strategies."""
    grace_seconds: float = Field(30.0, ge=0)
    """How long requests in flight may take after SIGTERM."""
    connection_age_seconds: float = Field(300.0, ge=0, le=1_000_000)
    """A connection about this old takes no more calls: its client connects anew, as a rule to another worker, so that
    one that was restarted gets its share again. 0: never."""
    connection_grace_seconds: float = Field(default=600.0, ge=0, le=1_000_000)
    """How long calls that such a connection still has may take, long batches among them."""
    slate_cache_mib: int = Field(64, ge=0)
    """Memory of each worker for slates of strategies that say ``cache``; 0: none is kept."""
    cache_folder: Path | None = None
    """Where query vectors outlive the workers, which share them; None: each worker remembers its own."""
    device: Device = "auto"
    """``auto``: texts are computed on a GPU where one can be used."""
    json_logs: bool = False
    tls: TlsFiles | None = None
    """None: the port speaks plain HTTP/2."""
    health_port: int | None = Field(None, ge=0, le=65535)
    """A port of health checks alone, without TLS: Kubernetes' gRPC probes cannot speak it."""

    @property
    def in_flight_limit(self) -> int:
        return self.max_in_flight or 2 * self.threads + 32

    @property
    def address(self) -> str:
        return joined(self.host, self.port)

    @property
    def health_address(self) -> str | None:
        return None if self.health_port is None else joined(self.host, self.health_port)
