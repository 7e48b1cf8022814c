"""Calling a server from a command: errors as one line and an exit code, and titles of what reasons point at."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Unpack

from endcap.cli._errors import refuse
from endcap.client import (
    Client,
    DeadlineExceeded,
    Denied,
    EndcapError,
    InvalidRequest,
    NotFound,
    NotServed,
    Overloaded,
    RankArgs,
    Tls,
    Unavailable,
)
from endcap.v1.ranking_pb2 import RankResponse

EXIT_CODES: dict[type[EndcapError], int] = {
    InvalidRequest: 2,
    NotFound: 3,
    Denied: 4,
    NotServed: 5,
    Overloaded: 6,
    Unavailable: 7,
    DeadlineExceeded: 8,
}
"""1 for every other failure of the server."""


class Timed(NamedTuple):
    slate: RankResponse
    round_trip_ms: float


@contextmanager
def calling(address: str, tls: Tls | None = None) -> Iterator[Client]:
    """A client of ``address``; what a call raises ends the command with one line."""
    with Client(address, timeout_s=5.0, tls=tls) as client:
        try:
            yield client
        except Unavailable as error:
            # The server's own words carry a reason; grpc's, about addresses and sockets, say no more than this.
            nothing = error.hint or "nothing answers; `endcap serve --bundle DIR` starts a server"
            said = _one_line(error) if error.reason else nothing
            refuse(f"{address}: {said}", EXIT_CODES[Unavailable])
        except EndcapError as error:
            refuse(_one_line(error), EXIT_CODES.get(type(error), 1))


def timed(client: Client, **args: Unpack[RankArgs]) -> Timed:
    start = time.perf_counter()
    slate = client.rank(**args)
    return Timed(slate, (time.perf_counter() - start) * 1000)


def titles(client: Client, slates: Iterable[RankResponse]) -> dict[str, str]:
    """Titles by id: of the slates' items, and of the items that their reasons point at.

    The latter come from the server too, as a list to rank; one that a filter drops there stays without a title.
    """
    slates = list(slates)
    known = {item.item_id: item.title for slate in slates for item in slate.items}
    wanted = {reason.item_id for slate in slates for item in slate.items for reason in item.reasons if reason.item_id}
    if missing := sorted(wanted - known.keys())[:200]:
        try:
            found = client.rank(candidate_item_ids=missing, page_size=len(missing), scorer="shuffle")
            known |= {item.item_id: item.title for item in found.items}
        except EndcapError:
            pass  # a nicety: the id stands in
    return known


def _one_line(error: EndcapError) -> str:
    fields = [f"{name}: {text}" for name, text in error.fields.items() if text not in error.message]
    return " ".join("; ".join([error.message, *fields]).split())
