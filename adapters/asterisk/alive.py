"""The signs of life of an Asterisk, kept on disk: when it started, when it was last seen alive.

After a crash, or a power failure of the whole machine, a leg of which no end was written is closed
at the last sign of life of the Asterisk that it was up in.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

import structlog
from attrs import evolve, frozen

from adapters.asterisk.spool import replace_durably

MOST_INSTANCES = 20
"""Starts of Asterisk that are remembered."""

_TOLERANCE_MS = 2_000
_MOST_BYTES = 64 * 1024


@frozen
class Instance:
    """One run of Asterisk. ``started`` is how it names its start; times are ms since 1970."""

    started: str
    started_ms: int
    alive_ms: int


class SignsOfLife:
    """Thread-safe. The times are those of the clock that Asterisk itself uses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._instances = _load(path)
        self._stored: tuple[Instance, ...] = self._instances

    @property
    def instances(self) -> tuple[Instance, ...]:
        return self._instances

    def begin(self, started: str, started_ms: int, now_ms: int) -> bool:
        """Asterisk answers, and names its start; whether that is another than before."""
        with self._lock:
            before = self._instances[-1] if self._instances else None
            if before is not None and before.started == started:
                self._see(now_ms)
                return False
            # The start has no time zone and no fraction. What cannot be true is put right: it is
            # after the last sign of life of the run before, and not in the future.
            least = before.alive_ms - _TOLERANCE_MS if before is not None else 0
            if not least <= started_ms <= now_ms + _TOLERANCE_MS:
                started_ms = now_ms
            instance = Instance(started, started_ms, now_ms)
            self._instances = (*self._instances, instance)[-MOST_INSTANCES:]
            return True

    def see(self, now_ms: int) -> None:
        """Asterisk was alive at this moment."""
        with self._lock:
            self._see(now_ms)

    def last_alive(self) -> int | None:
        """The last sign of life of the latest run."""
        instances = self._instances
        return instances[-1].alive_ms if instances else None

    def ended_after(self, moment_ms: int) -> int | None:
        """The last sign of life of the run that was alive at a moment; None if it is the latest.

        If that run was never seen, the moment itself: nothing later is known of it.
        """
        instances = self._instances
        for instance in instances[:-1]:
            if instance.alive_ms >= moment_ms:
                return instance.alive_ms if instance.started_ms <= moment_ms else moment_ms
        if instances and instances[-1].started_ms > moment_ms:
            return moment_ms
        return None

    def save(self) -> None:
        """Raises OSError, and may be tried again."""
        instances = self._instances
        if instances == self._stored:
            return
        state = [[i.started, i.started_ms, i.alive_ms] for i in instances]
        replace_durably(self._path, json.dumps({"instances": state}).encode())
        self._stored = instances

    def _see(self, now_ms: int) -> None:
        if self._instances:
            *before, last = self._instances
            # The latest sign counts even if the clock was set back: legs use the same clock.
            self._instances = (*before, evolve(last, alive_ms=now_ms))


def _load(path: Path) -> tuple[Instance, ...]:
    try:
        with path.open("rb") as file:
            rows = json.loads(file.read(_MOST_BYTES))["instances"]
        return tuple(Instance(str(s), int(b), int(a)) for s, b, a in rows)[-MOST_INSTANCES:]
    except FileNotFoundError:
        return ()
    except (ValueError, KeyError, TypeError) as error:
        structlog.get_logger("talktime.alive").error("signs_of_life_unreadable", error=str(error))
        return ()
