from __future__ import annotations

import re
import struct
import urllib.request
from pathlib import Path
from threading import Timer

import pytest

from endcap.server import exposition
from endcap.server.exposition import _Files
from endcap.v1.ranking_pb2 import RankRequest
from endcap.v1.ranking_pb2_grpc import RankingServiceStub

from ..support.live import PATIENCE_SECONDS, Live, wait_for

README = Path(__file__).parents[2] / "README.md"


def test_a_file_that_a_worker_is_just_making_is_read_a_moment_later(tmp_path: Path) -> None:
    made = tmp_path / "counter_0.db"
    made.touch()
    Timer(0.1, made.write_bytes, [struct.pack("i", 8) + bytes(4096)]).start()
    assert _Files(tmp_path).collect() == []


def test_a_file_that_stays_broken_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "PAUSE_SECONDS", 0.0)
    (tmp_path / "counter_0.db").touch()
    with pytest.raises(struct.error):
        _Files(tmp_path).collect()


def test_the_readme_lists_every_metric_and_no_other(live: Live, ranking: RankingServiceStub) -> None:
    """But the certificate's end, which only a server with TLS tells, and Prometheus' own times of creation."""

    def page() -> set[str]:
        with urllib.request.urlopen(live.metrics_url, timeout=PATIENCE_SECONDS) as answer:
            return set(re.findall(r"^# HELP (endcap_\w+)", answer.read().decode(), re.MULTILINE))

    ranking.Rank(RankRequest(user_id="u1"))
    wait_for(lambda: "endcap_recalled_candidates" in page(), "the request to be counted")
    section = README.read_text(encoding="utf-8").partition("## Metrics")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`(endcap_\w+)`", section)) - {"endcap_certificate_expiry_timestamp_seconds"}
    assert listed == {name for name in page() if not name.endswith("_created")}
