"""Whoever follows the log misses no fact, however many processes write and however slow one is."""

from __future__ import annotations

from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from sqlalchemy import text
from sqlalchemy.engine import make_url

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.positions import (
    ORDINALS,
    OneWriterPositions,
    Positions,
    TransactionPositions,
)
from adapters.persistence.postgres import PostgresRecorder, raise_epoch
from adapters.persistence.recorder import EventRecorder
from tests.adapters.persistence import worker
from tests.support.postgres import PostgresServer


def unread(recorder: EventRecorder, start: int) -> list[int]:
    """The positions after the last one seen, up to a page."""
    page = recorder.select_notifications(start, 100, inclusive_of_start=False)
    return [each.id for each in page]


@pytest.mark.processes
def test_a_follower_misses_nothing_of_six_writing_processes(
    recorder: EventRecorder, ledger_url: str
) -> None:
    writers = [worker.start("write", ledger_url, 50, 2) for _ in range(6)]
    seen: list[int] = []
    while running := [each for each in writers if each.poll() is None]:
        seen += unread(recorder, seen[-1] if seen else 0)
        assert len(running) <= 6
    while page := unread(recorder, seen[-1] if seen else 0):
        seen += page
    assert [each.returncode for each in writers] == [0] * 6
    for each in writers:
        each.communicate()
    assert len(seen) == 600
    assert seen == [each.id for each in recorder.select_notifications(None, 1_000)]


class NaivePositions:
    """What an identity column does: numbers are taken early and appear late."""

    given = "nextval('naive')"
    settled = "TRUE"


def one(topic: str) -> list[StoredEvent]:
    return [StoredEvent(uuid4(), 1, topic, b"{}")]


def followed(server: PostgresServer, positions: Positions) -> list[str]:
    """What a follower reads when one writer commits late, and another writes in the meantime."""
    name = server.create_database()
    url = make_url(server.url(name))
    with PostgresRecorder(url, positions=positions) as recorder:
        upgrade(recorder)
        with recorder.writing() as connection:
            connection.execute(text("CREATE SEQUENCE naive"))
        seen: list[str] = []
        last = 0

        def follow() -> None:
            nonlocal last
            for each in recorder.select_notifications(last, 100, inclusive_of_start=False):
                seen.append(each.topic)
                last = each.id

        with recorder.writing() as slow:
            slow.exec_driver_sql(
                recorder._insert, ([1], [uuid4()], [1], ["slow"], [b"{}"])
            ).scalars().all()
            recorder.insert_events(one("fast"))
            follow()
        follow()
        recorder.insert_events(one("later"))
        follow()
    server.drop_database(name)
    return seen


@pytest.mark.postgres
def test_a_slow_writer_holds_the_follower_up_and_is_not_missed(
    postgres_server: PostgresServer,
) -> None:
    assert followed(postgres_server, TransactionPositions()) == ["slow", "fast", "later"]


@pytest.mark.postgres
def test_a_follower_of_plain_numbers_does_miss_facts(postgres_server: PostgresServer) -> None:
    """The control: without the horizon the test above would fail."""
    assert followed(postgres_server, NaivePositions()) == ["fast", "later"]


@pytest.mark.postgres
def test_one_writer_may_count_without_transaction_ids(postgres_server: PostgresServer) -> None:
    name = postgres_server.create_database()
    url = make_url(postgres_server.url(name))
    with PostgresRecorder(url, positions=OneWriterPositions()) as recorder:
        upgrade(recorder)
        assert recorder.insert_events(one("first")) == range(1, 2)
        assert recorder.insert_events(one("second")) == range(2, 3)
        assert unread(recorder, 1) == [2]
    postgres_server.drop_database(name)


@pytest.mark.postgres
def test_positions_keep_rising_after_a_restore_into_a_younger_cluster(
    postgres_server: PostgresServer,
) -> None:
    name = postgres_server.create_database()
    with connect(postgres_server.url(name)) as recorder:
        upgrade(recorder)
        recorder.insert_events(one("before"))
        # As if these facts came from a cluster that had seen a billion transactions more.
        with recorder.writing() as connection:
            assert not raise_epoch(connection)
            connection.execute(text(f"UPDATE events SET position = position + {10**9 * ORDINALS}"))
        (before,) = recorder.insert_events(one("unreachable")) or ()
        with recorder.reading() as connection:
            highest = connection.execute(text("SELECT max(position) FROM events")).scalar_one()
        assert before < highest
        upgrade(recorder)
        (after,) = recorder.insert_events(one("after")) or ()
        assert after > highest
        assert unread(recorder, highest) == [after]
    postgres_server.drop_database(name)
