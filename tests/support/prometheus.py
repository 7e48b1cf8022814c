"""A real Prometheus that scrapes what a test gives it, and what a test asks it."""

from __future__ import annotations

import json
import math
import re
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .live import PATIENCE_SECONDS, wait_for

CONFIG = """\
global: {{ scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s }}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: endcap
    static_configs: [{{ targets: ["{target}"] }}]
"""


class Prometheus:
    """A context: a Prometheus, which must be installed, that reads ``target`` (host:port) every two seconds."""

    def __init__(self, folder: Path, target: str, rules: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config, self.log = folder / "prometheus.yaml", folder / "prometheus.log"
        config.write_text(CONFIG.format(rules=rules, target=target))
        self.command = [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--web.listen-address=127.0.0.1:0",
        ]

    def __enter__(self) -> Self:
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_for(self._listens, "Prometheus to listen")
            wait_for(self._ready, "Prometheus to be ready")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        found = re.search(r'msg="Listening on" address=(\S+)', self.log.read_text())
        self.address = found[1] if found else ""
        return found is not None

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=PATIENCE_SECONDS) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer of the HTTP API v1."""
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)["data"]

    def values(self, query: str) -> list[float]:
        """The finite values that a query has now, of every series."""
        found = [float(series["value"][1]) for series in self.get("query", query=query)["result"]]
        return [value for value in found if math.isfinite(value)]
