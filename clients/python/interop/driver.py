#!/usr/bin/env python3
"""The Python client's driver in tests/interop: requests and answers are lines of JSON on stdin and stdout.

It decides nothing: each request is one call of endcap.client, each answer what came of it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from endcap.client import BatchAnswer, Client, EndcapError, RankArgs, Tls
from endcap.v1.common_pb2 import CallError, FieldViolation
from endcap.v1.ranking_pb2 import BatchRankRequest, BatchRankResponse, RankRequest


@dataclass
class Driver:
    clients: dict[str, Client] = field(default_factory=dict)
    """By channel, so that a later request finds an open connection."""

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        call = METHODS[asked["method"]]
        began = time.perf_counter()
        try:
            client = self._client(asked["channel"])
            responses = list(call(client, asked["requests"], asked["timeout_ms"] / 1000))
            failure = NO_FAILURE | {"code": "OK"}
        except EndcapError as error:
            responses, failure = [], told(error)
        elapsed_ms = (time.perf_counter() - began) * 1000
        shown = [MessageToDict(response) for response in responses]
        return {"id": asked["id"], **failure, "responses": shown, "elapsed_ms": elapsed_ms}

    def _client(self, channel: dict[str, Any]) -> Client:
        name = json.dumps(channel, sort_keys=True)
        if name not in self.clients:
            tls = channel["tls"] and Tls(
                channel["tls"]["ca"],
                channel["tls"].get("cert"),
                channel["tls"].get("key"),
                channel["tls"].get("server_name", ""),
            )
            self.clients[name] = Client(channel["target"], tls=tls)
        return self.clients[name]


Call = Callable[[Client, list[dict[str, Any]], float], Iterable[Message]]


def rank(client: Client, requests: list[dict[str, Any]], timeout_s: float) -> Iterable[Message]:
    return [client.rank(timeout_s=timeout_s, **arguments(ParseDict(each, RankRequest()))) for each in requests]


def batch_rank(client: Client, requests: list[dict[str, Any]], timeout_s: float) -> Iterable[Message]:
    asked = [arguments(ParseDict(each, BatchRankRequest()).request) for each in requests]
    return [batch_response(answer) for answer in client.batch_rank(asked, timeout_s=timeout_s)]


METHODS: dict[str, Call] = {
    "Rank": rank,
    "BatchRank": batch_rank,
    "ListStrategies": lambda client, _, timeout_s: [client.list_strategies(timeout_s=timeout_s)],
    "GetServingState": lambda client, _, timeout_s: [client.serving_state(timeout_s=timeout_s)],
}


def arguments(request: RankRequest) -> RankArgs:
    """The request as arguments of `Client.rank`."""
    args: dict[str, Any] = {each.name: value for each, value in request.ListFields()}
    context, override = args.pop("context", None), args.pop("override", None)
    if context is not None:
        args |= {"page": context.page, "locale": context.locale}
    if override is not None:
        args |= {"recall": {each.source: each.limit for each in override.recall}, "scorer": override.scorer}
        if override.HasField("diversity"):
            args["diversity"] = override.diversity
    if "boosts" in args:
        args["boosts"] = {boost.filter: boost.weight for boost in request.boosts}
    return args  # type: ignore[return-value]  # the message has no other fields


def batch_response(answer: BatchAnswer) -> BatchRankResponse:
    """The answer as the message that it came in."""
    message = BatchRankResponse(index=answer.index, request_id=answer.request_id, response=answer.response)
    if answer.error:
        message.error.CopyFrom(call_error(answer.error))
    return message


def call_error(error: EndcapError) -> CallError:
    delay = None
    if error.retry_delay is not None:
        delay = Duration()
        delay.FromTimedelta(error.retry_delay)
    return CallError(
        code=error.code.value[0],
        message=error.message,
        reason=error.reason,
        violations=[FieldViolation(field=name, description=text) for name, text in error.fields.items()],
        retry_delay=delay,
    )


NO_FAILURE: dict[str, Any] = {
    "message": "",
    "reason": "",
    "domain": "",
    "metadata": {},
    "fields": {},
    "retry_ms": None,
}


def told(error: EndcapError) -> dict[str, Any]:
    return {
        "code": error.code.name,
        "message": error.message,
        "reason": error.reason,
        "domain": error.domain,
        "metadata": dict(error.metadata),
        "fields": dict(error.fields),
        "retry_ms": error.retry_delay and error.retry_delay.total_seconds() * 1000,
    }


def main() -> None:
    driver = Driver()
    for line in sys.stdin:
        print(json.dumps(driver.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
