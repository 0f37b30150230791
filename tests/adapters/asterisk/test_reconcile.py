"""What became of a call that the ledger waits for: alive, ended or unknown, and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.asterisk.alive import SignsOfLife
from application.node_reports import CallEnded, LegSeen
from tests.adapters.asterisk.support import START, Node, call_line, cel_rows, leg_line, reference

CALL = reference(1)
ANSWERED = (("ANSWER", 10.0), ("BRIDGE_ENTER", 10.1))
TALKED_FIVE = (*ANSWERED, ("BRIDGE_EXIT", 15.0), ("HANGUP", 15.1))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path)
    node.ledger.opens(CALL)
    node.asterisk.starts("first", at=0)
    return node


def test_a_call_without_channels_and_without_an_answer_has_ended(node: Node) -> None:
    node.turn()
    assert node.ledger.reports == [CallEnded(CALL)]
    assert node.asterisk.asked == 2


def test_a_call_whose_caller_is_still_there_is_left_alone(node: Node) -> None:
    node.asterisk.has_call(CALL)
    node.turn()
    assert node.ledger.reports == []


def test_a_call_whose_channel_is_new_and_only_linked_to_its_caller_is_left_alone(
    node: Node,
) -> None:
    node.asterisk.has_call(CALL)
    unnamed = [
        type(c)(c.name, c.unique_id + "1", c.linked_id, "", False) for c in node.asterisk.alive
    ]
    node.asterisk.alive = unnamed
    node.turn()
    assert node.ledger.reports == []


def test_a_call_that_was_gone_only_at_the_second_look_is_left_alone(node: Node) -> None:
    node.asterisk.has_call(CALL)
    node.time.waited = [node.asterisk.alive.clear]
    node.turn()
    assert node.ledger.reports == []


def test_a_failed_query_settles_nothing(node: Node) -> None:
    node.asterisk.fails = True
    node.turn()
    assert node.ledger.reports == []


def test_a_second_query_that_fails_settles_nothing(node: Node) -> None:
    def fail() -> None:
        node.asterisk.fails = True

    node.time.waited = [fail]
    node.turn()
    assert node.ledger.reports == []


def test_two_looks_at_two_runs_of_asterisk_settle_nothing(node: Node) -> None:
    node.time.waited = [lambda: node.asterisk.starts("second", at=21)]
    node.turn()
    assert node.ledger.reports == []


def test_records_that_wait_in_the_spool_come_first(node: Node) -> None:
    node.writes(leg_line(CALL, 5), call_line(CALL))
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 5000, "leg record")]
    assert node.ledger.told(CallEnded) == [], "its own record says so, in a moment"
    node.turn(after=2)
    assert node.ledger.told(CallEnded) == [CallEnded(CALL)]


def test_a_record_written_between_the_two_looks_comes_first(node: Node) -> None:
    node.time.waited = [lambda: node.writes(leg_line(CALL, 5))]
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 5000, "leg record")]


def test_a_leg_of_which_only_events_are_left_is_charged_from_them(node: Node) -> None:
    node.channel_events(*cel_rows(CALL, *TALKED_FIVE))
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 5000, "channel events")]
    assert node.ledger.reports[-1] == CallEnded(CALL)


def test_a_leg_taken_down_with_asterisk_ends_at_its_last_sign_of_life(node: Node) -> None:
    node.channel_events(*cel_rows(CALL, *ANSWERED))
    node.asterisk.is_seen(at=17.5)
    node.asterisk.starts("second", at=30)
    node.turn()
    assert node.ledger.legs() == [(CALL, 1, 7500, "last sign of life")]
    assert node.ledger.reports[-1] == CallEnded(CALL)
    node.ledger.open = []
    node.turn(after=60)
    assert len(node.ledger.legs()) == 1


def test_the_last_sign_of_life_outlives_the_shipper(node: Node) -> None:
    node.channel_events(*cel_rows(CALL, *ANSWERED))
    node.asterisk.is_seen(at=17.5)
    node.asterisk.signs.save()
    again = Node(node.folder, node.ledger)
    again.asterisk.starts("second", at=30)
    again.turn()
    assert node.ledger.legs() == [(CALL, 1, 7500, "last sign of life")]


def test_a_leg_of_a_run_that_nobody_watched_ends_at_its_own_last_event(node: Node) -> None:
    node.channel_events(*cel_rows(CALL, *ANSWERED))
    (node.folder / "alive").unlink(missing_ok=True)
    again = Node(node.folder, node.ledger)
    again.asterisk.starts("second", at=30)
    again.turn()
    assert node.ledger.legs() == [(CALL, 1, 100, "last sign of life")]


def test_while_asterisk_is_lost_what_was_talked_is_confirmed_and_nothing_settled(
    node: Node,
) -> None:
    node.channel_events(*cel_rows(CALL, *ANSWERED))
    node.asterisk.is_seen(at=17.5)
    node.asterisk.run = None
    node.turn()
    assert node.ledger.reports == [LegSeen(CALL, 1, (START + 10) * 1000, 7)]


def test_while_asterisk_is_lost_a_call_without_an_answer_keeps_its_hold(node: Node) -> None:
    node.asterisk.run = None
    node.turn()
    assert node.ledger.reports == []


def test_once_the_limit_has_surely_passed_the_last_sign_of_life_is_all_there_is(
    tmp_path: Path,
) -> None:
    node = Node(tmp_path)
    node.ledger.opens(CALL, limit=100)
    node.asterisk.starts("first", at=0)
    node.channel_events(*cel_rows(CALL, *ANSWERED))
    node.asterisk.is_seen(at=17.5)
    node.asterisk.run = None
    node.turn(after=95)
    assert node.ledger.legs() == [(CALL, 1, 7500, "last sign of life")]


def test_a_full_disk_leaves_what_was_seen_of_the_living_leg(node: Node) -> None:
    node.asterisk.has_call(CALL, talking_since=10)
    node.turn()
    node.asterisk.alive.clear()
    node.turn(after=60)
    assert node.ledger.legs() == [(CALL, 1, 11_000, "last sign of life")]


def test_a_channel_that_ends_while_it_is_asked_for_confirms_nothing(node: Node) -> None:
    node.asterisk.has_call(CALL, talking_since=10)
    node.asterisk.variables.clear()
    node.turn()
    assert node.ledger.reports == []


def signs(tmp_path: Path) -> SignsOfLife:
    return SignsOfLife(tmp_path / "alive")


def test_signs_of_life_are_those_of_the_run_that_was_alive(tmp_path: Path) -> None:
    alive = signs(tmp_path)
    alive.begin("a", 1_000_000, 1_000_000)
    alive.see(2_000_000)
    alive.begin("b", 3_000_000, 3_000_000)
    alive.see(4_000_000)
    alive.begin("c", 5_000_000, 5_000_000)
    assert alive.ended_after(1_500_000) == 2_000_000
    assert alive.ended_after(3_500_000) == 4_000_000
    assert alive.ended_after(2_500_000) == 2_500_000, "of no run that was seen"
    assert alive.ended_after(5_500_000) is None, "that run is still up"


def test_the_same_start_is_the_same_run(tmp_path: Path) -> None:
    alive = signs(tmp_path)
    assert alive.begin("a", 1_000_000, 1_000_000)
    assert not alive.begin("a", 1_000_000, 2_000_000)
    assert alive.last_alive() == 2_000_000


@pytest.mark.parametrize("started_ms", [0, 9_999_999_000])
def test_a_start_that_cannot_be_true_is_put_right(tmp_path: Path, started_ms: int) -> None:
    alive = signs(tmp_path)
    alive.begin("a", 1_000_000, 2_000_000)
    alive.begin("b", started_ms, 3_000_000)
    assert alive.instances[-1].started_ms == 3_000_000


@pytest.mark.parametrize("content", ["", "[", '{"instances": [1]}', '{"instances": [[1, 2]]}'])
def test_signs_of_life_that_cannot_be_read_are_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "alive").write_text(content)
    assert signs(tmp_path).instances == ()
