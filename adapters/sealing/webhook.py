"""Checkpoints sent to somebody else, who can then say what the log was at that time."""

from __future__ import annotations

import threading

import httpx
import structlog
from tenacity import (
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_attempt,
    stop_any,
    stop_when_event_set,
    wait_exponential_jitter,
)
from tenacity.wait import wait_base

DEADLINE = 10.0
TRIES = 6
LONGEST_PAUSE = 30.0

_log = structlog.get_logger(__name__)


class CheckpointWebhook:
    """POSTs the newest checkpoint, as it is signed, to a URL.

    It is sent by a thread of its own, so that no slow receiver keeps the log from being sealed. A
    newer checkpoint stands for all before it, so only the newest one waits to be sent; one that
    cannot be delivered is told in the log, and the next one is tried.
    """

    def __init__(
        self,
        url: str,
        *,
        tries: int = TRIES,
        wait: wait_base | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        self._client = httpx.Client(
            timeout=DEADLINE,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            trust_env=False,
            transport=transport,
        )
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._waiting: str | None = None
        self._retrying = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_any(stop_after_attempt(tries), stop_when_event_set(self._stopped)),
            wait=wait or wait_exponential_jitter(initial=0.5, max=LONGEST_PAUSE),
            sleep=sleep_using_event(self._stopped),
            reraise=True,
        )
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def tell(self, note: str) -> None:
        """Sends this checkpoint soon, unless a newer one comes first."""
        with self._changed:
            self._waiting = note
            self._changed.notify()

    def stop(self) -> None:
        self._stopped.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(2 * DEADLINE)
        self._client.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopped.is_set())
                if self._stopped.is_set():
                    return
                note, self._waiting = self._waiting, None
            assert note is not None
            try:
                self._retrying(self._send, note)
            except httpx.HTTPError as error:
                _log.warning("checkpoint_not_delivered", url=self._url, fault=str(error))

    def _send(self, note: str) -> None:
        self._client.post(self._url, content=note.encode()).raise_for_status()


def _may_pass(error: BaseException) -> bool:
    """Whether another try may do better: not if the receiver says that it is our mistake."""
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        return status in (408, 425, 429) or status >= 500
    return isinstance(error, httpx.TransportError)
