"""Appends that share a flush: all are answered, and one that is refused harms no other."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from adapters.persistence.group_commit import Append, GroupCommit
from adapters.persistence.recorder import EventRecorder


def an_append(facts: int = 1, topic: str = "noted") -> Append:
    stream_id = uuid4()
    return Append([StoredEvent(stream_id, 1 + n, topic, b"{}") for n in range(facts)])


class Storage:
    """Keeps what is flushed; the first flush waits until the test has queued the rest."""

    def __init__(self) -> None:
        self.flushes: list[Sequence[Append]] = []
        self.stored = 0
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def flush(self, appends: Sequence[Append]) -> int:
        self.begun.set()
        self.go_on.wait()
        if any(each.events[0].topic == "guilty" for each in appends):
            raise IntegrityError("taken")
        if any(each.events[0].topic == "broken" for each in appends):
            raise OperationalError("connection lost")
        self.flushes.append(appends)
        first = self.stored + 1
        self.stored += sum(len(each.events) for each in appends)
        return first


class Client(threading.Thread):
    def __init__(self, group: GroupCommit, append: Append) -> None:
        super().__init__()
        self.group, self.mine = group, append
        self.first: int | None = None
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.first = self.group.append(self.mine)
        except Exception as error:
            self.error = error


def queued(storage: Storage, group: GroupCommit, appends: Sequence[Append]) -> list[Client]:
    """The first append is being flushed, and the others wait behind it in this order."""
    clients = [Client(group, appends[0])]
    assert storage.begun.wait(10)
    for waiting, each in enumerate(appends[1:], start=1):
        clients.append(Client(group, each))
        while len(group._queue) < waiting and clients[-1].is_alive():
            threading.Event().wait(0.001)
    storage.go_on.set()
    for client in clients:
        client.join(10)
        assert not client.is_alive()
    return clients


def test_what_waits_behind_a_flush_shares_the_next_one() -> None:
    storage = Storage()
    appends = [an_append(), an_append(2), an_append(3)]
    clients = queued(storage, GroupCommit(storage.flush), appends)
    assert storage.flushes == [appends[:1], appends[1:]]
    assert [each.first for each in clients] == [1, 2, 4]


def test_only_the_guilty_append_fails() -> None:
    storage = Storage()
    appends = [an_append(), an_append(), an_append(topic="guilty"), an_append()]
    clients = queued(storage, GroupCommit(storage.flush), appends)
    assert [type(each.error) for each in clients] == [
        type(None),
        type(None),
        IntegrityError,
        type(None),
    ]
    assert storage.stored == 3


def test_after_a_lost_connection_nobody_is_told_that_it_was_stored() -> None:
    storage = Storage()
    appends = [an_append(), an_append(), an_append(topic="broken")]
    clients = queued(storage, GroupCommit(storage.flush), appends)
    assert [type(each.error) for each in clients] == [
        type(None),
        OperationalError,
        OperationalError,
    ]


def test_a_flush_has_a_limit() -> None:
    storage = Storage()
    appends = [an_append(), an_append(6), an_append(6), an_append(11), an_append(1)]
    queued(storage, GroupCommit(storage.flush, most_events=10), appends)
    assert [[len(each.events) for each in flush] for flush in storage.flushes] == [
        [1],
        [6],
        [6],
        [11],
        [1],
    ]


def test_an_append_that_waits_too_long_is_withdrawn() -> None:
    storage = Storage()
    group = GroupCommit(storage.flush, patience=0.05)
    first = Client(group, an_append())
    assert storage.begun.wait(10)
    with pytest.raises(OperationalError, match="nothing was stored"):
        group.append(an_append())
    storage.go_on.set()
    first.join()
    assert storage.stored == 1
    assert group.append(an_append()) == 2


class HandsOver:
    """A mutex under which somebody gives the lead to the append that waits for it."""

    def __init__(self, group: GroupCommit) -> None:
        self.group = group
        self.entered = 0

    def __enter__(self) -> None:
        self.entered += 1
        if self.entered == 2:
            (waiting,) = self.group._queue
            waiting.leads = True
            waiting.woken.release()

    def __exit__(self, *_: object) -> None:
        pass


def test_who_gets_the_lead_when_its_patience_ends_leads_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage = Storage()
    storage.go_on.set()
    group = GroupCommit(storage.flush, patience=0.0)
    group._flushing = True
    monkeypatch.setattr(group, "_mutex", HandsOver(group))
    assert group.append(an_append()) == 1


def test_a_leader_that_is_interrupted_leaves_the_lead_to_the_next() -> None:
    def interrupted(appends: Sequence[Append]) -> int:
        raise KeyboardInterrupt

    group = GroupCommit(interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            group.append(an_append())


def test_a_conflict_in_a_real_store_harms_no_other(recorder: EventRecorder) -> None:
    taken = StoredEvent(uuid4(), 1, "noted", b"{}")
    recorder.insert_events([taken])
    others = [an_append() for _ in range(15)]
    clients = [Client(recorder._appends, each) for each in [*others, Append([taken])]]
    for client in clients:
        client.join(30)
    assert [each.error is None for each in clients] == [True] * 15 + [False]
    positions = {each.id for each in recorder.select_notifications(None, 100)}
    assert positions >= {each.first for each in clients[:15]}
    assert len(positions) == 16
