"""Clients that keep a ledger busy while its server fails."""

from __future__ import annotations

import os
import signal

from tests.faults.disk_ledgers import Desk
from tests.faults.waiting import until
from tests.faults.writer import Clients, Work, complaints

BETWEEN = 12
"""Commands that are promised between two faults, so that each one meets work under way."""


class Crowd:
    """Some clients, each with several threads, that go on until they are told to end."""

    def __init__(self, programs: Clients, desk: Desk, **told: object) -> None:
        self._programs = programs
        self.works = [self._work(desk, number, told) for number in (1, 2)]
        self.pids = [programs.start(work) for work in self.works]

    @staticmethod
    def _work(desk: Desk, number: int, told: dict[str, object]) -> Work:
        first = 100_000 * number
        end = str(desk.told / "end")
        return desk.work(first=first, threads=3, until=end, log=f"{desk.told}/log{number}", **told)

    def end(self, desk: Desk) -> None:
        """Lets them finish what they are at."""
        (desk.told / "end").touch()
        for work, pid in zip(self.works, self.pids, strict=True):
            assert self._programs.wait(pid) == 0, complaints(work)

    def kill(self) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            self._programs.wait(pid)

    def complained(self) -> int:
        return sum(complaints(work).total() for work in self.works)


def await_more(desk: Desk, count: int = BETWEEN) -> None:
    enough = desk.promised() + count
    until("clients are promised more", lambda: desk.promised() >= enough)
