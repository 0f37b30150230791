"""Logs: one line an event, for people or as JSON, and never a secret."""

from __future__ import annotations

import logging
import sys

import structlog

from talktime.settings import Log


def configure(settings: Log) -> None:
    """Sends structlog and the standard library's loggers to standard error in one form."""
    level = getattr(logging, settings.level.upper())
    renderer: structlog.typing.Processor
    if settings.json:
        renderer = structlog.processors.JSONRenderer()
    else:
        # Plain tracebacks: rich ones show local variables, and so PINs and keys.
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.json:
        shared.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
