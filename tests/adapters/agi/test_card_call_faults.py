"""Callers leave at any moment and a ledger goes away: nothing is lost or charged twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from adapters.phone.asterisk_side import (
    ANSWERS,
    BUSY,
    CANCELLED,
    CONGESTION,
    NO_ANSWER,
    REJECTED,
    UNAVAILABLE,
    Talk,
)
from application.speech import Prompt
from domain.call_sessions import CallEnded
from tests.adapters.agi.calling import Exchange, Heard, WhimsicalLine, exchange
from tests.support.story import ROME, WARSAW, PrintedCard, dollars

LEFT_AFTER = {
    0: dollars(10),
    **dict.fromkeys((1, 2, 3), dollars(9, 40)),
    4: dollars(9, 10),
}
"""What is left of the card when so many legs of the script were dialled."""


@pytest.fixture
def world() -> Iterator[Exchange]:
    with exchange() as opened:
        yield opened


def script(card: PrintedCard) -> list[str]:
    """A call with everything in it: a wrong PIN, two talks, two routes, a busy number."""
    return [
        *(f"{card.number}#", "00000000#"),
        *(f"{card.number}#", f"{card.pin}#"),
        *("*32#", "111#"),
        *(f"{WARSAW}#", "talk 60"),
        *(f"{ROME}#", "busy"),
        *(f"{ROME}#", "congestion", "talk 30"),
        *("#", "#"),
    ]


def prepared(world: Exchange) -> PrintedCard:
    """An exchange with two trunks, and a card of it. Opened again, it is another card."""
    world.routes.trunks = ("cheap", "dear")
    world.group(first_announcement="acme/gold")
    return world.card()


def check_open(world: Exchange, card: PrintedCard, heard: Heard, at: int) -> None:
    """An attempt is open as long as its hold; and after a caller who left during command ``at``
    only if a leg may have been dialled of which the conversation did not hear the end."""
    attempts = heard.session.attempts if heard.session else {}
    held = {attempt.started.hold_id: attempt.started.held for attempt in attempts.values()}
    assert world.account(card).holds == held
    assert len(attempts) <= 1
    if attempts:
        assert heard.side.commands[at - 1].startswith(("EXEC MSet", "EXEC Dial", "GET FULL"))


def check_settled(world: Exchange, card: PrintedCard, heard: Heard) -> None:
    """When the records of the call have come, each leg is charged once and nothing is open."""
    world.deliver_records(heard)
    world.deliver_records(heard)
    assert not world.account(card).holds
    # The first and the fourth leg of the script are talked on.
    assert world.account(card).balance == LEFT_AFTER[len(heard.side.legs)]
    if heard.session is not None:
        assert heard.session.ended
        assert not heard.session.attempts
        assert len(heard.facts(CallEnded)) == 1


def commands_of_a_whole_call() -> int:
    with exchange() as world:
        heard = world.ring(*script(prepared(world)))
        assert heard.side.done
        assert heard.session is not None
        assert heard.session.ended
        return len(heard.side.commands)


@pytest.mark.parametrize(
    "line",
    [{}, {"exit_on_hangup": False}, {"exit_on_hangup": False, "hangup_line": True}],
    ids=["the connection closes", "commands are refused", "a line says so"],
)
def test_a_caller_may_leave_during_any_command(line: dict[str, bool]) -> None:
    for number in range(1, commands_of_a_whole_call() + 1):
        with exchange() as world:
            card = prepared(world)
            heard = world.ring(*script(card), leaves_at=number, **line)  # type: ignore[arg-type]
            check_open(world, card, heard, number)
            check_settled(world, card, heard)


def test_a_caller_who_leaves_while_the_time_is_said_holds_nothing() -> None:
    with exchange() as world:
        commands = world.ring(*script(prepared(world))).side.commands
    said = next(at for at, line in enumerate(commands, 1) if "talktime/time-left" in line)
    with exchange() as world:
        card = prepared(world)
        heard = world.ring(*script(card), leaves_at=said)
        assert heard.dialled == []
        assert heard.session is not None
        assert heard.session.settled
        assert not world.account(card).holds


@pytest.mark.parametrize("goes", ["at once", "after it has stored"])
def test_the_ledger_may_go_away_before_any_command(goes: str) -> None:
    for number in range(1, commands_of_a_whole_call() + 1):
        with exchange() as world:
            card = prepared(world)

            def away(at: int, number: int = number, world: Exchange = world) -> None:
                if at == number and goes == "at once":
                    world.units.unavailable = True
                elif at == number:
                    world.units.lose_next_answer = True

            heard = world.ring(*script(card), before=away)
            world.units.unavailable = world.units.lose_next_answer = False
            assert heard.times(Prompt.TRY_AGAIN_LATER) <= 1
            assert heard.side.dead
            if goes == "at once" and heard.times(Prompt.GOODBYE) == 0:
                assert heard.says(Prompt.TRY_AGAIN_LATER)
            attempts = heard.session.attempts if heard.session else {}
            assert set(world.account(card).holds) == {
                attempt.started.hold_id for attempt in attempts.values()
            }
            check_settled(world, card, heard)


def test_a_ledger_that_is_away_refuses_new_calls_and_says_so(world: Exchange) -> None:
    world.group()
    world.units.unavailable = True
    heard = world.ring()
    assert heard.said == [Prompt.TRY_AGAIN_LATER.sound]
    assert heard.side.done


def test_a_talk_that_could_not_be_settled_is_settled_by_its_record(world: Exchange) -> None:
    world.group()
    card = world.card()

    def away(number: int) -> None:
        if world.account(card).holds and number > 9:
            world.units.unavailable = True

    heard = world.ring(*(f"{card.number}#", f"{card.pin}#", f"{WARSAW}#", "talk 60"), before=away)
    world.units.unavailable = False
    assert heard.dialled == [(WARSAW, "cheap")]
    assert heard.says(Prompt.TRY_AGAIN_LATER)
    assert world.account(card).balance == dollars(10)
    assert len(world.account(card).holds) == 1
    world.deliver_records(heard)
    assert world.account(card).balance == dollars(9, 40)
    assert not world.account(card).holds


# ---- whatever callers and far ends do

ENTRIES = st.sampled_from(
    [f"{WARSAW}#", f"{ROME}#", WARSAW, "*0#", "0#", "111#", "*32", "5*", "*99#", "00#", ""]
)
TALKS = st.one_of(
    st.sampled_from([BUSY, NO_ANSWER, CONGESTION, UNAVAILABLE, REJECTED, CANCELLED]),
    st.builds(
        Talk,
        talk_ms=st.integers(0, 2_000_000),
        caller_hangs_up=st.booleans(),
        writes_record=st.booleans(),
    ),
    st.just(ANSWERS),
)


@settings(max_examples=40, deadline=None)
@forall(
    entries=st.lists(ENTRIES, max_size=25),
    talks=st.lists(TALKS, max_size=25),
    leaves_at=st.none() | st.integers(5, 60),
    calls=st.integers(1, 2),
)
def test_no_call_spends_more_than_the_card_has_or_leaves_a_hold(
    entries: list[str], talks: list[Talk], leaves_at: int | None, calls: int
) -> None:
    with exchange() as world:
        world.routes.trunks = ("cheap", "dear")
        world.group(operator_number="+18005550199", simultaneous_calls=2)
        card = world.card()
        for _ in range(calls):
            line = WhimsicalLine(iter([f"{card.number}#", f"{card.pin}#", *entries]), iter(talks))
            heard = world.ring(line=line, leaves_at=leaves_at, caller_id="")
            account = world.account(card)
            assert dollars(0) <= account.available <= account.balance <= dollars(10)
            world.deliver_records(heard)
            assert not world.account(card).holds


# ---- secrets


def test_neither_card_number_nor_pin_is_ever_logged(world: Exchange) -> None:
    world.group()
    card = world.card()
    with capture_logs() as logs:
        heard = world.ring(
            *(f"{card.number}#", f"{card.pin[:-1]}#"),
            *(f"99*{card.number}#", f"{card.pin}", "111#"),
            *(f"{WARSAW}#", "talk 60", "*32#"),
            missing_sounds=frozenset({Prompt.WELCOME.sound}),
        )
        world.units.unavailable = True
        world.ring()
    told = repr(logs)
    assert heard.reference in told
    for secret in (card.number, card.pin, card.pin[:-1], card.number[:6]):
        assert secret not in told
    assert all(card.pin not in line and card.number not in line for line in heard.side.commands)


def test_a_fault_of_ours_is_logged_without_what_the_caller_keyed() -> None:
    with capture_logs() as logs, exchange() as world:
        world.group()
        card = world.card()
        world.routes.trunks = ("no such trunk",)
        heard = world.ring(f"{card.number}#", f"{card.pin}#", f"{WARSAW}#")
        assert not heard.side.done
        assert [type(fault) for fault in world.faults] == [ValueError]
        world.faults.clear()
        world.deliver_records(heard)
        assert not world.account(card).holds
    assert card.pin not in repr(logs)
    assert card.number not in repr(logs)
    assert any(each["event"] == "agi_call_failed" for each in logs)
