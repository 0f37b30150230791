"""What is done again and again beside the answers: a thread each, whatever goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from application.ports import ConcurrencyConflict, LedgerUnavailable

_log = structlog.get_logger("talktime.serve")


class Repeated:
    """A thread that does something again and again until it is stopped, whatever goes wrong."""

    def __init__(self, name: str, work: Callable[[], object], pause: Callable[[], object]) -> None:
        self._work = work
        self._pause = pause
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """No further turn is begun."""
        self._stop.set()

    def stop(self, wake: Callable[[], None]) -> None:
        self.end()
        wake()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._work()
                self._failing = False
            except Exception as fault:
                # Told once, not at every try while a database is away.
                if not self._failing:
                    known = isinstance(fault, LedgerUnavailable | ConcurrencyConflict)
                    _log.error(
                        "work_failed",
                        work=self._thread.name,
                        fault=str(fault),
                        exc_info=None if known else fault,
                    )
                self._failing = True
                self._stop.wait(1.0)
            self._pause()
