"""Work in a process beside this one: it is asked, listened to, and ended for sure.

Both ends are here. The one that asks uses ``beside``, and the module that is started ``serve``.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from queue import SimpleQueue
from threading import Thread
from traceback import format_exception
from typing import Any

from attrs import frozen

from application.ports import LedgerUnavailable

SILENT_SECONDS = 120.0
"""One that tells of every page, and is silent for so long, hangs."""

_ENDS_SECONDS = 10.0


@frozen
class Far:
    """How far the work is."""

    told: Any


@frozen
class Made:
    """What came of the work. Nothing follows it."""

    result: Any


@frozen
class _Failed:
    error: Exception


@frozen(eq=False)
class SideProcess:
    """One that was started."""

    pipe: Connection
    _named: str

    def has_told(self) -> bool:
        """Whether ``hear`` would not wait."""
        return self.pipe.poll()

    def hear(self, within: float | None = None) -> Far | Made:
        """What it tells next. Raises the error that it sent, and LedgerUnavailable for one that
        ended, or was silent for longer than ``within`` seconds."""
        try:
            if not self.pipe.poll(within):
                raise LedgerUnavailable(f"{self._named} hangs")
            told: Far | Made | _Failed = self.pipe.recv()
        except (EOFError, OSError):
            raise LedgerUnavailable(f"{self._named} ended too early") from None
        if isinstance(told, _Failed):
            raise told.error
        return told

    def tell(self, what: object) -> None:
        with suppress(ConnectionError):
            # What became of it is heard in place of an answer.
            self.pipe.send(what)


def those_that_told(processes: Iterable[SideProcess]) -> list[SideProcess]:
    """Waits until ``hear`` would not wait for one of them at least."""
    by_pipe = {process.pipe: process for process in processes}
    return [by_pipe[ready] for ready in wait(by_pipe) if isinstance(ready, Connection)]


@contextmanager
def beside(module: str, asked: object, named: str) -> Iterator[SideProcess]:
    """``python -m module`` until this ends: a fresh interpreter that imports nothing of the program
    but the ledger, because a fork would share the connections of this one.

    ``asked`` goes through the pipe and not into the arguments, that everybody on the machine can
    read: an address may hold a password. ``named`` begins the sentences about its troubles.
    """
    ours, theirs = Pipe()
    with ours:
        with theirs:
            worker = _begun(module, theirs)
        try:
            process = SideProcess(ours, named)
            process.tell(asked)
            yield process
        finally:
            _end(worker)


def _begun(module: str, theirs: Connection) -> subprocess.Popen[bytes]:
    end = theirs.fileno()
    return subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-m", module, str(end)],
        stdin=subprocess.DEVNULL,
        pass_fds=(end,),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(_ENDS_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait(_ENDS_SECONDS)


class Asker:
    """The process that asked, as the one beside it sees it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._heard: SimpleQueue[Any] = SimpleQueue()

    def tell(self, far: object) -> None:
        self._pipe.send(Far(far))

    def hear(self) -> Any:
        """What it says next, after it asked."""
        return self._heard.get()

    def listen(self) -> None:
        """Ends this process in the middle of whatever it does when the other one is gone: nobody
        waits for the work any more. To the ledger it is as if the machine had failed."""
        with suppress(EOFError, OSError):
            while True:
                self._heard.put(self._pipe.recv())
        os._exit(1)


def serve(work: Callable[[Any, Asker], object], same: Sequence[type[Exception]] = ()) -> None:
    """All that a module does that is started by ``beside``: the number of a pipe is its argument.

    An error of one of the kinds in ``same`` is raised there as that kind with the same words, any
    other one as LedgerUnavailable.
    """
    gc.disable()  # Nothing here is a cycle, and looking for cycles costs a third of the time.
    pipe = Connection(int(sys.argv[1]))
    with suppress(ConnectionError, EOFError, KeyboardInterrupt):
        asked = pipe.recv()
        asker = Asker(pipe)
        Thread(target=asker.listen, daemon=True).start()
        try:
            result = work(asked, asker)
        except Exception as error:
            pipe.send(_Failed(_told(error, same)))
            return
        pipe.send(Made(result))


def _told(error: Exception, same: Sequence[type[Exception]]) -> Exception:
    for kind in same:
        if isinstance(error, kind):
            return kind(str(error))
    told = LedgerUnavailable(f"{type(error).__name__}: {error}")
    told.add_note("".join(format_exception(error)))
    return told
