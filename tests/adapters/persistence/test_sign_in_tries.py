"""Tries to sign in are counted once, however many processes answer requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from adapters.persistence.connecting import connect
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sign_in_tries import StoredTries, sign_in_tries
from application.throttle import Rate

RATES = {"source": Rate(3, 60), "name": Rate(2, 60), "known": Rate(3, 60)}
HERE = ("source", "203.0.113.5")
ANN = ("name", "ann")


@pytest.fixture
def tries(recorder: EventRecorder) -> StoredTries:
    return StoredTries(recorder, RATES)


@pytest.fixture
def elsewhere(ledger_url: str) -> Iterator[StoredTries]:
    """The same in another process."""
    with connect(ledger_url) as recorder:
        yield StoredTries(recorder, RATES)


def earlier(recorder: EventRecorder, seconds: float) -> None:
    """As if everything had happened that much earlier."""
    with recorder.writing() as connection:
        moved = sign_in_tries.c.seen_at - seconds
        connection.execute(update(sign_in_tries).values(seen_at=moved))


def test_all_processes_count_together(tries: StoredTries, elsewhere: StoredTries) -> None:
    assert tries.take([HERE])
    assert elsewhere.take([HERE])
    assert tries.take([HERE])
    assert not elsewhere.take([HERE])
    assert not tries.take([HERE])


def test_a_source_without_tries_costs_the_others_nothing(tries: StoredTries) -> None:
    assert tries.take([HERE, ANN])
    assert tries.take([HERE, ANN])
    assert not tries.take([HERE, ANN])
    assert tries.take([HERE])
    assert not tries.take([HERE])


def test_what_is_refused_is_not_remembered(tries: StoredTries, recorder: EventRecorder) -> None:
    ann_here = ("known", "203.0.113.5 ann")
    tries.add(ann_here)
    while tries.take([HERE]):
        pass
    for number in range(5):
        assert not tries.take([HERE, ("name", f"somebody {number}")])
    assert not tries.take([HERE, ann_here])
    with recorder.reading() as connection:
        left = connection.execute(select(sign_in_tries.c.kind, sign_in_tries.c.value)).all()
    assert sorted(map(tuple, left)) == sorted([HERE, ann_here])


def test_a_right_one_is_given_back_and_never_more_than_there_were(
    tries: StoredTries, elsewhere: StoredTries
) -> None:
    for _ in range(10):
        assert tries.take([HERE, ANN])
        elsewhere.give_back([HERE, ANN])
    tries.give_back([HERE, ANN])
    assert [tries.take([HERE]) for _ in range(4)] == [True, True, True, False]


def test_tries_come_back_with_time(tries: StoredTries, recorder: EventRecorder) -> None:
    assert [tries.take([ANN]) for _ in range(3)] == [True, True, False]
    earlier(recorder, 60)
    assert [tries.take([ANN]) for _ in range(2)] == [True, False]


def test_a_clock_that_was_put_back_gives_nothing(
    tries: StoredTries, recorder: EventRecorder
) -> None:
    assert [tries.take([ANN]) for _ in range(3)] == [True, True, False]
    earlier(recorder, -3600)
    assert not tries.take([ANN])


def test_who_is_known_is_known_everywhere_until_it_is_forgotten(
    tries: StoredTries, elsewhere: StoredTries, recorder: EventRecorder
) -> None:
    ann_here = ("known", "203.0.113.5 ann")
    assert not elsewhere.has(ann_here)
    tries.add(ann_here)
    tries.add(ann_here)
    assert elsewhere.has(ann_here)
    earlier(recorder, 2 * 24 * 3600)
    tries.take([HERE])
    assert not elsewhere.has(ann_here)


def test_a_value_of_any_length_is_counted(tries: StoredTries) -> None:
    long = ("name", "x" * 5_000)
    assert [tries.take([long]) for _ in range(3)] == [True, True, False]


def test_a_clock_that_was_ahead_keeps_nobody_out_when_it_is_put_back(
    tries: StoredTries, recorder: EventRecorder
) -> None:
    for _ in range(3):
        assert tries.take([HERE])
    earlier(recorder, -86_400)
    assert not tries.take([HERE])
    # A try comes back every minute; the day by which the clock was ahead does not count.
    earlier(recorder, 61)
    assert tries.take([HERE])
    assert not tries.take([HERE])
