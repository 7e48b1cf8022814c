"""The two ends of a batch, for both clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from endcap.client.errors import EndcapError, from_call_error
from endcap.client.requests import RankArgs, rank_request
from endcap.v1.ranking_pb2 import BatchRankRequest, BatchRankResponse, RankResponse


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """The answer to one request of a batch."""

    index: int
    """The request's place in the batch, from 0."""
    request_id: str
    """The request's id."""
    response: RankResponse | None
    """The slate; None when there is an error."""
    error: EndcapError | None
    """Why there is no slate; None when there is one."""

    def result(self) -> RankResponse:
        """Return the slate, or raise the error."""
        if self.response is None:
            assert self.error is not None
            raise self.error
        return self.response


def batch_answer(message: BatchRankResponse) -> BatchAnswer:
    """Translate one message of the stream."""
    failed = message.WhichOneof("outcome") == "error"
    return BatchAnswer(
        index=message.index,
        request_id=message.request_id,
        response=None if failed else message.response,
        error=from_call_error(message.error) if failed else None,
    )


class BatchRequests:
    """The messages of a batch, built one by one as grpc takes them.

    grpc iterates in a thread of its own, where an exception would be logged and lost. Here it ends the stream, and the
    client raises it after the answers to what was sent before.
    """

    def __init__(self, requests: Iterable[RankArgs]) -> None:
        self._messages = (BatchRankRequest(request=rank_request(**args)) for args in requests)
        self._failure: Exception | None = None

    def __iter__(self) -> Iterator[BatchRankRequest]:
        return self

    def __next__(self) -> BatchRankRequest:
        try:
            return next(self._messages)
        except StopIteration:
            raise
        except Exception as error:
            self._failure = error
            raise StopIteration from error

    def raise_failure(self) -> None:
        """Raise what building a request raised, if anything."""
        if self._failure is not None:
            raise self._failure
