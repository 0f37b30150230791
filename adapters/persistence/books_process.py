"""Answers questions to the books, those of a long log in a process of its own.

A fold of a million facts takes many seconds of a processor. Beside calls it would take every second
turn from them, because Python runs one thread at a time.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from attrs import frozen

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.log_reader import LogReader
from application.book_questions import Figures, Progress, Question, ReadBooks
from application.ports import LedgerUnavailable

PAYS_ABOVE = 40_000
"""Facts beyond which another process is worth its start."""

_POLITE = 5
"""By how much calls go before."""

_ENDS_SECONDS = 10.0

_SILENT_SECONDS = 120.0
"""It tells of every page, so one that is silent for so long hangs."""


@frozen
class LedgerBooks:
    """The port ``AskedBooks`` on the ledger at an address."""

    url: str
    log: LogReader
    zone: str
    pays_above: int = PAYS_ABOVE

    def position(self, at: datetime | None) -> int:
        return self.log.end() if at is None else self.log.position_at(at)

    def answer(self, question: Question, position: int, progress: Progress) -> Figures:
        """Raises LedgerUnavailable when the other process cannot read the ledger."""
        if position <= self.pays_above:
            return ReadBooks(self.log, self.zone).answer(question, position, progress)
        with ExitStack() as stack:
            ours, theirs = Pipe()
            stack.enter_context(ours)
            with theirs:
                worker = _begun(theirs)
            stack.callback(_end, worker)
            with suppress(ConnectionError):
                # What became of it is heard in place of the answer.
                ours.send((self.url, self.zone, question, position))
            return _received(ours, progress)


def _begun(theirs: Connection) -> subprocess.Popen[bytes]:
    end = theirs.fileno()
    return subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-m", "adapters.persistence.books_process", str(end)],
        stdin=subprocess.DEVNULL,
        pass_fds=(end,),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _received(ours: Connection, progress: Progress) -> Figures:
    while True:
        told: int | str | ValueError | tuple[Figures] = "a process that reads the books hangs"
        try:
            if ours.poll(_SILENT_SECONDS):
                told = ours.recv()
        except (EOFError, ConnectionError):
            told = "a process that read the books ended too early"
        match told:
            case int():
                progress(told)
            case str():
                raise LedgerUnavailable(told)
            case ValueError():
                raise told
            case (figures,):
                return figures


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(_ENDS_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait(_ENDS_SECONDS)


def work(told: Connection, stand_back: Callable[[], object]) -> None:
    """Reads one question, sends how far it is again and again, then the figures in a tuple; a
    ValueError for a damaged log, a sentence for other trouble."""
    gc.disable()  # Nothing here is a cycle, and looking for cycles costs a third of the time.
    stand_back()
    with suppress(BrokenPipeError, EOFError, KeyboardInterrupt):
        url, zone, question, position = told.recv()
        try:
            with connect(url) as recorder:
                log = LogReader(recorder, FactMapper(FACTS, UPCASTS))
                found = ReadBooks(log, zone).answer(question, position, told.send)
        except ValueError as error:
            told.send(ValueError(str(error)))
            return
        except Exception as error:
            told.send(f"{type(error).__name__}: {error}")
            return
        told.send((found,))


def _stand_back() -> None:
    """Calls go before, and on a core of their own where there is another one."""
    os.nice(_POLITE)
    if hasattr(os, "sched_setaffinity"):
        # A server keeps to one core, and its children begin there as well.
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


def main() -> None:
    """``python -m adapters.persistence.books_process``: the number of a pipe as its argument."""
    with Connection(int(sys.argv[1])) as told:
        work(told, _stand_back)


if __name__ == "__main__":
    main()
