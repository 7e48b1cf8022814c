"""One call, or one request of a stream, from its bytes to its answer: the choke point that everything passes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, NoReturn, Protocol
from uuid import uuid4

import grpc
import structlog

from endcap.server.admission import Admission
from endcap.server.codec.asked import Asked
from endcap.server.errors import Broken, CallFailed, OutOfTime, Overloaded, trailers
from endcap.server.metrics import UNKNOWN, Metrics
from endcap.server.shown import Shown
from endcap.strategies.pipeline import Run, Timing

QUIET_SECONDS: Final = 10.0
WRITE_SECONDS: Final = 0.25
"""So long counts wait to be written together; a worker that is killed takes those of the last so long with it."""
MOST_UNBOOKED: Final = 16
"""So many calls are counted together: their books are kept in half the time that each alone takes."""
ROUNDED_SHARE: Final = 0.01
ROUNDED_SECONDS: Final = 0.005
log = structlog.get_logger("endcap.server")


@dataclass
class Call:
    """What is noted about a call on its way. A handler fills in what it learns, for metrics and the log."""

    method: str
    deadline: float | None = None
    """On time.monotonic's clock; None where the caller waits for ever."""
    started: float = field(default_factory=time.perf_counter)
    request_id: str = ""
    strategy: str = UNKNOWN
    """As resolved; "" for a method that has none."""
    asked: Asked | None = None
    """What a call that ranks asks for, there for others to look at while it waits."""
    computing: bool = False
    timings: list[Timing] = field(default_factory=list)
    """What was timed outside the pipeline."""
    run: Run | None = None
    cache: Literal["", "hit", "miss"] = ""
    """Empty where no slate was looked for in the cache."""
    encoded_together: int = 0
    """So many queries, its own and those of requests that waited, were encoded at once."""
    shown: Shown | None = None
    """The page of an answer that has one."""

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started


class _Ended(NamedTuple):
    call: Call
    code: grpc.StatusCode
    seconds: float


class Handler(Protocol):
    def __call__(self, raw: bytes, call: Call, /) -> bytes: ...


class Desk:
    """Admits calls, sees to it that they end in an answer or a CallFailed, and counts them."""

    def __init__(self, admission: Admission, metrics: Metrics) -> None:
        self.admission = admission
        self.metrics = metrics
        self.open = 0
        """Calls of the contract that are not answered to the end; draining waits for them."""
        self.idle = asyncio.Event()
        self.idle.set()
        self._quiet_until: dict[tuple[str, str], float] = {}
        self._writing = False
        self._unbooked: list[_Ended] = []

    def unary(
        self,
        method: str,
        handle: Handler,
        *,
        compute: bool = True,
        asked: Callable[[bytes], Asked | None] = lambda raw: None,
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """``handle`` as a method from bytes to bytes; on the event loop itself where it is no ``compute``. ``asked``
        runs there in any case: it is to note the bytes, and not to read them."""

        async def answer(raw: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
            self.watch(context)
            call = Call(method, deadline_of(context), strategy=UNKNOWN if compute else "", asked=asked(raw))
            try:
                return await self.attend(call, lambda: handle(raw, call), compute=compute)
            except CallFailed as failure:
                await abort(context, failure)

        return grpc.unary_unary_rpc_method_handler(answer)

    async def attend(
        self, call: Call, task: Callable[[], bytes], *, compute: bool = True, patient: bool = False
    ) -> bytes:
        """What ``task`` returns. Raises CallFailed, whatever went wrong, or CancelledError."""
        code = grpc.StatusCode.OK
        self._write_soon()
        try:
            if not compute:
                return task()
            return await self.admission.run(_started(call, task), call.deadline, patient=patient, about=call)
        except CallFailed as failure:
            code = failure.code
            raise
        except asyncio.CancelledError:
            code = _why_cancelled(call)
            raise
        except Exception as error:
            code = grpc.StatusCode.INTERNAL
            raise _broken(call, error) from error
        finally:
            self._ended(_Ended(call, code, call.seconds))

    def _ended(self, ended: _Ended) -> None:
        """Note a call, to be counted later: nobody should wait for the books to be kept."""
        self._unbooked.append(ended)
        if len(self._unbooked) == MOST_UNBOOKED:
            asyncio.get_running_loop().call_soon(self._keep_books)
        self._write_soon()

    def _keep_books(self) -> None:
        ended, self._unbooked = self._unbooked, []
        for call, code, seconds in ended:
            self._count(call, code, seconds)
        self.metrics.showed([call.shown for call, code, _ in ended if call.shown and code is grpc.StatusCode.OK])

    def _count(self, call: Call, code: grpc.StatusCode, seconds: float) -> None:
        self.metrics.finished(call.method, call.strategy, code.name, seconds)
        self.metrics.timed(call.timings)
        if call.encoded_together > 1:
            self.metrics.encoded_together.observe(call.encoded_together)
        if call.cache:
            self.metrics.looked_up(call.strategy, call.cache)
        if call.run is not None:
            self.metrics.ran(call.run)
            self._tell_degradations(call, call.run)
        if not call.computing and code in _REJECTIONS:
            self.metrics.rejected.labels(_REJECTIONS[code]).inc()

    def _write_soon(self) -> None:
        if not self._writing:
            self._writing = True
            asyncio.get_running_loop().call_later(WRITE_SECONDS, self._write)

    def _write(self) -> None:
        self._writing = False
        self._keep_books()
        self.metrics.write()

    def close(self) -> None:
        """Write down what was counted so far, and let go of the threads."""
        self._write()
        self.admission.close()

    def _tell_degradations(self, call: Call, run: Run) -> None:
        """Every one is counted, but each component's are told only now and then: a broken one fails every time."""
        for stage, component, reason in run.degradations:
            if time.monotonic() >= self._quiet_until.get((stage, component), 0.0):
                self._quiet_until[stage, component] = time.monotonic() + QUIET_SECONDS
                log.warning("degraded", stage=stage, component=component, reason=reason, request_id=call.request_id)

    def watch(self, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        """Count the call as open until its answer is sent."""
        self.open += 1
        self.idle.clear()
        context.add_done_callback(self._closed)  # type: ignore[arg-type]  # the stubs want a class

    def _closed(self, context: object) -> None:
        self.open -= 1
        if not self.open:
            self.idle.set()


_REJECTIONS = {
    Overloaded.code: "OVERLOADED",
    OutOfTime.code: "DEADLINE_PASSED",
    grpc.StatusCode.CANCELLED: "CANCELLED",
}


def deadline_of(context: grpc.aio.ServicerContext[bytes, bytes]) -> float | None:
    remaining: float | None = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining


async def abort(context: grpc.aio.ServicerContext[bytes, bytes], failure: CallFailed) -> NoReturn:
    """End the call with the failure's status."""
    await context.abort(failure.code, failure.message, trailers(failure))


def _started(call: Call, task: Callable[[], bytes]) -> Callable[[], bytes]:
    def run() -> bytes:
        call.computing = True
        call.timings.append(Timing("queue", "", call.seconds))
        return task()

    return run


def _why_cancelled(call: Call) -> grpc.StatusCode:
    """A caller that runs out of time cancels. It may do so a little before the deadline known here, since gRPC sends a
    deadline rounded up, by up to a hundredth of the time that is left."""
    if call.deadline is None:
        return grpc.StatusCode.CANCELLED
    left = call.deadline - time.monotonic()
    late = left <= ROUNDED_SECONDS + ROUNDED_SHARE * (left + call.seconds)
    return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED


def _broken(call: Call, error: Exception) -> Broken:
    """The caller learns a reference and nothing of the inside; the log has both."""
    reference = uuid4().hex[:12]
    log.error(
        "call failed",
        reference=reference,
        method=call.method,
        request_id=call.request_id,
        strategy=call.strategy,
        exc_info=error,
    )
    return Broken(reference)
