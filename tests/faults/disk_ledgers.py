"""Ledgers in files, ready for clients on whose disk a test does its worst."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID

from attrs import evolve, frozen
from sqlalchemy.engine import make_url

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.sealing.keys import SealKey
from tests.faults.acknowledged import Acknowledged, Stage, hold_of
from tests.faults.oracle import Live, Oracle, SealFiles, Verdict
from tests.faults.writer import Work, set_up
from tests.support.memory import SetClock
from tests.support.postgres import PostgresServer
from tests.support.story import NOON

LEFT_UP = 5
"""Of so many calls one is still up at the end."""


@frozen
class Desk:
    """A ledger and all that belongs to it: what clients were promised, their log, the seals."""

    folder: Path
    url: str
    cards: list[list[str]]
    told: Path
    """Where clients keep what they were promised, which no fault of ours reaches."""

    @property
    def record(self) -> Path:
        return self.told / "record"

    def work(self, **told: object) -> Work:
        values: dict[str, object] = {
            "url": self.url,
            "record": str(self.record),
            "cards": self.cards,
            "log": str(self.told / "log"),
            "seals": str(self.folder),
            "left_up": LEFT_UP,
        }
        return Work(**(values | told))  # type: ignore[arg-type]

    def oracle(self) -> Oracle:
        seals = SealFiles(self.folder / "seal.key.pub", self.folder / "checkpoints")
        return Oracle(self.url, seals, SetClock(NOON))

    def at(self, url: str) -> Desk:
        """The same ledger at another address."""
        return evolve(self, url=url)

    def live(self, record: Acknowledged) -> Live:
        """The calls that are up, by what clients have asked for and were promised."""
        stages: dict[str, dict[str, Stage]] = {"hold": {}, "settlement": {}}
        for command, stage in record.stages().items():
            kind, _, attempt = command.name.partition(" ")
            if kind in stages:
                stages[kind][attempt] = stage
        holds, settled = stages["hold"], stages["settlement"]
        up = {each for each, stage in holds.items() if stage is Stage.ACKNOWLEDGED} - set(settled)
        ending = {each for each, stage in (holds | settled).items() if stage is Stage.SENT}
        return Live(frozenset(map(_hold_id, up)), frozenset(map(_hold_id, ending)))

    def check(self) -> Verdict:
        """Raises OracleFailed."""
        with Acknowledged(self.record) as record:
            return self.oracle().check(record, live=self.live(record))

    def promised(self) -> int:
        """How often clients were told that something is done. Cheap, to be asked often."""
        told = self.record.read_bytes() if self.record.exists() else b""
        return told.count(b'"stage": "acknowledged"')


def _hold_id(attempt: str) -> UUID:
    reference, _, number = attempt.partition("^")
    return hold_of(reference, int(number))


def desk_at(folder: Path, url: str) -> Desk:
    """A new ledger at this address, whose database is there and empty."""
    folder.mkdir(parents=True, exist_ok=True)
    with connect(url) as recorder:
        upgrade(recorder)
    SealKey.new("example.com/faults").write(folder / "seal.key")
    return Desk(folder, url, set_up(url), folder)


def file_desk(folder: Path) -> Desk:
    return desk_at(folder, url_in(folder))


def copied(desk: Desk, folder: Path, told: Path | None = None) -> Desk:
    """The same as it is now, in files of its own."""
    shutil.copytree(desk.folder, folder)
    return Desk(folder, url_in(folder), desk.cards, told or folder)


def copied_database(desk: Desk, folder: Path, server: PostgresServer) -> Desk:
    """The same as it is now, in a database of its own."""
    shutil.copytree(desk.folder, folder)
    name = make_url(desk.url).database
    return Desk(folder, server.url(server.create_database(name)), desk.cards, folder)


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder}/ledger.db"
