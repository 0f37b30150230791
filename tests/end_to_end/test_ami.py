"""The companion of a real Asterisk: asks it, follows it, and survives its death."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.asterisk.alive import SignsOfLife
from adapters.asterisk.ami import ActionRefused, Ami
from adapters.asterisk.config import CEL_FILE
from adapters.asterisk.shipper import ALIVE_FILE, Shipper, ShipperSettings
from adapters.asterisk.watch import AmiSettings, AsteriskWatch
from application import kinds
from application.node_reports import CallEnded, LegSeen
from application.ports import OpenAttempt
from domain.call_sessions import Evidence
from tests.adapters.asterisk.support import FakeLedger
from tests.end_to_end.rig.agi_script import AgiServer, Script
from tests.end_to_end.rig.asterisk import SIP_HOST, Rig, until
from tests.end_to_end.rig.records import LegRecord
from tests.end_to_end.rig.scenario import hangup, wait
from tests.end_to_end.rig.sipp import Caller, FarEnd

pytestmark = pytest.mark.asterisk

STAYS = "849990000000"


class UtcClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Companion:
    """A shipper beside the rig, with a ledger that only listens."""

    def __init__(self, rig: Rig) -> None:
        self.ledger = FakeLedger()
        spool = Path(rig.settings.spool)
        settings = AmiSettings(
            port=rig.settings.ami_port, user=rig.settings.ami_user, secret=rig.settings.ami_secret
        )
        self.signs = SignsOfLife(spool / ALIVE_FILE)
        self.watch = AsteriskWatch(
            settings,
            self.signs,
            UtcClock(),
            on_record=lambda: self.shipper.wake(),
            on_change=lambda: self.shipper.wake(),
        )
        self.shipper = Shipper(
            ShipperSettings(node=rig.settings.node, spool=spool, cel=rig.run / "log" / CEL_FILE),
            self.ledger,
            self.watch,
            UtcClock(),
        )
        self.thread = threading.Thread(target=self.shipper.run)

    def __enter__(self) -> Companion:
        self.watch.start()
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.watch.stop()
        self.shipper.stop()
        self.thread.join(20)
        self.shipper.close()


def dial(script: Script) -> None:
    script.result("ANSWER")
    script.dial(STAYS)
    script.done()


@contextlib.contextmanager
def manager(rig: Rig) -> Iterator[Ami]:
    settings = rig.settings
    ami = Ami((SIP_HOST, settings.ami_port), settings.ami_user, settings.ami_secret)
    try:
        yield ami
    finally:
        ami.close()


def talking(rig: Rig) -> str:
    """The reference of the call whose leg is up, once it is."""
    until(
        "the leg talks",
        lambda: any(e.kind == "BRIDGE_ENTER" and e.user_field for e in rig.channel_events()),
    )
    return next(e.account_code for e in rig.channel_events() if e.user_field)


@pytest.fixture
def own_rig() -> Iterator[Rig]:
    """An Asterisk of its own: these tests end it."""
    with Rig() as rig, FarEnd(rig), AgiServer(rig.agi_address, dial):
        yield rig


def test_asterisk_tells_which_channels_are_alive(own_rig: Rig) -> None:
    with manager(own_rig) as ami:
        assert ami.channels() == []
        caller = Caller(own_rig, "18005550100", wait(2), hangup()).start()
        call = talking(own_rig)
        channels = ami.channels()
        assert [channel.reference for channel in channels] == [call, call]
        (leg,) = [c for c in channels if c.unique_id != c.linked_id]
        assert ami.variable(leg.name, "CHANNEL(userfield)") == f"{call}/1/1"
        assert ami.variable(leg.name, "TALKTIME_ANSWERED")
        caller.finish()
        own_rig.idle()
        assert ami.channels() == []
        assert ami.variable(leg.name, "TALKTIME_ANSWERED") is None
        datetime.fromisoformat(ami.started())


def test_the_user_may_ask_and_do_nothing_else(own_rig: Rig) -> None:
    with manager(own_rig) as ami:
        for action in ("Originate", "Command", "Hangup", "UpdateConfig", "Setvar"):
            with pytest.raises(ActionRefused):
                ami.ask(action, Channel="x", Command="core show version")


def test_a_call_is_reported_from_its_records(own_rig: Rig) -> None:
    with Companion(own_rig) as companion:
        Caller(own_rig, "18005550100", wait(2), hangup()).start().finish()
        until("the call is reported", lambda: companion.ledger.told(CallEnded) != [])
        (record,) = [r for r in own_rig.records() if isinstance(r, LegRecord)]
        (leg,) = companion.ledger.legs()
    assert leg == (record.reference, 1, round(record.seconds * 1000), Evidence.LEG_RECORD.value)


def test_an_asterisk_killed_in_mid_talk_ends_its_legs_at_its_last_sign_of_life(
    own_rig: Rig,
) -> None:
    with Companion(own_rig) as companion:
        talked = kill_in_mid_talk(own_rig, companion, limit=3600)
        assert companion.ledger.legs() == [], "it may be alive for all we know"
        assert companion.ledger.told(LegSeen) != [], "but so much is sure"
        own_rig.up()
        until("the call has ended", lambda: companion.ledger.told(CallEnded) != [])
        assert_ended_at_death(companion.ledger, talked)


def test_an_asterisk_that_stays_dead_is_given_up_after_the_limit_of_the_leg(own_rig: Rig) -> None:
    with Companion(own_rig) as companion:
        talked = kill_in_mid_talk(own_rig, companion, limit=0)
        until("the leg has ended", lambda: companion.ledger.legs() != [])
        assert_ended_at_death(companion.ledger, talked)


def kill_in_mid_talk(rig: Rig, companion: Companion, *, limit: float) -> float:
    """Gives the seconds that were talked; `limit` is how long the ledger waits for the record."""
    until("Asterisk was seen", lambda: companion.watch.run is not None)
    caller = Caller(rig, "18005550100", wait(30), hangup()).start()
    call = talking(rig)
    now = datetime.now(UTC)
    deadline = now + timedelta(seconds=limit)
    companion.ledger.open.append(OpenAttempt(kinds.session_id(call), call, 1, now, deadline))
    until("it talked for two seconds", lambda: datetime.now(UTC) > now + timedelta(seconds=2))
    rig.kill()
    killed = datetime.now(UTC).timestamp()
    caller.stop()
    until("the death was noticed", lambda: companion.watch.run is None)
    until("it was looked at", lambda: companion.ledger.reports != [])
    return killed - next(
        e.time for e in rig.channel_events() if e.kind == "ANSWER" and e.user_field
    )


def assert_ended_at_death(ledger: FakeLedger, talked: float) -> None:
    ((_, attempt, talked_ms, evidence),) = ledger.legs()
    assert (attempt, evidence) == (1, Evidence.LAST_SIGN_OF_LIFE.value)
    assert talked_ms / 1000 == pytest.approx(talked, abs=1)
