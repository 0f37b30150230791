"""One core for a process of many threads: they take turns anyway, and moving them costs time."""

from __future__ import annotations

import os


def keep_to_one_core() -> int | None:
    """Keeps this process on one of the cores it may use; gives which, None where that is unknown.

    Python runs one thread at a time. Handing the turn from a core to another costs more than the
    turn: with two free cores a call took half as much processor time again (ADR 0010).
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores = sorted(os.sched_getaffinity(0))
    # Several servers on one machine spread by their process ids.
    core = cores[os.getpid() % len(cores)]
    os.sched_setaffinity(0, {core})
    return core
