"""Whether the program runs, whether it can serve calls, and what it measures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request

from adapters.http import problems
from adapters.http.asking import Answer
from adapters.http.problems import RETRY_AFTER, asked_wrongly
from adapters.http.resources import Endpoint, Pool
from application.ports import LedgerUnavailable

_log = structlog.get_logger(__name__)


async def live(_: Request) -> Answer:
    """Says no more than that the loop runs: a ledger that is away is no reason to restart."""
    return Answer({"status": "live"})


class Readiness:
    """Asks the ledger, with a deadline.

    All who ask at a time share one look, so a ledger that hangs costs one thread however often a
    load balancer asks.
    """

    def __init__(self, ready: Callable[[], None], seconds: float) -> None:
        self._ready = ready
        self._seconds = seconds
        self._look: Future[None] | None = None

    async def __call__(self, _: Request) -> Answer:
        if self._look is None or self._look.done():
            self._look = self._begin()
        done, _pending = await asyncio.wait(
            {asyncio.wrap_future(self._look)}, timeout=self._seconds
        )
        if not done:
            raise _not_ready(f"the ledger did not answer within {self._seconds:g} seconds")
        failure = done.pop().exception()
        if isinstance(failure, LedgerUnavailable):
            raise _not_ready("the ledger cannot be reached")
        if failure is not None:
            raise failure
        return Answer({"status": "ready"})

    def _begin(self) -> Future[None]:
        look: Future[None] = Future()
        # Running from the start, so that no one who stops waiting can cancel it for the others.
        look.set_running_or_notify_cancel()

        def run() -> None:
            try:
                self._ready()
            except BaseException as error:
                look.set_exception(error)
            else:
                look.set_result(None)

        Thread(target=run, name="readiness", daemon=True).start()
        return look


def _not_ready(detail: str) -> problems.AskedWrongly:
    return asked_wrongly(problems.NOT_READY, detail, RETRY_AFTER)


def metrics(registry: CollectorRegistry, pool: Pool) -> Endpoint:
    async def shown(request: Request) -> Answer:
        encoder, content_type = choose_encoder(request.headers.get("accept", ""))
        # Readings may ask the ledger, so they are taken where blocking is allowed.
        body = await pool.run(lambda: encoder(registry))
        return Answer(body, content_type=content_type)

    return shown
