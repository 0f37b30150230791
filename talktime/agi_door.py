"""The door for calls: FastAGI, alone in its process or beside the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.agi.server import FastAgiServer
from talktime.listening import listening
from talktime.system import System

CUT_OFF_SECONDS = 5.0
"""How long calls in a conversation may go on once the end of the process was asked for."""


@contextmanager
def agi_bound(system: System) -> Iterator[FastAgiServer]:
    """The server of calls with its address taken; ``start`` it. Raises SettingsError."""
    settings = system.settings.agi
    with listening("agi", settings):
        agi = FastAgiServer(
            (settings.host, settings.port),
            {"card": system.answer},
            most_calls=settings.most_calls,
            allow=settings.allow,
        )
    try:
        yield agi
    finally:
        # The socket is bound already, and must not stay so when something else fails.
        agi.stop(0.0)


@contextmanager
def calls_answered(system: System) -> Iterator[FastAgiServer]:
    """Everything that ``talktime agi`` runs: calls are answered for as long as this is open."""
    with agi_bound(system) as agi:
        agi.start()
        try:
            yield agi
        finally:
            agi.stop(CUT_OFF_SECONDS)
