"""The load player makes whole calls, and counts what happened to them."""

from __future__ import annotations

import threading

from adapters.agi.server import FastAgiServer
from adapters.agi.session import Session
from adapters.agi.telephone import CallerGone, Leg, Telephone
from adapters.phone.load import Plan, play_beside_open_calls, play_calls

PLAN = Plan(keys_of=lambda n: (f"{1000 + n}", "849990000000"), talk_ms=12_345)


class Platform:
    """A short card call; keeps what it was told."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pins: list[str] = []
        self.talked: set[int] = set()
        self.references: set[str] = set()
        self.callers: set[str | None] = set()

    def card(self, session: Session) -> None:
        telephone = Telephone(session)
        try:
            telephone.answer()
            pin = telephone.ask(["pin"]).digits
            number = telephone.ask(["balance", "number"]).digits
            leg = Leg(
                reference=telephone.reference,
                attempt=1,
                leg=1,
                number=number,
                trunk="carrier",
                ring_seconds=30,
                limit_ms=600_000,
            )
            outcome = telephone.dial(leg)
        except CallerGone:
            return
        if outcome.caller_gone or outcome.leg is None:
            return
        with self.lock:
            self.pins.append(pin)
            self.talked.add(outcome.leg.talked_ms)
            self.references.add(telephone.reference)
            self.callers.add(telephone.caller_id)
        telephone.done()
        telephone.hangup()


def test_every_call_is_another_caller() -> None:
    platform = Platform()
    with FastAgiServer(("127.0.0.1", 0), {"card": platform.card}) as server:
        report = play_calls(*server.address, PLAN, calls=60, at_once=10)
    assert (report.started, report.ended, report.done, report.failed) == (60, 60, 60, 0)
    assert report.legs == 60
    assert sorted(platform.pins) == sorted(str(1000 + n) for n in range(60))
    assert platform.talked == {12_345}
    assert len(platform.references) == len(platform.callers) == 60
    assert len(report.turns_ms) == 60 * 9
    assert 0 < report.percentile(50) <= report.percentile(99)
    assert "60 done, 0 failed" in str(report)


def test_open_calls_stay_open_while_others_run() -> None:
    platform = Platform()
    seen: list[int] = []
    with FastAgiServer(("127.0.0.1", 0), {"card": platform.card}) as server:
        report = play_beside_open_calls(
            *server.address,
            PLAN,
            open_calls=20,
            calls=10,
            rate=200.0,
            opened=lambda: seen.append(server.calls_active),
        )
    assert seen == [20]
    assert (report.held, report.done, report.failed) == (20, 10, 0)


def test_a_platform_that_cuts_calls_off_is_counted() -> None:
    def fails(session: Session) -> None:
        session.exchange("ANSWER")

    with FastAgiServer(("127.0.0.1", 0), {"card": fails}) as server:
        report = play_calls(*server.address, PLAN, calls=5)
    assert (report.ended, report.done, report.failed) == (5, 0, 5)


def test_a_platform_that_is_not_there_is_counted() -> None:
    with FastAgiServer(("127.0.0.1", 0), {}) as server:
        address = server.address
    assert play_calls(*address, PLAN, calls=3).failed == 3


def test_a_platform_that_hangs_is_given_up() -> None:
    leave = threading.Event()
    with FastAgiServer(("127.0.0.1", 0), {"card": lambda _: leave.wait(5) and None}) as server:
        report = play_calls(*server.address, PLAN, calls=3, seconds=0.1)
        leave.set()
    assert report.failed == 3
