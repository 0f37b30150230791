"""What Asterisk wrote reaches the ledger: once each, whatever is killed, away, torn or shuffled."""

from __future__ import annotations

import threading
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.asterisk.shipper import Shipper
from application.node_reports import CallEnded, DirectReports, LegEnded, LegSeen, Outcome
from application.ports import LedgerUnavailable
from domain.call_sessions import AttemptSettled, SettlementDisputed
from tests.adapters.asterisk.support import (
    START,
    FakeLedger,
    Node,
    call_line,
    cel_rows,
    leg_line,
    reference,
)
from tests.support.story import WARSAW, Story, dollars

CALL = reference(1)
OTHER = reference(2)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_an_answered_leg_is_reported_at_once(node: Node) -> None:
    node.writes(leg_line(CALL, 5.25))
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 5250, "leg record")]


def test_a_leg_nobody_answered_is_not_worth_a_report(node: Node) -> None:
    node.writes(leg_line(CALL, None))
    node.turn()
    node.restart()
    node.turn()
    assert node.ledger.reports == []


def test_the_end_of_a_call_waits_for_the_records_of_its_legs(node: Node) -> None:
    node.writes(call_line(CALL))
    node.turn()
    node.turn(after=1.9)
    assert node.ledger.reports == []
    node.writes(leg_line(CALL))
    node.turn(after=0.2)
    assert [type(report) for report in node.ledger.reports] == [LegEnded, CallEnded]


def test_a_leg_written_while_the_ledger_was_away_comes_before_the_end_of_its_call(
    node: Node,
) -> None:
    node.writes(leg_line(OTHER), call_line(CALL))
    node.ledger.away = 10
    node.time.waited = [lambda: node.writes(leg_line(CALL))]
    node.turn()
    for _ in range(3):
        node.turn(after=1)
    told = [r for r in node.ledger.reports if CALL in str(r)]
    assert [type(report) for report in told] == [LegEnded, CallEnded]


def test_nothing_is_passed_over_while_the_ledger_is_away(node: Node) -> None:
    node.writes(leg_line(CALL))
    node.ledger.away = 30
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 5000, "leg record")]
    assert (
        node.shipper.counters.ledger_failures == 29 or node.shipper.counters.ledger_failures == 30
    )


def test_a_kill_after_the_report_and_before_the_place_was_saved_repeats_it(node: Node) -> None:
    node.writes(leg_line(CALL))
    (node.folder / "legs.offset").mkdir()  # the place cannot be saved
    node.turn()
    (node.folder / "legs.offset").rmdir()
    node.restart()
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 5000, "leg record")] * 2


def test_a_restart_reports_nothing_twice_that_was_saved(node: Node) -> None:
    node.writes(leg_line(CALL), call_line(CALL))
    node.turn()
    node.turn(after=3)
    node.restart()
    node.turn(after=3)
    assert len(node.ledger.reports) == 2


def test_a_call_that_waited_when_the_shipper_was_killed_is_reported_later(node: Node) -> None:
    node.writes(leg_line(CALL), call_line(CALL))
    node.turn()
    node.restart()
    node.turn()
    node.turn(after=2)
    assert node.ledger.told(CallEnded) == [CallEnded(CALL)]


@pytest.mark.parametrize(
    "poison",
    [
        "nonsense",
        "leg|",
        "leg|a|b|c|d|e|f|g",
        f"leg|{CALL}|1|1|{START}.1||16|1.1",
        f"leg|{CALL}|0|1|{START}.1|{START}.2|16|1.1",
        "call|x",
        f"call|{CALL}|soon|ANSWER|HANGUP|16",
        "\x00\x00\x00",
        "leg|" + "9" * 5000,
        "leg|" * 2000,
    ],
)
def test_a_line_nobody_can_read_is_kept_and_passed_over(node: Node, poison: str) -> None:
    node.writes(poison, leg_line(CALL))
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 5000, "leg record")]
    assert node.rejected() == [poison]
    assert node.shipper.counters.rejected == 1


def test_a_record_behind_a_torn_one_on_the_same_line_counts(node: Node) -> None:
    torn = leg_line(OTHER)[:40]
    node.writes(torn + leg_line(CALL))
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 5000, "leg record")]
    assert node.rejected() == [torn + leg_line(CALL)]


def test_a_report_the_ledger_knows_nothing_of_does_not_hold_up_the_others(node: Node) -> None:
    node.ledger.verdicts[CALL] = Outcome.UNKNOWN
    node.writes(leg_line(CALL), leg_line(OTHER))
    node.turn()
    node.restart()
    node.turn()
    assert [leg[0] for leg in node.ledger.legs()] == [CALL, OTHER]
    assert node.rejected() == []


def test_a_report_the_ledger_fails_on_is_given_up_in_the_end_and_kept(node: Node) -> None:
    node.ledger.verdicts[CALL] = Outcome.FAILED
    node.writes(leg_line(CALL), leg_line(OTHER))
    node.turn()
    assert [leg[0] for leg in node.ledger.legs()].count(CALL) == 5
    assert [leg[0] for leg in node.ledger.legs()].count(OTHER) == 1
    assert node.rejected() == [leg_line(CALL)]


def test_many_lines_go_in_bounded_batches(node: Node) -> None:
    node.writes(*(leg_line(reference(n)) for n in range(1, 451)))
    node.turn()
    assert sorted(node.ledger.batches) == [50, 200, 200]


def test_steps_of_the_clock_neither_hurry_nor_hold_up_the_end_of_a_call(node: Node) -> None:
    node.writes(call_line(CALL, at=-9999), call_line(OTHER, at=9999))
    node.turn()
    assert node.ledger.reports == []
    node.time.wall = node.time.wall.replace(year=2031)
    node.turn()
    assert node.ledger.reports == []
    node.turn(after=2)
    assert node.ledger.reports == [CallEnded(CALL), CallEnded(OTHER)]


# ---- the second witness


ANSWERED = (("ANSWER", 10.0), ("BRIDGE_ENTER", 10.1))
TALKED_FIVE = (*ANSWERED, ("BRIDGE_EXIT", 15.0), ("HANGUP", 15.1), ("CHAN_END", 15.1))


def test_a_leg_without_a_record_is_reported_from_its_events(node: Node) -> None:
    node.channel_events(*cel_rows(CALL, *TALKED_FIVE))
    node.turn()
    node.turn(after=9)
    assert node.ledger.reports == []
    node.turn(after=2)
    assert node.ledger.legs() == [(CALL, 1, 5000, "channel events")]
    node.turn(after=60)
    assert len(node.ledger.legs()) == 1


def test_a_call_ends_with_what_its_events_tell_of_a_leg_without_record(node: Node) -> None:
    node.channel_events(*cel_rows(CALL, *TALKED_FIVE))
    node.writes(call_line(CALL))
    node.turn()
    node.turn(after=2)
    assert [type(report) for report in node.ledger.reports] == [LegEnded, CallEnded]


def test_a_call_does_not_end_while_its_events_say_that_a_leg_is_up(node: Node) -> None:
    node.channel_events(*cel_rows(CALL, *ANSWERED))
    node.writes(call_line(CALL))
    node.turn()
    node.turn(after=30)
    assert node.ledger.reports == []
    node.channel_events(*cel_rows(CALL, *TALKED_FIVE[2:]))
    node.turn(after=1)
    assert [type(report) for report in node.ledger.reports] == [LegEnded, CallEnded]


def test_a_call_whose_leg_seems_up_for_long_is_left_to_the_reconciliation(node: Node) -> None:
    node.channel_events(*cel_rows(CALL, *ANSWERED))
    node.writes(call_line(CALL), call_line(OTHER))
    node.turn()
    node.turn(after=61)
    assert node.ledger.reports == [CallEnded(OTHER)]
    node.restart()
    node.turn()
    assert node.ledger.reports == [CallEnded(OTHER)]


@pytest.mark.parametrize(("seconds", "reports"), [(5.9, 1), (4.1, 1), (6.2, 2), (3.8, 2)])
def test_witnesses_that_differ_by_more_than_a_second_are_both_heard(
    node: Node, seconds: float, reports: int
) -> None:
    node.writes(leg_line(CALL, seconds))
    node.channel_events(*cel_rows(CALL, *TALKED_FIVE))
    node.turn()
    node.turn(after=20)
    assert len(node.ledger.legs()) == reports
    assert node.shipper.counters.disagreements == reports - 1


def test_a_leg_that_was_up_when_the_shipper_was_killed_is_known_again(node: Node) -> None:
    node.channel_events(*cel_rows(CALL, *ANSWERED))
    node.turn()
    node.restart()
    node.channel_events(*cel_rows(CALL, *TALKED_FIVE[2:]))
    node.turn()
    node.turn(after=11)
    assert node.ledger.legs() == [(CALL, 1, 5000, "channel events")]


def test_without_channel_events_the_records_alone_count(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.settings = type(node.settings)(node="pbx1", spool=tmp_path)
    node.start()
    node.writes(leg_line(CALL), call_line(CALL))
    node.turn()
    node.turn(after=2)
    assert [type(report) for report in node.ledger.reports] == [LegEnded, CallEnded]


# ---- running


def test_it_stops_while_the_ledger_is_away(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.writes(leg_line(CALL))
    tried = threading.Event()

    class Away(FakeLedger):
        def apply(self, reports: object) -> object:  # type: ignore[override]
            tried.set()
            raise LedgerUnavailable("away")

    shipper = Shipper(node.settings, Away(), None, node.time)  # type: ignore[arg-type]
    thread = threading.Thread(target=shipper.run)
    thread.start()
    assert tried.wait(10)
    shipper.stop()
    thread.join(10)
    assert not thread.is_alive()
    shipper.close()
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 5000, "leg record")]


# ---- with the real rules behind it


class NoOpenAttempts:
    def of_node(self, node: str, most: int) -> list[object]:
        return []

    def overdue(self, now: object, most: int) -> list[object]:
        return []


MOMENTS = st.lists(st.sampled_from(["turn", "pass", "kill", "fail", "lose"]), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), moments=MOMENTS)
def test_lines_in_any_order_and_number_charge_each_attempt_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, moments: list[str]
) -> None:
    story = Story()
    story.group()
    lines: list[str] = []
    seconds: dict[UUID, int] = {}
    for number in range(3):
        card = story.card()
        call = story.caller(card, caller_id=f"+4860031605{number}")
        story.dialling.dial(call, WARSAW)
        seconds[call.session_id] = 10 * (number + 1)
        lines += [leg_line(call.reference, None, leg=1)]
        lines += [leg_line(call.reference, 10 * (number + 1), leg=2), call_line(call.reference)]
    doubled = lines + data.draw(st.lists(st.sampled_from(lines), max_size=6))
    shuffled = data.draw(st.permutations(doubled))
    reports = DirectReports(story.settlement, NoOpenAttempts())  # type: ignore[arg-type]
    node = Node(tmp_path_factory.mktemp("node"), reports)  # type: ignore[arg-type]
    node.writes(*shuffled)

    def recover() -> None:
        story.units.unavailable = False

    for moment in [*moments, "turn", "pass", "turn"]:
        match moment:
            case "turn":
                node.turn()
            case "pass":
                node.turn(after=3)
            case "kill":
                node.restart()
            case "fail":
                story.units.unavailable = True
                node.time.waited = [recover]
            case "lose":
                story.units.lose_next_answer = True
    for session_id, talked in seconds.items():
        facts = story.units.facts(session_id)
        settled = [fact for fact in facts if isinstance(fact, AttemptSettled)]
        assert [fact.seconds for fact in settled] == [talked]
        assert settled[0].charge == dollars(0, talked)
        assert not [fact for fact in facts if isinstance(fact, SettlementDisputed)]
    node.shipper.close()


# ---- reconciliation runs with it


def test_it_reconciles_at_its_start_every_minute_and_when_asterisk_comes_and_goes(
    node: Node,
) -> None:
    node.turn()
    node.turn(after=59)
    assert node.shipper.counters.reconciliations == 1
    node.turn(after=1)
    assert node.shipper.counters.reconciliations == 2
    node.asterisk.starts("first", at=20)
    node.turn()
    node.turn()
    assert node.shipper.counters.reconciliations == 3
    node.asterisk.run = None
    node.turn()
    assert node.shipper.counters.reconciliations == 4


def test_a_reconciliation_the_ledger_did_not_answer_to_is_tried_again_soon(node: Node) -> None:
    node.ledger.away = 1
    node.turn()
    node.turn(after=1)
    assert node.shipper.counters.reconciliations == 0
    node.turn(after=4)
    assert node.shipper.counters.reconciliations == 1


def test_confirmed_usage_is_reported_while_a_leg_is_up(node: Node) -> None:
    node.ledger.opens(CALL)
    node.asterisk.starts("first", at=0)
    node.asterisk.has_call(CALL, talking_since=10)
    node.turn()
    assert node.ledger.reports == [LegSeen(CALL, 1, (START + 10) * 1000, 11)]
