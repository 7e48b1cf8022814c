"""Playing the scenes: each is asked of the server, and what comes back is printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.text import Text

from endcap.cli._calls import timed, titles
from endcap.cli._demo.preparation import Prepared
from endcap.cli._demo.scenes import Scene
from endcap.cli._demo.server import Served
from endcap.cli._slate import print_slate, server_ms
from endcap.client import Client, RankArgs
from endcap.v1.ranking_pb2 import RankResponse


class Played(NamedTuple):
    scene: Scene
    slate: RankResponse
    """With features, which the wording of reasons draws on."""
    round_trip_ms: float
    """Of the same request without features, as a shop would send it."""


def play(client: Client, scenes: Iterable[Scene]) -> Iterator[Played]:
    client.serving_state()  # the first call of a connection pays for connecting
    for scene in scenes:
        slate, milliseconds = timed(client, **scene.args)
        again: RankArgs = {**scene.args, "explain": True, "request_id": slate.request_id}
        explained = client.rank(**again)
        del explained.timings[:]
        explained.timings.extend(slate.timings)
        yield Played(scene, explained, milliseconds)


def print_played(console: Console, client: Client, number: int, played: Played) -> None:
    scene = played.scene
    console.print()
    console.rule(Text(f"{number}. {scene.title}", style="bold"), align="left")
    if scene.about:
        console.print(Text(scene.about))
    given = list(scene.args.get("candidate_item_ids", []))
    print_slate(console, played.slate, titles(client, [played.slate]), played.round_trip_ms, given)
    console.print(Text(f"$ {scene.command}", style="dim"), soft_wrap=True)


def print_json(prepared: Prepared, served: Served, played: Sequence[Played], seconds: float) -> None:
    """One JSON object on one line."""
    summary = {
        "bundle": str(prepared.bundle),
        "trained": prepared.trained,
        **prepared.record,
        "first_rankings_seconds": round(seconds, 1),
        "address": served.address,
        "metrics_url": served.metrics_url,
        "scenes": [_as_dict(each) for each in played],
    }
    print(json.dumps(summary), flush=True)


def _as_dict(played: Played) -> dict[str, Any]:
    response = RankResponse.FromString(played.slate.SerializeToString())
    for item in response.items:
        del item.features[:]
    return {
        "title": played.scene.title,
        "about": played.scene.about,
        "command": played.scene.command,
        "server_ms": round(server_ms(response), 3),
        "round_trip_ms": round(played.round_trip_ms, 3),
        "response": MessageToDict(response, preserving_proto_field_name=True),
    }


def print_how_to(console: Console, served: Served, user_id: str, seconds: float) -> None:
    address = "" if served.address.endswith(":50051") else f" --address {served.address}"
    console.print()
    console.rule(Text("Now you", style="bold"), align="left")
    lines = f"""\
The first rankings were there after {seconds:.0f} s. From another terminal, in the same environment:
  endcap rank --user {user_id}{address}
  endcap rank --query "dog food" --filter "price < 10"{address}
  endcap strategies{address}
From Python:
  from endcap.client import Client
  with Client("{served.address}") as client:
      slate = client.rank(user_id="{user_id}", page_size=5)
      for item in slate.items:
          print(item.item_id, item.title, item.score)
Metrics for Prometheus: {served.metrics_url}
"""
    console.print(Text(lines))
