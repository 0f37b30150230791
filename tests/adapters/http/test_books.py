"""The books over the API: exact, as of any moment, and never in the way of a request."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from adapters.http.book_work import MOST_KEPT, BookAnswers
from application.book_questions import Figures, Progress, Question, ReadBooks
from domain.people import Role
from tests.adapters.http.test_explanations import called
from tests.adapters.http.world import ADMIN, READER, World
from tests.support.bookkeeping import MemoryLog

BALANCE = "/v1/books/trial-balance"
STATEMENT = "/v1/books/statement"
LIABILITY = "/v1/books/liability"


def balances(world: World, query: str = "") -> dict[str, str]:
    shown = world.get(f"{BALANCE}{query}").json()
    assert shown["state"] == "read", shown
    return {each["account"]: each["balance"]["amount"] for each in shown["accounts"]}


def moment(world: World, **back: float) -> str:
    return quote((world.clock.now() - timedelta(**back)).isoformat())


# ---- figures


def test_a_trial_balance_is_even_and_as_of_a_moment(world: World) -> None:
    card = world.card()
    world.clock.pass_by(hours=1)
    called(world, card)
    assert balances(world, f"?at={moment(world, minutes=1)}") == {
        "Assets:Clearing:Face-value": "5.00",
        "Liabilities:Prepaid:World": "-5.00",
    }
    assert balances(world, "?depth=1") == {
        "Assets": "5.00",
        "Income": "-0.12",
        "Liabilities": "-4.88",
    }
    shown = world.get(BALANCE).json()
    assert [each["debits"] == each["credits"] for each in shown["sums"]] == [True]
    assert shown["position"] == MemoryLog(world.units).end()
    assert datetime.fromisoformat(shown["at"]) == world.clock.now()


def test_a_statement_is_read_page_by_page(world: World) -> None:
    card = world.card()
    for _ in range(5):
        called(world, card)
        world.clock.pass_by(minutes=1)
    first = world.get(f"{STATEMENT}?account=Income&limit=2").json()
    assert [line["line"] for line in first["lines"]] == [1, 2]
    assert (first["total"], first["next"], first["left_out"]) == (5, 2, 0)
    assert first["closing"] == [{"amount": "-0.60", "unit": "USD"}]
    lines = list(first["lines"])
    while first["next"]:
        first = world.get(f"{STATEMENT}?account=Income&limit=2&after={first['next']}").json()
        lines += first["lines"]
    assert [line["balance"]["amount"] for line in lines] == [
        "-0.12",
        "-0.24",
        "-0.36",
        "-0.48",
        "-0.60",
    ]
    since, until = moment(world, minutes=4), moment(world, minutes=2)
    part = world.get(f"{STATEMENT}?account=Income:Calls&since={since}&until={until}").json()
    assert [line["balance"]["amount"] for line in part["lines"]] == ["-0.24", "-0.36"]
    assert part["opening"] == [{"amount": "-0.12", "unit": "USD"}]


def test_a_card_has_a_statement_of_what_it_owns(world: World) -> None:
    card = world.card()
    called(world, card)
    shown = world.get(f"{STATEMENT}?card={card['number']}").json()
    assert [line["what"] for line in shown["lines"]] == ["top-up", "capture"]
    assert shown["closing"] == [{"amount": "-4.88", "unit": "USD"}]
    assert len(shown["accounts"]) == 2
    assert world.get(f"{STATEMENT}?card=9999999").status_code == 404


def test_what_is_owed_is_told_day_by_day(world: World) -> None:
    card = world.card()
    world.clock.pass_by(days=1)
    called(world, card)
    last = world.clock.now().date()
    first = last - timedelta(days=1)
    shown = world.get(f"{LIABILITY}?since={first}&until={last}").json()
    assert [(each["day"], each["total"]["amount"]) for each in shown["days"]] == [
        (str(first), "5.00"),
        (str(last), "4.88"),
    ]
    assert world.get(LIABILITY).json()["last"] == str(last)
    # Days that are still to come are not told.
    assert world.get(f"{LIABILITY}?until={last + timedelta(days=9)}").json()["last"] == str(last)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{BALANCE}?depth=4", 400),
        (f"{BALANCE}?at=yesterday", 400),
        (STATEMENT, 400),
        (f"{STATEMENT}?account=Income&card=4711000042", 400),
        (f"{STATEMENT}?account=income", 400),
        (f"{STATEMENT}?account=Income%20Calls", 400),
        (f"{STATEMENT}?account=A&since=2026-02-01T00:00:00Z&until=2026-02-01T00:00:00Z", 422),
        (f"{LIABILITY}?since=2026-02-02&until=2026-02-01", 422),
        (f"{LIABILITY}?since=2024-02-02&until=2026-02-01", 422),
        (f"{LIABILITY}?since=9999-12-31&until=9999-12-31", 422),
        (f"{LIABILITY}?until=0001-01-01", 422),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_is_accepted(
    world: World, path: str, status: int
) -> None:
    answer = world.get(path)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_the_books_are_for_bosses_auditors_and_readers(world: World) -> None:
    for role in Role:
        world.person(role.value, role, "East" if role is Role.DISTRIBUTOR else None)
        seen = role in (Role.OWNER, Role.OPERATOR, Role.AUDITOR)
        answer = world.signs_in(role.value).get(BALANCE)
        assert answer.status_code == (200 if seen else 403), role
    for key in (ADMIN, READER):
        assert world.get(BALANCE, key=key).status_code == 200


# ---- a long log


class SlowBooks(ReadBooks):
    """Reading takes a minute of the world's clock; how often it was done."""

    world: World
    reads = 0

    def answer(self, question: Question, position: int, progress: Progress) -> Figures:
        SlowBooks.reads += 1
        told = super().answer(question, position, progress)
        SlowBooks.world.clock.pass_by(minutes=1)
        return told


@pytest.fixture
def long(world: World) -> World:
    """Any log is long here, so that it is read behind the door."""
    SlowBooks.world, SlowBooks.reads = world, 0
    world.services.books.books = SlowBooks(MemoryLog(world.units))
    world.services.books.at_once = 0
    return world


def works(world: World) -> None:
    while world.services.work.run_next():
        pass


def test_a_long_log_is_read_behind_the_door_once_for_all_who_ask(long: World) -> None:
    long.card()
    past = f"{BALANCE}?at={moment(long)}"
    long.clock.pass_by(hours=1)
    for _ in range(3):
        answer = long.get(past)
        assert answer.status_code == 202
        assert answer.headers["retry-after"] == "2"
        assert answer.json()["state"] == "reading"
        assert answer.json()["total"] == MemoryLog(long.units).end()
    works(long)
    assert long.get(past).json()["accounts"]
    long.clock.pass_by(days=9)
    assert long.get(past).status_code == 200
    assert SlowBooks.reads == 1


def test_figures_of_now_are_told_for_a_while_and_then_made_anew(long: World) -> None:
    card = long.card()
    asked = long.clock.now()
    assert long.get(BALANCE).status_code == 202
    works(long)
    called(long, card)
    told = long.get(BALANCE).json()
    assert datetime.fromisoformat(told["at"]) == asked
    assert "Income:Calls" not in {each["account"] for each in told["accounts"]}
    long.clock.pass_by(minutes=11)
    assert long.get(BALANCE).status_code == 202
    works(long)
    assert "Income:Calls" in balances(long)
    assert SlowBooks.reads == 2


def test_pages_of_one_statement_are_of_one_reading(long: World) -> None:
    card = long.card()
    for _ in range(3):
        called(long, card)
    assert long.get(f"{STATEMENT}?account=Income&limit=1").status_code == 202
    works(long)
    for after in range(3):
        page = long.get(f"{STATEMENT}?account=Income&limit=1&after={after}")
        assert [line["line"] for line in page.json()["lines"]] == [after + 1]
    assert SlowBooks.reads == 1


def test_one_who_asks_for_much_waits_and_others_do_not(long: World) -> None:
    long.card()
    answers = [long.get(f"{BALANCE}?depth={depth}", key=READER) for depth in (1, 2, 3)]
    assert [each.status_code for each in answers] == [202, 202, 503]
    assert long.get(f"{BALANCE}?depth=3").status_code == 202


def test_only_the_last_figures_are_kept(long: World) -> None:
    long.card()
    long.clock.pass_by(hours=1)
    paths = [f"{BALANCE}?at={moment(long, minutes=n)}" for n in range(1, MOST_KEPT + 3)]
    for path in paths:
        assert long.get(path).status_code == 202
        works(long)
    assert long.get(paths[-1]).status_code == 200
    assert long.get(paths[0]).status_code == 202


class BrokenBooks(ReadBooks):
    def answer(self, question: Question, position: int, progress: Progress) -> Figures:
        raise ValueError("fact 7 ends what never began: `talktime audit verify` tells where")


@pytest.mark.parametrize("at_once", [0, 10**9])
def test_a_damaged_ledger_is_told_and_read_again_when_asked_again(
    world: World, at_once: int
) -> None:
    world.card()
    world.services.books.books = BrokenBooks(MemoryLog(world.units))
    world.services.books.at_once = at_once
    answer = world.get(BALANCE)
    if not at_once:
        assert answer.status_code == 202
        works(world)
        answer = world.get(BALANCE)
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/ledger-damaged"
    assert "fact 7" in answer.json()["detail"]
    world.services.books.books = ReadBooks(MemoryLog(world.units))
    assert world.get(BALANCE).status_code == (200 if at_once else 202)


def test_a_statement_with_too_many_lines_says_how_many_are_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.book_questions.MOST_LINES", 2)
    card = world.card()
    for _ in range(5):
        called(world, card)
    shown: dict[str, Any] = world.get(f"{STATEMENT}?account=Income").json()
    assert (len(shown["lines"]), shown["total"], shown["left_out"]) == (2, 2, 3)
    assert shown["closing"] == [{"amount": "-0.60", "unit": "USD"}]


def test_answers_are_remembered_by_the_door_and_not_by_the_world() -> None:
    world = World()
    assert isinstance(world.services.books, BookAnswers)
    assert balances(world) == {}
