"""A client of the ledger in a process of its own: calls, top-ups, read models and seals, on whose
files, server and network a test does its worst.

What is unknown is asked again under the same ids until it is answered, as every client of the
product does. Started once, the program forks a fresh client for each line of JSON that it reads.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar
from uuid import UUID, uuid5

from attrs import asdict, frozen
from eventsourcing.persistence import PersistenceError
from sqlalchemy import event

from adapters.persistence.connecting import connect
from adapters.persistence.postgres import PostgresRecorder
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.seals import StoredSeals
from adapters.persistence.sqlite import SqliteRecorder
from application.ports import ConcurrencyConflict, LedgerUnavailable
from domain.login import LoginMode
from talktime.sealing import sealing
from talktime.settings import Seals
from tests.adapters.persistence.product import Product
from tests.faults import acknowledged
from tests.faults.acknowledged import Acknowledged, Command
from tests.support.story import ALICE, ROME, WARSAW, PrintedCard, dollars

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
GROUP = "Faults"
STARTED = 1_763_765_000
PAUSE_SECONDS = 0.02
GAVE_UP = 3
"""The exit status of a client whose ledger did not come back within its patience."""

_TOP_UPS = UUID("0a8f9f6e-41d1-4c0f-9d5b-6d1f3b1c2a77")
_SET_PTRACER, _ANYBODY = 0x59616D61, ctypes.c_ulong(-1)


@frozen
class Work:
    """What one client does. Calls are numbered from ``first``; no two clients share a number."""

    url: str
    record: str
    cards: list[list[str]]
    log: str
    first: int = 1
    calls: int = 6
    threads: int = 1
    until: str = ""
    """Goes on until a file of this name is there, whatever ``calls`` says."""
    left_up: int = 0
    """Of so many calls one is still up when the client ends; 0: none."""
    seals: str = ""
    """Folder of the key that seals are signed with and of the file of checkpoints."""
    careless: bool = False
    """For controls: commits do not wait for the disk."""
    believes: str = ""
    """For controls: takes a command of which nobody knows for one that was ``done`` or
    ``refused``, and ends."""
    waits: bool = False
    """Stops itself before it begins, to be continued by who watches it."""
    patience: float = 30.0


def set_up(url: str, cards: int = 2) -> list[list[str]]:
    """A card group and active cards on an empty ledger."""
    with connect(url) as recorder:
        product = Product(recorder)
        product.group(
            GROUP, face_value=dollars(1_000), most_held=dollars(1), simultaneous_calls=100
        )
        made = [product.card(GROUP) for _ in range(cards)]
        product.catch_up()
    return [[str(card.card_id), card.number, card.pin] for card in made]


def reference_of(number: int) -> str:
    return f"pbx1-{STARTED + number}.42"


def top_up_id_of(number: int) -> UUID:
    return uuid5(_TOP_UPS, str(number))


# ---- the client


class Client:
    def __init__(self, work: Work, record: Acknowledged, recorder: EventRecorder) -> None:
        self.work = work
        self._record = record
        self._log = os.open(work.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)
        self._cards = [PrintedCard(UUID(c[0]), c[1], c[2]) for c in work.cards]
        self._numbers = iter(range(work.first, work.first + 1_000_000))
        self._next = threading.Lock()
        self._patience = work.patience
        self._product = self._surely(lambda: Product(recorder))
        folder = Path(work.seals)
        settings = Seals(str(folder / "seal.key"), str(folder / "checkpoints"))
        self._sealing = (
            sealing(settings, StoredSeals(recorder), self._product.clock) if work.seals else None
        )

    def run(self) -> None:
        if self.work.threads == 1:
            self._go_on()
            return
        failures: list[BaseException] = []

        def one() -> None:
            try:
                self._go_on()
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=one) for _ in range(self.work.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def _go_on(self) -> None:
        for number in self._turns():
            card = self._cards[number % len(self._cards)]
            if number % 3 == 0:
                self._tops_up(number, card)
            self._calls(number, card)
            if number % 4 == 0:
                self._surely(self._product.catch_up)
                if self._sealing:
                    self._surely(self._sealing.run)

    def _turns(self) -> Iterator[int]:
        while True:
            with self._next:
                number = next(self._numbers)
            if self.work.until:
                if os.path.exists(self.work.until):
                    return
            elif number >= self.work.first + self.work.calls:
                return
            yield number

    def _tops_up(self, number: int, card: PrintedCard) -> None:
        top_up_id, amount = top_up_id_of(number), dollars(1 + number % 5)
        self._ask(
            lambda: self._product.admin.top_up_card(card.card_id, top_up_id, amount, "cash", "ann"),
            acknowledged.top_up(top_up_id, amount),
        )

    def _calls(self, number: int, card: PrintedCard) -> None:
        product, reference = self._product, reference_of(number)
        call = self._surely(lambda: product.call(ALICE, reference=reference))
        call.payer = self._ask(
            lambda: product.calls.login(call, LoginMode.NUMBER_AND_PIN, card.number, card.pin),
            acknowledged.arrival(reference),
            acknowledged.login(reference),
        )
        where = (WARSAW, ROME)[number % 2]
        self._ask(lambda: product.dialling.dial(call, where), acknowledged.hold(reference))
        if self.work.left_up and number % self.work.left_up == 0:
            return
        leg = product.leg(call, number % 90)
        self._ask(lambda: product.settlement.record_leg(leg), acknowledged.settlement(reference))
        self._ask(lambda: product.calls.end(call, "the caller left"), acknowledged.end(reference))

    def _ask(self, does: Callable[[], T], *commands: Command) -> T:
        self._record.send(*commands)
        try:
            answer = self._surely(does, once=bool(self.work.believes))
        except LedgerUnavailable:
            told = self._record.acknowledge if self.work.believes == "done" else self._record.refuse
            told(*commands)
            sys.exit(GAVE_UP)
        self._record.acknowledge(*commands)
        return answer

    def _surely(self, does: Callable[[], T], *, once: bool = False) -> T:
        """Asks until there is an answer; whether it was done before is the ledger's to know."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return does()
            except (LedgerUnavailable, ConcurrencyConflict, PersistenceError) as fault:
                told = str(fault).replace("\n", " ")
                os.write(self._log, f"{type(fault).__name__}: {told}\n".encode())
                if once and isinstance(fault, LedgerUnavailable):
                    raise
                if time.monotonic() > deadline:
                    sys.exit(GAVE_UP)
                time.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))


def run(work: Work) -> None:
    with Acknowledged(Path(work.record)) as record, connect(work.url) as recorder:
        if work.careless:
            _do_not_wait_for_the_disk(recorder)
        Client(work, record, recorder).run()


def _do_not_wait_for_the_disk(recorder: EventRecorder) -> None:
    """What no setting of the product can do: its commits wait, whatever a server is told."""
    if isinstance(recorder, SqliteRecorder):

        @event.listens_for(recorder._writer, "connect")
        def opened(connection: sqlite3.Connection, _record: Any) -> None:
            connection.execute("PRAGMA synchronous = OFF")
            # And stays so, whatever the recorder asks for later.
            connection.set_authorizer(
                lambda action, name, *_: (
                    sqlite3.SQLITE_IGNORE
                    if action == sqlite3.SQLITE_PRAGMA and name == "synchronous"
                    else sqlite3.SQLITE_OK
                )
            )

    elif isinstance(recorder, PostgresRecorder):

        @event.listens_for(recorder._engine, "connect")
        def connected(connection: Any, _record: Any) -> None:
            connection.execute("SET synchronous_commit = off")


# ---- many clients, from one program that is warm


class Clients:
    """Starts clients without the second that an interpreter takes to begin."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        self._program = program

    def start(self, work: Work) -> int:
        """The process id of a new client."""
        self._tell(asdict(work))
        return int(self._told())

    def wait(self, pid: int) -> int:
        """The exit status of a client, once it has ended; a signal's number with a minus."""
        self._tell({"wait": pid})
        return int(self._told())

    def _tell(self, what: dict[str, Any]) -> None:
        assert self._program.stdin is not None
        self._program.stdin.write(json.dumps(what) + "\n")
        self._program.stdin.flush()

    def _told(self) -> str:
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        if not line:
            raise RuntimeError("the program that starts clients has ended")
        return line


@contextmanager
def clients(environment: dict[str, str] | None = None) -> Iterator[Clients]:
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.writer"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | (environment or {}),
    )
    # At the end its input is closed, upon which it ends its clients and itself.
    with program:
        yield Clients(program)


def _serve(lines: IO[str]) -> None:
    running: set[int] = set()
    for line in lines:
        told = json.loads(line)
        if "wait" in told:
            running.discard(told["wait"])
            status = os.waitstatus_to_exitcode(os.waitpid(told["wait"], 0)[1])
            sys.stdout.write(f"{status}\n")
        else:
            pid = os.fork()
            if pid == 0:
                _begin(Work(**told))
            running.add(pid)
            sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for pid in running:
        # A test that failed may have left a client.
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _begin(work: Work) -> None:
    status = 1
    try:
        if work.waits:
            # A tracer that is no parent needs leave where the kernel restricts tracing.
            ctypes.CDLL(None).prctl(_SET_PTRACER, _ANYBODY, 0, 0, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
        run(work)
        status = 0
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        with open(work.log, "a") as log:
            traceback.print_exc(file=log)
    finally:
        os._exit(status)


def complaints(work: Work) -> Counter[str]:
    """What the client was told when something went wrong, and how often."""
    path = Path(work.log)
    return Counter(path.read_text().splitlines() if path.exists() else ())


if __name__ == "__main__":
    _serve(sys.stdin)
