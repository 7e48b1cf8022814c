"""A request on its way from bytes to a query: read once, when it is begun or before by a thread that looks ahead."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from threading import Lock
from typing import NamedTuple

from endcap.server.codec.request import Ask, read
from endcap.server.errors import fields_below
from endcap.server.serving import Serving
from endcap.v1 import ranking_pb2 as pb


class Understood(NamedTuple):
    request: pb.RankRequest
    """What ``read`` has left of it."""
    ask: Ask
    seconds: float
    """What it took to parse and to read it."""


class Asked:
    """Safe to share between threads: one of them reads it, and nobody looks ahead into what is begun."""

    def __init__(self, parse: Callable[[], pb.RankRequest], serving: Serving, field: str = "") -> None:
        """``parse`` gives the request, or raises CallFailed; ``field`` is where it stands in a message."""
        self.request_id = ""
        """As the caller gave it, once it is parsed."""
        self._parse, self._serving, self._field = parse, serving, field
        self._found: Understood | Exception | None = None
        self._begun = False
        self._lock = Lock()

    def begin(self) -> Understood:
        """Raises what parsing or reading it did, CallFailed mostly."""
        with self._lock:
            self._begun = True
            found = self._read()
        if isinstance(found, Exception):
            raise found
        return found

    def words_ahead(self) -> Sequence[str]:
        """The texts that it will have encoded; none where it is begun, fails, or isn't to be ranked."""
        with self._lock:
            if self._begun or isinstance(found := self._read(), Exception) or found.ask.validate_only:
                return ()
            with suppress(Exception):  # it fails once more in its own turn, and is told of there
                return found.ask.strategy.words_to_encode(found.ask.query)
        return ()

    def _read(self) -> Understood | Exception:
        if self._found is None:
            try:
                self._found = self._understood()
            except Exception as error:
                self._found = error
        return self._found

    def _understood(self) -> Understood:
        start = time.perf_counter()
        request = self._parse()
        self.request_id = request.request_id
        with fields_below(self._field) if self._field else nullcontext():
            ask = read(request, self._serving)
        return Understood(request, ask, time.perf_counter() - start)
