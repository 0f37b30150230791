"""Where the processor time of a call goes: thread clocks around the borders of each layer."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from adapters.agi.session import Session
from talktime.system import System


class Layers:
    """Seconds of CPU by layer, each without what the layers below it used."""

    def __init__(self) -> None:
        self._local = threading.local()
        self._all: list[dict[str, float]] = []
        self._lock = threading.Lock()

    @property
    def seconds(self) -> dict[str, float]:
        total: dict[str, float] = defaultdict(float)
        for each in self._all:
            for layer, seconds in each.items():
                total[layer] += seconds
        return dict(total)

    def watch(self, system: System) -> None:
        recorder: Any = system.recorder
        for name in ("insert_events", "select_streams", "select_claims"):
            self._wrap(recorder, name, "database")
        mapper: Any = system.mapper
        for name in ("to_stored_event", "to_domain_event"):
            self._wrap(mapper, name, "codec")
        self._wrap(Session, "exchange", "AGI protocol")
        self._wrap(system, "answer", "rules")

    def _wrap(self, owner: Any, name: str, layer: str) -> None:
        inner: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **kwargs: Any) -> Any:
            frames = self._frames()
            begun, frame = time.thread_time(), [0.0]
            frames.append(frame)
            try:
                return inner(*args, **kwargs)
            finally:
                used = time.thread_time() - begun
                frames.pop()
                self._local.totals[layer] += used - frame[0]
                if frames:
                    frames[-1][0] += used

        setattr(owner, name, timed)

    def _frames(self) -> list[list[float]]:
        if not hasattr(self._local, "frames"):
            self._local.frames = []
            self._local.totals = defaultdict(float)
            with self._lock:
                self._all.append(self._local.totals)
        frames: list[list[float]] = self._local.frames
        return frames
