"""A process that has imported the program, and forks it: the seconds of the import are saved.

Each child is a process of its own that runs the program's own command from its beginning, with its
own connections and its own memory, and dies with this one. On its input it reads one JSON line for
each thing to do and answers with one: ``{"run": "agi", "settings": file, "log": file}`` gives
``{"pid": 123}``; ``{"wait": 123}`` waits for the end and gives ``{"status": -9}``.
"""

from __future__ import annotations

import json
import os
import pkgutil
import random
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import talktime
from adapters.persistence.recorder import EventRecorder
from talktime.garbage import collect_rarely
from talktime.main import Talktime
from tests.faults.processes import die_with_parent

COMMANDS = {
    "serve": Talktime.serve,
    "agi": Talktime.serve_calls,
    "http": Talktime.serve_requests,
    "worker": Talktime.work,
    "ship": Talktime.ship,
}


def run(asked: dict[str, Any]) -> None:
    """What the child does. It never comes back."""
    status = 1
    try:
        die_with_parent()
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDWR)
        for theirs, ours in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(theirs, ours)
        random.seed()
        if asked.get("early"):
            acknowledge_early()
        program = Talktime()
        program.use_settings(Path(asked["settings"]))
        COMMANDS[asked["run"]](program)
        status = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


def acknowledge_early(seconds: float = 30.0) -> None:
    """The defect that killing must find: what was asked is promised, and stored some time later."""
    stores: Callable[..., Any] = EventRecorder.insert_events

    def insert_events(self: EventRecorder, *arguments: Any, **named: Any) -> range:
        def later() -> None:
            time.sleep(seconds)
            stores(self, *arguments, **named)

        threading.Thread(target=later, daemon=True).start()
        first = (self.max_notification_id() or 0) + 1
        return range(first, first + len(arguments[0]))

    EventRecorder.insert_events = insert_events  # type: ignore[method-assign]


def main() -> None:
    die_with_parent()
    collect_rarely()
    for module in pkgutil.iter_modules(talktime.__path__, "talktime."):
        # Some are imported by the command that needs them only: here every child has them.
        if module.name != "talktime.__main__":
            import_module(module.name)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            told = {"status": os.waitstatus_to_exitcode(status)}
        else:
            pid = os.fork()
            if not pid:
                run(asked)
            told = {"pid": pid}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
