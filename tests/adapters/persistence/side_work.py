"""What the tests have a process beside them do: as it is asked."""

from __future__ import annotations

from threading import Event
from typing import Any

from adapters.persistence.side_process import Asker, serve
from application.ports import ConcurrencyConflict


def work(asked: Any, asker: Asker) -> Any:
    match asked:
        case "count", int(number):
            for far in range(number):
                asker.tell(far)
            return number
        case "repeat":
            return asker.hear()
        case "tell", int(size):
            asker.tell(b"." * size)
        case "stay":
            asker.tell("here")
            Event().wait()
        case Exception():
            raise asked
    return None


if __name__ == "__main__":
    serve(work, (ConcurrencyConflict, ValueError))
