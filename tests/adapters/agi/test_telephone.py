"""What the caller hears and keys, and what Asterisk is told."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from adapters.agi.causes import DialStatus
from adapters.agi.session import ProtocolError
from adapters.agi.telephone import CallerGone, Keys, Leg, Outcome, Telephone
from application.legs import LegOutcome, LegRecord
from tests.adapters.agi.wire import session_with

OK, GONE, DEAD = b"200 result=0\n", b"200 result=-1\n", b"511 Command Not Permitted\n"
REFERENCE = "pbx1-1763765000.1"
RECORD = f"{REFERENCE}|1|1|1763765001.250|1763765004.000|16|1763765001.2"


def leg(**changes: Any) -> Leg:
    """A leg with everything that has to be said."""
    given = {
        "reference": REFERENCE,
        "attempt": 1,
        "leg": 1,
        "number": "849990000000",
        "trunk": "carrier",
        "ring_seconds": 30,
        "limit_ms": 600_000,
        "warning_sound": "talktime/warning",
    }
    return Leg(**(given | changes))


def head(**changes: str) -> bytes:
    """A head with these lines changed; an empty value leaves the line out."""
    lines = {
        "agi_network_script": "card",
        "agi_channel": "PJSIP/access-00000001",
        "agi_language": "en",
        "agi_uniqueid": "1763765000.1",
        "agi_callerid": "15551230001",
        "agi_callingpres": "3",
        "agi_dnid": "18005550100",
        "agi_extension": "18005550100",
        "agi_arg_1": REFERENCE,
    } | changes
    return "".join(f"{k}: {v}\n" for k, v in lines.items() if v).encode() + b"\n"


def variables(status: str = "ANSWER", cause: str = "16", record: str = "") -> bytes:
    return f"200 result=1 ({status}|{cause}|{record})\n".encode()


# ---- who calls


@pytest.mark.parametrize(
    ("received", "presentation", "usable"),
    [
        ("15551230001", "3", "15551230001"),
        ("+15551230001", "3", "+15551230001"),
        ("15551230001", "0", "15551230001"),
        ("anonymous", "3", None),
        ("unknown", "67", None),
        ("+15551230009", "32", None),
        ("15551230009", "35", None),
        ("15551230009", "67", None),
        ("", "3", None),
        ("1555123x", "3", None),
        ("++1555", "3", None),
        ("+", "3", None),
        ("١٢٣٤٥", "3", None),
        ("9" * 33, "3", None),
    ],
)
def test_a_caller_id_is_usable_when_it_is_a_number_and_not_hidden(
    received: str, presentation: str, usable: str | None
) -> None:
    with session_with(head=head(agi_callerid=received, agi_callingpres=presentation)) as (s, _):
        telephone = Telephone(s)
    assert telephone.caller_id == usable
    assert telephone.caller_id_hidden is (usable is None)
    assert telephone.raw_caller_id == received


@pytest.mark.parametrize(
    ("extension", "dnid", "number"),
    [
        ("18005550100", "18005550100", "18005550100"),
        ("+18005550100", "unknown", "+18005550100"),
        ("s", "18005550100", "18005550100"),
        ("18005550100;npdi=yes;rn=+1", "x", "18005550100"),
        ("s", "unknown", ""),
    ],
)
def test_the_access_number_is_what_was_dialled(extension: str, dnid: str, number: str) -> None:
    with session_with(head=head(agi_extension=extension, agi_dnid=dnid)) as (session, _):
        assert Telephone(session).access_number == number


def test_the_reference_names_the_node() -> None:
    with session_with(head=head(agi_arg_1="pbx-2-1763765000.42")) as (session, _):
        telephone = Telephone(session)
    assert (telephone.reference, telephone.node) == ("pbx-2-1763765000.42", "pbx-2")
    assert (telephone.channel, telephone.language) == ("PJSIP/access-00000001", "en")


@pytest.mark.parametrize("reference", ["", "a^b", "a,b", "a b", "a)b", "-a", "x" * 101])
def test_a_call_without_a_proper_reference_is_refused(reference: str) -> None:
    with (
        session_with(head=head(agi_arg_1=reference)) as (session, _),
        pytest.raises(ProtocolError, match="<node>-<unique id>"),
    ):
        Telephone(session)


# ---- playing and asking


def test_sounds_are_played_in_one_exchange() -> None:
    with session_with(OK) as (session, far):
        Telephone(session).play(["talktime/you-have", "digits/5", "talktime/minutes"])
        session.close()
        assert far.lines() == [b'EXEC Playback "talktime/you-have&digits/5&talktime/minutes"']


def test_nothing_to_play_is_no_exchange() -> None:
    with session_with() as (session, far):
        Telephone(session).play([])
        session.close()
        assert far.lines() == []


def test_a_very_long_list_is_played_in_parts() -> None:
    sounds = [f"talktime/sound-{n:04d}" for n in range(200)]
    with session_with(*[OK] * 10) as (session, far):
        Telephone(session).play(sounds)
        session.close()
        lines = far.lines()
    assert 1 < len(lines) < 5
    assert all(len(line) < 2048 for line in lines)
    assert [s for line in lines for s in line.decode().split('"')[1].split("&")] == sounds


@pytest.mark.parametrize("name", ["a&b", 'a"b', "a,b", "a b", "../x", "a/../b", "a\nb", "", "ä"])
def test_a_sound_that_is_no_path_is_refused(name: str) -> None:
    with session_with() as (session, _), pytest.raises(ValueError, match="a sound is a path"):
        Telephone(session).play([name])


@pytest.mark.parametrize(
    ("answer", "keys"),
    [
        (b"200 result=4711\n", Keys("4711", True)),
        (b"200 result=4711 (timeout)\n", Keys("4711", False)),
        (b"200 result= (timeout)\n", Keys("", False)),
        (b"200 result=\n", Keys("", True)),
        (b"200 result=*32\n", Keys("*32", True)),
    ],
)
def test_a_question_of_one_sound_is_one_exchange(answer: bytes, keys: Keys) -> None:
    with session_with(answer) as (session, far):
        assert Telephone(session).ask(["talktime/pin"], most=12, first_ms=7000) == keys
        session.close()
        assert far.lines() == [b'GET DATA "talktime/pin" 7000 12']


def test_a_question_of_several_sounds_is_two_exchanges() -> None:
    with session_with(OK, b"200 result=12\n") as (session, far):
        assert Telephone(session).ask(["a", "b", "c"]) == Keys("12", True)
        session.close()
        assert far.lines() == [b'EXEC Background "a&b"', b'GET DATA "c" 8000 40']


def test_a_key_that_interrupts_is_the_first_key() -> None:
    with session_with(b"200 result=52\n", b"200 result=711\n") as (session, far):
        keys = Telephone(session).ask(["a", "b"], most=10, between_ms=4000)
        assert keys == Keys("4711", True)
        session.close()
        assert far.lines()[1] == b'GET DATA "" 4000 9'


def test_a_hash_that_interrupts_ends_the_question() -> None:
    with session_with(b"200 result=35\n") as (session, _):
        assert Telephone(session).ask(["a", "b"]) == Keys("", True)


def test_a_question_for_one_key_is_answered_by_the_interruption() -> None:
    with session_with(b"200 result=49\n") as (session, _):
        assert Telephone(session).ask(["a", "b"], most=1) == Keys("1", True)


@pytest.mark.parametrize("limits", [{"most": 0}, {"most": 81}, {"first_ms": 0}, {"between_ms": 0}])
def test_a_question_has_limits(limits: dict[str, int]) -> None:
    with session_with() as (session, _), pytest.raises(ValueError, match=r"question|caller"):
        Telephone(session).ask(["a"], **limits)


@pytest.mark.parametrize("answer", [b"200 result=hello\n", b"200 result=1,2\n"])
def test_keys_are_keys(answer: bytes) -> None:
    with session_with(answer) as (session, _), pytest.raises(ProtocolError, match="keys"):
        Telephone(session).ask(["a"])


@pytest.mark.parametrize(
    ("digits", "number"),
    [
        ("849990000000", "849990000000"),
        ("12*849990000000", "849990000000"),
        ("12*34*56", "56"),
        ("12*", ""),
        ("*32", "*32"),
        ("*0", "*0"),
        ("", ""),
    ],
)
def test_a_star_after_a_digit_starts_the_number_over(digits: str, number: str) -> None:
    assert Keys(digits, True).number == number


def test_keys_and_numbers_are_never_shown() -> None:
    assert repr(Keys("4711", True)) == "Keys(finished=True)"
    assert "849990000000" not in repr(leg())


# ---- missing sounds and callers who leave


def test_a_missing_sound_is_logged_and_the_call_goes_on() -> None:
    answers = [GONE, b"200 result=6\n", b"200 result=12\n"]
    with structlog.testing.capture_logs() as logs, session_with(*answers) as (session, far):
        assert Telephone(session).ask(["nosuch"]) == Keys("12", True)
        session.close()
        assert far.lines()[1:] == [b"CHANNEL STATUS", b'GET DATA "" 8000 40']
    (log,) = logs
    assert (log["event"], log["sounds"], log["log_level"]) == ("sound_missing", "nosuch", "warning")


@pytest.mark.parametrize("dead", [[GONE, DEAD], [DEAD], [GONE], []])
def test_every_way_of_leaving_is_one_exception(dead: list[bytes]) -> None:
    for does in (
        lambda t: t.answer(),
        lambda t: t.play(["a"]),
        lambda t: t.ask(["a"]),
        lambda t: t.ask(["a", "b"]),
    ):
        with (
            session_with(*dead, close=True) as (session, _),
            pytest.raises(CallerGone),
        ):
            does(Telephone(session))


def test_saying_goodbye_to_a_caller_who_left_is_silent() -> None:
    for answers in ([], [DEAD, DEAD]):
        with session_with(*answers, close=True) as (session, _):
            telephone = Telephone(session)
            telephone.done()
            telephone.hangup()


def test_the_end_is_told_to_the_dial_plan() -> None:
    with session_with(b"200 result=1\n", b"200 result=1\n") as (session, far):
        telephone = Telephone(session)
        telephone.done()
        telephone.hangup()
        session.close()
        assert far.lines() == [b'SET VARIABLE "TALKTIME_DONE" "1"', b"HANGUP"]


def test_a_language_is_set_once() -> None:
    with session_with(b"200 result=1\n", b"200 result=1\n") as (session, far):
        telephone = Telephone(session)
        telephone.set_language("en")
        telephone.set_language("fr")
        telephone.set_language("fr")
        with pytest.raises(ValueError, match="a language is a code"):
            telephone.set_language("fr,x")
        session.close()
        assert far.lines() == [b'SET VARIABLE "CHANNEL(language)" "fr"']
        assert telephone.language == "fr"


# ---- dialling


def test_a_leg_is_dialled_in_three_exchanges() -> None:
    with session_with(OK, OK, variables(record=RECORD)) as (session, far):
        telephone = Telephone(session)
        telephone.prepare_dial_keys("##")
        outcome = telephone.dial(leg())
        session.close()
        assert far.lines() == [
            b'EXEC MSet "LIMIT_PLAYAUDIO_CALLER=yes,LIMIT_PLAYAUDIO_CALLEE=no,'
            b'LIMIT_WARNING_FILE=talktime/warning,FEATUREMAP(disconnect)=##"',
            b'EXEC Dial "PJSIP/849990000000@carrier,30,gHL(600000:120000)'
            b"b(talktime-leg-start^s^1(pbx1-1763765000.1^1^1))"
            b'U(talktime-leg-answer^pbx1-1763765000.1^1^1)"',
            b'GET FULL VARIABLE "${DIALSTATUS}|${HANGUPCAUSE}|${SHARED(TALKTIME_LEG)}"',
        ]
    record = LegRecord(REFERENCE, 1, 1, 1763765001250, 1763765004000, 16, "1763765001.2")
    assert outcome == Outcome(DialStatus.ANSWER, 16, record)
    assert outcome.result is LegOutcome.ANSWERED
    assert record.talked_ms == 2750


def test_the_next_leg_sets_only_what_changes() -> None:
    again = RECORD.replace("|1|1|", "|2|1|")
    answers = [OK, OK, variables(record=RECORD), OK, variables(record=again), OK, OK, variables()]
    with session_with(*answers, *[variables()] * 3) as (session, far):
        telephone = Telephone(session, wait=lambda _: None, leg_looks=1)
        telephone.dial(leg())
        telephone.dial(leg(attempt=2))
        telephone.dial(leg(attempt=3, limit_ms=60_000))
        session.close()
        lines = [line for line in far.lines() if b"MSet" in line]
    assert len(lines) == 2
    assert lines[1] == b'EXEC MSet "LIMIT_CONNECT_FILE=talktime/warning"'


def test_a_connect_warning_is_taken_back_for_a_longer_leg() -> None:
    with session_with(OK, OK, variables("BUSY"), OK, OK, variables("BUSY")) as (session, far):
        telephone = Telephone(session)
        telephone.dial(leg(limit_ms=60_000))
        telephone.dial(leg(limit_ms=600_000))
        session.close()
        assert far.lines()[3] == b'EXEC MSet "LIMIT_CONNECT_FILE="'


@pytest.mark.parametrize(
    ("changes", "limit", "connect"),
    [
        ({"limit_ms": 600_000}, "L(600000:120000)", ""),
        ({"limit_ms": 120_001}, "L(120001:120000)", ""),
        ({"limit_ms": 120_000}, "L(120000)", "talktime/warning"),
        ({"limit_ms": 30_000}, "L(30000)", "talktime/warning"),
        ({"limit_ms": 30_000, "warn_ms": 10_000}, "L(30000:10000)", ""),
        ({"warning_sound": None}, "L(600000)", ""),
        ({"warning_sound": None, "limit_ms": 30_000}, "L(30000)", ""),
    ],
)
def test_the_warning_comes_once_and_to_the_caller_only(
    changes: dict[str, Any], limit: str, connect: str
) -> None:
    one = leg(**changes)
    assert f"gH{limit}b(" in one.command
    assert one.variables["LIMIT_CONNECT_FILE"] == connect
    assert one.variables["LIMIT_PLAYAUDIO_CALLEE"] == "no"
    assert one.variables["LIMIT_TIMEOUT_FILE"] == ""


def test_a_caller_id_is_sent_when_it_is_given() -> None:
    assert "f(+15557770000)b(" in leg(caller_id="+15557770000").command
    assert "f(" not in leg().command


def test_another_endpoint_may_be_dialled() -> None:
    template = "PJSIP/{trunk}/sip:{number}@192.0.2.1:5060"
    assert leg(endpoint=template).command.startswith("PJSIP/carrier/sip:849990000000@192.0.2.1")


@pytest.mark.parametrize("bad", ["1,2", "1&2", "1)", '1"', "1\n", "1^2", "${X}", "", "١٢", " 1"])
@pytest.mark.parametrize(
    "name", ["reference", "number", "trunk", "caller_id", "warning_sound", "endpoint"]
)
def test_nothing_but_plain_values_reaches_the_dial_plan(name: str, bad: str) -> None:
    with pytest.raises(ValueError):
        leg(**{name: bad})


@given(st.text(max_size=30), st.sampled_from(["reference", "number", "trunk", "endpoint"]))
def test_whatever_is_accepted_is_one_channel_of_one_dial(text: str, name: str) -> None:
    try:
        command = leg(**{name: text}).command
    except ValueError:
        return
    assert command.count(",") == 2
    assert command.isascii()
    assert not set(command.partition(",")[0]) & set('&"\\$[]{}()^|;\r\n\0 ')


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("attempt", 0),
        ("leg", 0),
        ("ring_seconds", 0),
        ("ring_seconds", 601),
        ("limit_ms", 999),
        ("limit_ms", 86_400_001),
        ("warn_ms", 0),
    ],
)
def test_numbers_have_limits(name: str, bad: int) -> None:
    with pytest.raises(ValueError, match=name):
        leg(**{name: bad})


@pytest.mark.parametrize("keys", ["", "a", "*,#", "*" * 9, "*)"])
def test_hang_up_keys_are_keys(keys: str) -> None:
    with session_with() as (session, _), pytest.raises(ValueError, match="hang-up keys"):
        Telephone(session).prepare_dial_keys(keys)


# ---- after the leg


def test_a_leg_record_that_comes_late_is_waited_for() -> None:
    waited: list[float] = []
    looks = [variables(), variables(), variables(record=RECORD)]
    with session_with(OK, OK, *looks) as (session, _):
        outcome = Telephone(session, wait=waited.append).dial(leg())
    assert outcome.leg is not None
    assert waited == [0.1, 0.1]


@pytest.mark.parametrize(
    "record",
    [
        "",
        RECORD.replace("|1|1|", "|1|2|"),
        RECORD.replace("1763765000.1|", "1763765000.7|"),
        "nonsense",
    ],
)
def test_the_record_of_another_leg_is_not_taken(record: str) -> None:
    waited: list[float] = []
    with (
        structlog.testing.capture_logs() as logs,
        session_with(OK, OK, *[variables(record=record)] * 4) as (session, _),
    ):
        outcome = Telephone(session, wait=waited.append, leg_looks=3).dial(leg())
    assert outcome == Outcome(DialStatus.ANSWER, 16, None)
    assert len(waited) == 3
    assert logs[-1]["event"] == "leg_record_missing"


@pytest.mark.parametrize("status", ["BUSY", "NOANSWER", "CONGESTION", "CHANUNAVAIL", "CANCEL"])
def test_a_leg_that_was_not_answered_is_not_waited_for(status: str) -> None:
    waited: list[float] = []
    with session_with(OK, OK, variables(status, "21")) as (session, _):
        outcome = Telephone(session, wait=waited.append).dial(leg())
    assert outcome.status == status
    assert waited == []
    assert outcome.cause == (None if status in ("NOANSWER", "CANCEL") else 21)


def test_a_caller_who_leaves_while_talking_leaves_a_leg_to_settle() -> None:
    with session_with(OK, GONE, variables(record=RECORD)) as (session, _):
        outcome = Telephone(session).dial(leg())
    assert outcome.caller_gone
    assert outcome.leg is not None


@pytest.mark.parametrize("answers", [[OK], [OK, GONE], [OK, OK]])
def test_a_connection_lost_in_a_leg_leaves_the_outcome_unknown(answers: list[bytes]) -> None:
    with session_with(*answers, close=True) as (session, _):
        outcome = Telephone(session).dial(leg())
    assert outcome == Outcome(DialStatus.UNKNOWN, None, None, caller_gone=True)
    assert outcome.result is LegOutcome.UNKNOWN


def test_a_caller_who_left_before_the_leg_has_dialled_nothing() -> None:
    for answers in ([], [DEAD]):
        with session_with(*answers, close=True) as (session, _), pytest.raises(CallerGone):
            Telephone(session).dial(leg())
