"""The typed Python client of Endcap.

with Client("localhost:50051") as client:
    for item in client.rank(user_id="1234", page_size=5).items:
        print(item.title, item.score)
"""

from endcap.client.batch import BatchAnswer
from endcap.client.client import AsyncClient, Client
from endcap.client.errors import (
    DeadlineExceeded,
    Denied,
    EndcapError,
    InvalidRequest,
    NotFound,
    NotServed,
    Overloaded,
    ServerError,
    TemporaryError,
    Unavailable,
)
from endcap.client.requests import RankArgs, event
from endcap.client.tls import Tls

__all__ = [
    "AsyncClient",
    "BatchAnswer",
    "Client",
    "DeadlineExceeded",
    "Denied",
    "EndcapError",
    "InvalidRequest",
    "NotFound",
    "NotServed",
    "Overloaded",
    "RankArgs",
    "ServerError",
    "TemporaryError",
    "Tls",
    "Unavailable",
    "event",
]
