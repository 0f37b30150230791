"""What the dial plan keeps right by itself, on a real Asterisk, whatever becomes of the server."""

from __future__ import annotations

import itertools
import socket
import threading
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Line, Told
from tests.end_to_end.rig.agi_script import AgiServer, Script
from tests.end_to_end.rig.ami import Ami
from tests.end_to_end.rig.asterisk import Rig, free_port, until
from tests.end_to_end.rig.records import LegRecord, carrier_seconds
from tests.end_to_end.rig.scenario import await_bye, cancel, hangup, keys, wait
from tests.end_to_end.rig.sipp import Caller, FarEnd

pytestmark = pytest.mark.asterisk

STAYS = "849990000000"  # answers at once, stays
LEAVES = "849990009010"  # answers at once, hangs up a second later
RINGS = "849990005000"  # rings for ever
BUSY = "849990002000"
NO_CIRCUIT = "849990003000"
PLAN = [(1, 1, NO_CIRCUIT), (1, 2, LEAVES), (2, 1, BUSY), (2, 2, LEAVES)]

SHARED = "SHARED(TALKTIME_LEG)"
LEFT_BY_ITS_SERVER = "was left by its server"
NO_SERVER = ("Connection refused", "Couldn't connect to any host")


def shared_leg(script: Script, attempt: int, leg: int) -> LegRecord:
    """The record of a leg as the session that dialled it reads it, as soon as it is there."""

    def read() -> LegRecord | None:
        value = script.variable(SHARED)
        record = LegRecord.read(value) if value else None
        return record if record and (record.attempt, record.leg) == (attempt, leg) else None

    until("the leg record is shared", lambda: read() is not None)
    record = read()
    assert record is not None
    return record


def the_leg(told: Told) -> LegRecord:
    """The only leg of a call, whose caller's end is recorded too, once."""
    (leg,), (call,) = told.legs, told.calls
    assert leg.reference == call.reference
    return leg


def assert_billable(rig: Rig, far_end: FarEnd, leg: LegRecord) -> None:
    """The record says what the channel events say, and what the carrier's side saw."""
    until("the far end has ended", lambda: far_end.talked() != [])
    assert leg.seconds == pytest.approx(carrier_seconds(rig.channel_events(), leg), abs=0.1)
    assert leg.seconds == pytest.approx(far_end.talked()[-1], abs=0.5)


def test_when_the_callee_hangs_up_the_record_is_in_the_spool_shared_and_told(
    rig: Rig, line: Line, far_end: FarEnd, ami: Ami
) -> None:
    seen = []

    def conversation(script: Script) -> None:
        script.result("ANSWER")
        assert script.dial(LEAVES) == "ANSWER"
        seen.append(shared_leg(script, 1, 1))
        script.done()

    told = line.call(conversation, await_bye())
    leg = the_leg(told)
    assert seen == [leg]
    assert leg.reference == f"rig-{told.scripts[0].environment['agi_uniqueid']}"
    assert (leg.attempt, leg.leg, leg.cause) == (1, 1, "16")
    assert leg.seconds > 0.9
    assert_billable(rig, far_end, leg)
    until("the events came", lambda: bool(ami.user_events("TalktimeCall")))
    assert [LegRecord.read(record) for record in ami.user_events("TalktimeLeg")] == [leg]


def test_when_the_caller_hangs_up_the_leg_ends_with_it(
    rig: Rig, line: Line, far_end: FarEnd
) -> None:
    def conversation(script: Script) -> None:
        script.result("ANSWER")
        script.dial(STAYS)

    told = line.call(conversation, wait(2), hangup())
    assert told.calls[0].dial_status == "ANSWER"
    leg = the_leg(told)
    assert leg.seconds > 0.5
    assert_billable(rig, far_end, leg)


def test_a_leg_that_was_never_answered_has_no_answer(line: Line) -> None:
    def conversation(script: Script) -> None:
        script.result("ANSWER")
        script.dial(RINGS)

    told = line.call(conversation, wait(2), hangup())
    assert the_leg(told).answered is None
    assert told.calls[0].dial_status == "CANCEL"


def test_a_star_ends_the_leg_and_not_the_call(rig: Rig, line: Line, far_end: FarEnd) -> None:
    seen = []

    def conversation(script: Script) -> None:
        script.result("ANSWER")
        script.set("FEATUREMAP(disconnect)", "*")
        assert script.dial(STAYS) == "ANSWER"
        seen.append(shared_leg(script, 1, 1))
        assert script.result("STREAM FILE beep #") == "0"
        script.done()

    told = line.call(conversation, wait(2), keys("*"), await_bye())
    leg = the_leg(told)
    assert seen == [leg]
    assert leg.ended < told.calls[0].ended
    assert_billable(rig, far_end, leg)


def test_every_leg_of_every_attempt_has_its_own_record(rig: Rig, line: Line) -> None:
    shared = []

    def conversation(script: Script) -> None:
        script.result("ANSWER")
        for attempt, leg, number in PLAN:
            script.dial(number, attempt=attempt, leg=leg)
            shared.append(shared_leg(script, attempt, leg))
        script.done()

    told = line.call(conversation, await_bye())
    assert [(leg.attempt, leg.leg) for leg in told.legs] == [(a, n) for a, n, _ in PLAN]
    assert [leg.answered is not None for leg in told.legs] == [False, True, False, True]
    assert [leg.cause for leg in told.legs] == ["34", "16", "17", "16"]
    assert shared == told.legs
    assert len({leg.unique_id for leg in told.legs}) == 4
    assert len(told.calls) == 1
    events = rig.channel_events()
    for leg in told.legs:
        of_leg = [e for e in events if e.unique_id == leg.unique_id and e.kind == "HANGUP"]
        assert [e.account_code for e in of_leg] == [leg.reference]
        assert [e.user_field for e in of_leg] == [f"{leg.reference}/{leg.attempt}/{leg.leg}"]


def test_a_trunk_nobody_knows_leaves_no_record(line: Line) -> None:
    seen = []

    def conversation(script: Script) -> None:
        script.result("ANSWER")
        seen.append(script.dial(LEAVES, trunk="nowhere"))
        seen.append(script.variable(SHARED))
        script.done()

    told = line.call(conversation, await_bye(), expected=("endpoint 'nowhere' was not found",))
    assert seen == ["CHANUNAVAIL", ""]
    assert told.legs == []
    assert len(told.calls) == 1


def test_a_leg_whose_caller_is_gone_is_recorded_without_a_complaint(prompts: Path) -> None:
    dialplan = (
        "[talktime-access]\n"
        "exten => 18005550100,1,Answer()\n"
        " same => n,Set(__TALKTIME_CALLER=PJSIP/access-gone)\n"
        f" same => n,Dial(PJSIP/{LEAVES}@carrier,20,"
        "b(talktime-leg-start^s^1(rig-1.1^1^1))U(talktime-leg-answer))\n"
    )
    with Rig(sounds=prompts, dialplan=dialplan) as rig, FarEnd(rig), Ami(rig) as ami:
        told = Line(rig).dial(await_bye())
        (leg,) = told.legs
        assert leg.reference == "rig-1.1"
        until("the event came", lambda: len(ami.user_events("TalktimeLeg")) == 1)


def talking(rig: Rig) -> bool:
    """Whether a leg is up at this moment."""
    kinds = [event.kind for event in rig.channel_events()]
    return kinds.count("BRIDGE_ENTER") > kinds.count("BRIDGE_EXIT")


def test_the_record_is_right_when_the_server_dies_in_mid_call(
    rig: Rig, line: Line, far_end: FarEnd
) -> None:
    def conversation(script: Script) -> None:
        script.result("ANSWER")
        script.dial(STAYS)

    server = AgiServer(rig.agi_address, conversation).__enter__()
    known = len(rig.records())
    with rig.quiet():
        caller = Caller(rig, "18005550100", wait(4), hangup()).start()
        until("the callee is there", lambda: talking(rig))
        server.die()
        caller.finish()
        rig.idle()
    leg = next(record for record in rig.records()[known:] if isinstance(record, LegRecord))
    assert leg.seconds > 1
    assert_billable(rig, far_end, leg)


def test_a_caller_whose_server_died_hears_an_apology(line: Line) -> None:
    def conversation(script: Script) -> None:
        script.result("ANSWER")

    told = line.call(conversation, await_bye(), expected=(LEFT_BY_ITS_SERVER,))
    assert told.outcome.saw("BYE in")
    assert "Playing 'talktime/system-error" in told.log
    assert f"{told.calls[0].reference} {LEFT_BY_ITS_SERVER}, AGISTATUS=SUCCESS" in told.log


def test_a_caller_whose_call_is_done_hears_no_apology(line: Line) -> None:
    def conversation(script: Script) -> None:
        script.result("ANSWER")
        script.set("TALKTIME_DONE", "1")

    told = line.call(conversation, await_bye())
    assert told.outcome.saw("BYE in")
    assert "Playing" not in told.log


def test_without_any_server_the_caller_hears_an_apology(line: Line) -> None:
    told = line.dial(await_bye(), expected=(LEFT_BY_ITS_SERVER, *NO_SERVER))
    assert told.outcome.saw("BYE in")
    assert "Playing 'talktime/system-error" in told.log
    assert told.calls[0].agi_status == "FAILURE"
    assert told.legs == []


def test_without_our_own_prompt_the_apology_is_asterisks() -> None:
    with Rig() as rig:
        told = Line(rig).dial(
            await_bye(), expected=(LEFT_BY_ITS_SERVER, *NO_SERVER, "talktime/system-error")
        )
        assert told.outcome.saw("BYE in")
        assert "Playing 'please-try-call-later" in told.log


def test_a_second_server_takes_the_calls_of_one_that_is_down(prompts: Path) -> None:
    def conversation(script: Script) -> None:
        script.result("ANSWER")
        script.done()

    hosts = tuple(f"127.0.0.1:{free_port('127.0.0.1')}" for _ in range(2))
    with Rig(sounds=prompts, agi_hosts=hosts) as rig:
        second = ("127.0.0.1", int(hosts[1].rsplit(":", 1)[1]))
        with AgiServer(second, conversation) as server:
            told = Line(rig).dial(await_bye(), expected=NO_SERVER)
        (script,) = server.scripts
        assert script.environment["agi_network_script"] == "card"
        assert script.reference == told.calls[0].reference
        assert script.environment["agi_arg_2"] == "rig"
        assert "Playing" not in told.log


def test_a_server_that_hangs_holds_no_channel(prompts: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hung:
        host = f"127.0.0.1:{hung.getsockname()[1]}"
        with Rig(sounds=prompts, agi_hosts=(host,), longest_stay=3) as rig:
            left = Line(rig).dial(cancel(0.5))
            assert left.outcome.saw("487")
            stayed = Line(rig).dial(await_bye())
            assert [len(left.calls), len(stayed.calls)] == [1, 1]


def test_a_server_that_hangs_in_mid_call_does_not_hold_the_leg(
    rig: Rig, line: Line, far_end: FarEnd
) -> None:
    released = threading.Event()

    def conversation(script: Script) -> None:
        script.result("ANSWER")
        script.post(f'EXEC Dial "PJSIP/{STAYS}@carrier,20,gH{script.handlers(1, 1)}"')
        released.wait(60)

    told = line.call(conversation, wait(2), hangup())
    assert not released.is_set()
    released.set()
    assert_billable(rig, far_end, the_leg(told))


def test_the_keys_of_a_caller_are_written_nowhere(rig: Rig, line: Line, ami: Ami) -> None:
    keyed = []

    def conversation(script: Script) -> None:
        script.result("ANSWER")
        keyed.append(script.result("GET DATA beep 5000 9"))
        script.done()

    told = line.call(conversation, wait(1), keys("904711#"), await_bye())
    assert keyed == ["904711"]
    until("the call was told", lambda: bool(ami.user_events("TalktimeCall")))
    events = rig.channel_events()
    kinds = {event.kind for event in events} | {event["Event"] for event in ami.events}
    assert not [kind for kind in kinds if kind.startswith(("DTMF", "AGIExec"))]
    for text in (told.log, str(events), str(ami.events)):
        assert "904711" not in text
        assert '"digit"' not in text.lower()


def test_the_manager_shows_the_channels_and_lets_nobody_act(rig: Rig, line: Line, ami: Ami) -> None:
    answers = {}

    def conversation(script: Script) -> None:
        script.result("ANSWER")
        for action in ("CoreShowChannels", "Status"):
            answers[action] = ami.action(action)["Response"]
        answers["Command"] = ami.action("Command", Command="core show uptime")["Message"]
        answers["Setvar"] = ami.action("Setvar", Variable="A", Value="1")["Message"]
        answers["Originate"] = ami.action("Originate", Channel="Local/1@x")["Message"]
        script.done()

    told = line.call(conversation, await_bye())
    assert answers == {
        "CoreShowChannels": "Success",
        "Status": "Success",
        "Command": "Permission denied",
        "Setvar": "Permission denied",
        "Originate": "Permission denied",
    }
    reference = told.calls[0].reference
    shown = [e["AccountCode"] for e in ami.events if e["Event"] == "CoreShowChannel"]
    assert shown == [reference]


def test_the_clock_of_the_records_is_right_in_every_time_zone(
    tmp_path: Path, prompts: Path
) -> None:
    times = tmp_path / "times"
    dialplan = (
        "[talktime-access]\n"
        "exten => 18005550100,1,Answer()\n"
        " same => n,Set(COUNT=0)\n"
        " same => n(again),Gosub(talktime-now,s,1)\n"
        f" same => n,Set(FILE({times},,,al,u)=${{GOSUB_RETVAL}})\n"
        " same => n,Set(COUNT=$[${COUNT} + 1])\n"
        " same => n,GotoIf($[${COUNT} < 6000]?again)\n"
        " same => n,Hangup()\n"
    )
    with Rig(sounds=prompts, dialplan=dialplan, environment={"TZ": "America/New_York"}) as rig:
        began = tmp_path / "began"
        began.touch()
        Line(rig).dial(await_bye(), expected=("high water mark",))
        told = [float(line) for line in times.read_text().splitlines()]
        assert len(told) == 6000
        assert told == sorted(told)  # a second too early or too late would show as a step back
        assert began.stat().st_mtime - 0.01 <= told[0]
        assert told[-1] <= times.stat().st_mtime + 0.01
        assert max(b - a for a, b in itertools.pairwise(told)) < 0.9
