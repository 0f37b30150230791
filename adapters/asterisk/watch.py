"""Staying in touch with an Asterisk: connecting again and again, and noting its signs of life."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import structlog
from attrs import frozen

from adapters.asterisk.alive import SignsOfLife
from adapters.asterisk.ami import DEADLINE, Ami, AsteriskUnreachable, Channel, Message
from application.ports import Clock

PING_SECONDS = 1.0
LONGEST_PAUSE = 3.0
"""Seconds between two tries to connect, once several have failed."""


class Asterisk(Protocol):
    """The Asterisk on this machine, as the reconciliation needs it."""

    @property
    def run(self) -> str | None:
        """Which run of Asterisk we are in touch with; None while we are not."""
        ...

    @property
    def signs(self) -> SignsOfLife: ...

    def channels(self) -> list[Channel]:
        """All channels that are alive. Raises AsteriskUnreachable."""
        ...

    def variable(self, channel: str, name: str) -> str | None:
        """None if the channel is gone. Raises AsteriskUnreachable."""
        ...


@frozen(kw_only=True)
class AmiSettings:
    host: str = "127.0.0.1"
    port: int = 5038
    user: str = "talktime"
    secret: str
    deadline: float = DEADLINE

    def __repr__(self) -> str:
        return f"AmiSettings({self.user} at {self.host}:{self.port})"


class AsteriskWatch:
    """Implements Asterisk in a thread of its own, from ``start`` to ``stop``.

    ``on_record`` is called when the dial plan tells of a record it has written, ``on_change`` when
    Asterisk was found or lost. Both must return at once.
    """

    def __init__(
        self,
        settings: AmiSettings,
        signs: SignsOfLife,
        clock: Clock,
        *,
        on_record: Callable[[], None] = lambda: None,
        on_change: Callable[[], None] = lambda: None,
        ping_seconds: float = PING_SECONDS,
    ) -> None:
        self._settings = settings
        self._signs = signs
        self._clock = clock
        self._on_record = on_record
        self._on_change = on_change
        self._ping_seconds = ping_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="asterisk-watch", daemon=True)
        self._connection: Ami | None = None
        self._run: str | None = None
        self._log = structlog.get_logger("talktime.asterisk")
        self.connected_total = 0

    @property
    def run(self) -> str | None:
        return self._run

    @property
    def signs(self) -> SignsOfLife:
        return self._signs

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(3 * self._settings.deadline)

    def channels(self) -> list[Channel]:
        return self._connected().channels()

    def variable(self, channel: str, name: str) -> str | None:
        return self._connected().variable(channel, name)

    def _connected(self) -> Ami:
        connection = self._connection
        if connection is None or self._run is None:
            raise AsteriskUnreachable("there is no connection to Asterisk")
        return connection

    def _watch(self) -> None:
        pause = 0.1
        while not self._stop.is_set():
            try:
                connection = self._connect()
            except AsteriskUnreachable as error:
                self._log.debug("asterisk_not_found", error=str(error))
                self._stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = 0.1
            try:
                self._stay(connection)
            finally:
                self._lose(connection)

    def _connect(self) -> Ami:
        settings = self._settings
        connection = Ami(
            (settings.host, settings.port),
            settings.user,
            settings.secret,
            on_event=self._heard,
            deadline=settings.deadline,
        )
        try:
            started = connection.started()
        except AsteriskUnreachable:
            connection.close()
            raise
        now = self._now_ms()
        is_new = self._signs.begin(started, _milliseconds(started, now), now)
        self._save()
        self._connection, self._run = connection, started
        self.connected_total += 1
        self._log.info("asterisk_found", started=started, is_new=is_new)
        self._on_change()
        return connection

    def _stay(self, connection: Ami) -> None:
        while not self._stop.is_set():
            if connection.closed.wait(self._ping_seconds):
                return
            try:
                connection.ping()
            except AsteriskUnreachable as error:
                self._log.warning("asterisk_lost", error=str(error))
                return
            self._signs.see(self._now_ms())
            self._save()

    def _lose(self, connection: Ami) -> None:
        if connection.closed_by_asterisk:
            # A killed process is cut off by its kernel at that very moment: it lived until now.
            self._signs.see(self._now_ms())
        self._connection, self._run = None, None
        self._save()
        connection.close()
        self._on_change()

    def _heard(self, event: Message) -> None:
        self._signs.see(self._now_ms())
        if event.get("UserEvent") in ("TalktimeLeg", "TalktimeCall"):
            self._on_record()

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _save(self) -> None:
        try:
            self._signs.save()
        except OSError as error:
            self._log.error("signs_of_life_not_saved", error=str(error))


def _milliseconds(started: str, now_ms: int) -> int:
    """When Asterisk was started, from its local time without a zone: it runs on this machine."""
    with contextlib.suppress(ValueError, OverflowError):
        local = datetime.strptime(started, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - local on purpose
        return int(time.mktime(local.timetuple())) * 1000
    return now_ms
