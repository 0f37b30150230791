"""Waits for what a test needs to have happened, and says what did not."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

from tests.faults.sizes import PATIENCE


def until(what: str, condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, f"waited in vain for {seconds:.0f} seconds: {what}"
        sleep(0.02)
