"""Logs of the server: to stderr, a line an event; JSON where a machine reads them."""

from __future__ import annotations

import sys

import structlog


def configure(json_logs: bool, **context: object) -> None:
    """Every line carries ``context``, such as the worker's number."""
    plain = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    for_machines: list[structlog.types.Processor] = [
        # Without local variables: a request's belong to the caller.
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _adds(context),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            *(for_machines if json_logs else [plain]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _adds(context: dict[str, object]) -> structlog.types.Processor:
    def add(logger: object, method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        return {**context, **event}

    return add
