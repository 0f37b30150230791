"""A node in a folder: what Asterisk writes there, a clock that does not run by itself, a ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from adapters.asterisk.alive import SignsOfLife
from adapters.asterisk.ami import AsteriskUnreachable, Channel
from adapters.asterisk.shipper import ALIVE_FILE, Shipper, ShipperSettings
from application import kinds
from application.node_reports import LegEnded, LegSeen, NodeReport, Outcome, Verdict
from application.ports import LedgerUnavailable, OpenAttempt

START = 1_763_765_000
"""When the calls of these tests begin, in seconds since 1970."""


def reference(number: int = 1) -> str:
    return f"pbx1-{START}.{number}"


def leg_line(
    call: str, seconds: float | None = 5.0, *, attempt: int = 1, leg: int = 1, at: float = 10.0
) -> str:
    """The record of a leg answered `at` seconds after the start; None: nobody answered."""
    answered = "" if seconds is None else f"{START + at:.3f}"
    ended = f"{START + at + (seconds or 0):.3f}"
    return f"leg|{call}|{attempt}|{leg}|{answered}|{ended}|16|{START}.9{attempt}{leg}"


def call_line(call: str, at: float = 16.0) -> str:
    return f"call|{call}|{START + at:.3f}|ANSWER|HANGUP|16"


def cel_rows(call: str, *events: tuple[str, float], attempt: int = 1, leg: int = 1) -> list[str]:
    """Channel events of a dialled channel: their names, and seconds after the start."""
    unique_id = f"{call.partition('-')[2]}9{attempt}{leg}"
    extra = '"{""hangupcause"":16}"'
    return [
        f'"{name}","{START + at:.6f}","{unique_id}","{call.partition("-")[2]}",'
        f'"PJSIP/carrier-00000001","{call}","{call}/{attempt}/{leg}",'
        + (extra if name == "HANGUP" else '""')
        for name, at in events
    ]


class Time:
    """The wall clock and the monotonic clock, which pass only when somebody waits."""

    def __init__(self) -> None:
        self.wall = datetime.fromtimestamp(START + 20, UTC)
        self.steady = 1000.0
        self.waited: list[Callable[[], object]] = []
        """Done, one each time that somebody waits."""

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def wait(self, seconds: float) -> None:
        self.passes(seconds)
        if self.waited:
            self.waited.pop(0)()

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.steady += seconds


class FakeLedger:
    """Keeps what it is told; is away for as many requests as `away` says."""

    def __init__(self) -> None:
        self.reports: list[NodeReport] = []
        self.open: list[OpenAttempt] = []
        self.away = 0
        self.verdicts: dict[str, Outcome] = {}
        self.batches: list[int] = []

    def apply(self, reports: Sequence[NodeReport]) -> Sequence[Verdict]:
        self._be_there()
        self.batches.append(len(reports))
        self.reports += reports
        return [Verdict(self.verdicts.get(_reference(r), Outcome.DONE)) for r in reports]

    def open_attempts(self, node: str) -> Sequence[OpenAttempt]:
        self._be_there()
        return list(self.open)

    def _be_there(self) -> None:
        if self.away:
            self.away -= 1
            raise LedgerUnavailable("away")

    def opens(self, call: str, attempt: int = 1, limit: float = 3600) -> None:
        placed = datetime.fromtimestamp(START + 8, UTC)
        session: UUID = kinds.session_id(call)
        deadline = placed + timedelta(seconds=limit)
        self.open.append(OpenAttempt(session, call, attempt, placed, deadline))

    def legs(self) -> list[tuple[str, int, int, str]]:
        """Reference, attempt, milliseconds talked, evidence of every leg that ended."""
        return [
            (r.leg.reference, r.leg.attempt, r.leg.talked_ms, r.evidence.value)
            for r in self.reports
            if isinstance(r, LegEnded)
        ]

    def told(self, kind: type[NodeReport]) -> list[NodeReport]:
        return [r for r in self.reports if isinstance(r, kind)]


def _reference(report: NodeReport) -> str:
    return report.leg.reference if isinstance(report, LegEnded) else report.reference


class FakeAsterisk:
    """An Asterisk whose channels a test sets; `run` None: it cannot be reached."""

    def __init__(self, signs: SignsOfLife) -> None:
        self._signs = signs
        self.run: str | None = None
        self.alive: list[Channel] = []
        self.variables: dict[tuple[str, str], str] = {}
        self.fails = False
        self.asked = 0

    @property
    def signs(self) -> SignsOfLife:
        return self._signs

    def starts(self, name: str, at: float) -> None:
        self.run = name
        self._signs.begin(name, int((START + at) * 1000), int((START + at) * 1000))

    def is_seen(self, at: float) -> None:
        self._signs.see(int((START + at) * 1000))

    def channels(self) -> list[Channel]:
        self.asked += 1
        if self.run is None or self.fails:
            raise AsteriskUnreachable("nobody answers")
        return list(self.alive)

    def variable(self, channel: str, name: str) -> str | None:
        if self.run is None:
            raise AsteriskUnreachable("nobody answers")
        return self.variables.get((channel, name))

    def has_call(self, call: str, *, talking_since: float | None = None) -> None:
        """The caller's channel is up, and a dialled one if somebody talks."""
        unique_id = call.partition("-")[2]
        self.alive.append(Channel("PJSIP/access-1", unique_id, unique_id, call, True))
        if talking_since is not None:
            name = f"PJSIP/carrier-{unique_id}"
            self.alive.append(Channel(name, f"{unique_id}1", unique_id, call, True))
            self.variables[name, "CHANNEL(userfield)"] = f"{call}/1/1"
            self.variables[name, "TALKTIME_ANSWERED"] = f"{START + talking_since:.3f}"


class Node:
    """A shipper on a folder, which can be killed and started again."""

    def __init__(self, folder: Path, ledger: FakeLedger | None = None, **settings: object) -> None:
        self.folder = folder
        self.time = Time()
        self.ledger = ledger or FakeLedger()
        self.asterisk = FakeAsterisk(SignsOfLife(folder / ALIVE_FILE))
        self.settings = ShipperSettings(
            node="pbx1",
            spool=folder,
            cel=folder / "talktime.csv",
            **settings,  # type: ignore[arg-type]
        )
        self.start()

    def start(self) -> None:
        self.shipper = Shipper(
            self.settings,
            self.ledger,
            self.asterisk,
            self.time,
            wait=self.time.wait,
            monotonic=self.time.monotonic,
        )

    def restart(self) -> None:
        """Killed and started again: only what is on disk is left."""
        self.shipper.close()
        self.start()

    def writes(self, *lines: str, end: str = "\n") -> None:
        self._append(self.folder / "legs.txt", lines, end)

    def channel_events(self, *rows: str) -> None:
        self._append(self.folder / "talktime.csv", rows, "\n")

    def turn(self, after: float = 0.0) -> None:
        self.time.passes(after)
        self.shipper.turn()

    def rejected(self) -> list[str]:
        path = self.folder / "rejected.txt"
        return path.read_text().splitlines() if path.exists() else []

    @staticmethod
    def _append(path: Path, lines: Sequence[str], end: str) -> None:
        with path.open("a", newline="") as file:
            for line in lines:
                file.write(line + end)


__all__ = ["START", "FakeAsterisk", "FakeLedger", "LegSeen", "Node", "Time"]
