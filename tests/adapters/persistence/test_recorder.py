"""The log, asked through the interface of the eventsourcing library, in every kind of store."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError, NotSupportedError, StoredEvent

from adapters.persistence.connecting import connect
from adapters.persistence.errors import ClaimConflict
from adapters.persistence.group_commit import StoredClaim
from adapters.persistence.recorder import EventRecorder


def stored(stream_id: UUID, *versions: int) -> list[StoredEvent]:
    return [StoredEvent(stream_id, each, "noted", b"{}") for each in versions]


def test_facts_of_a_stream_come_back_in_order(recorder: EventRecorder) -> None:
    stream_id = uuid4()
    recorder.insert_events(stored(stream_id, 1, 2))
    recorder.insert_events(stored(uuid4(), 1))
    recorder.insert_events(stored(stream_id, 3))
    assert recorder.select_events(stream_id) == stored(stream_id, 1, 2, 3)
    assert recorder.select_events(stream_id, gt=1, lte=2) == stored(stream_id, 2)
    assert recorder.select_events(stream_id, desc=True, limit=2) == stored(stream_id, 3, 2)


def test_several_streams_come_back_with_one_select(recorder: EventRecorder) -> None:
    first, second, third = sorted(uuid4() for _ in range(3))
    recorder.insert_events([*stored(second, 1, 2), *stored(first, 1, 2, 3), *stored(third, 1)])
    found = recorder.select_streams({first: 1, second: 0, third: 1, uuid4(): 0})
    assert found == [*stored(first, 2, 3), *stored(second, 1, 2)]


def test_a_version_is_stored_once(recorder: EventRecorder) -> None:
    stream_id = uuid4()
    recorder.insert_events(stored(stream_id, 1))
    with pytest.raises(IntegrityError):
        recorder.insert_events(stored(stream_id, 1))
    assert recorder.select_events(stream_id) == stored(stream_id, 1)


def test_an_append_is_stored_whole_or_not_at_all(recorder: EventRecorder) -> None:
    taken, other = uuid4(), uuid4()
    recorder.insert_events(stored(taken, 1))
    with pytest.raises(IntegrityError):
        recorder.insert_events(
            [*stored(other, 1, 2), *stored(taken, 1)], claims=[StoredClaim("pin", "a", other)]
        )
    assert recorder.select_events(other) == []
    assert recorder.select_claims("pin", ["a"]) == {}


def test_a_claim_belongs_to_one_stream(recorder: EventRecorder) -> None:
    first, second = uuid4(), uuid4()
    recorder.insert_events(stored(first, 1), claims=[StoredClaim("pin", "a", first)])
    with pytest.raises(ClaimConflict):
        recorder.insert_events(stored(second, 1), claims=[StoredClaim("pin", "a", second)])
    recorder.insert_events(stored(second, 1), claims=[StoredClaim("login", "a", second)])
    assert recorder.select_claims("pin", ["a", "b"]) == {"a": first}
    assert recorder.select_claims("login", ["a"]) == {"a": second}


def test_many_claims_are_found_at_once(recorder: EventRecorder) -> None:
    stream_id = uuid4()
    keys = [f"{number:04d}" for number in range(1_200)]
    recorder.insert_events(
        stored(stream_id, 1), claims=[StoredClaim("card-number", key, stream_id) for key in keys]
    )
    assert recorder.select_claims("card-number", keys) == dict.fromkeys(keys, stream_id)


def test_a_claim_needs_a_fact(recorder: EventRecorder) -> None:
    with pytest.raises(ValueError, match="together with a fact"):
        recorder.insert_events([], claims=[StoredClaim("pin", "a", uuid4())])


def test_positions_rise_in_the_order_facts_were_recorded(recorder: EventRecorder) -> None:
    late, early = sorted((uuid4(), uuid4()), reverse=True)
    first = recorder.insert_events([*stored(late, 1), *stored(early, 1)])
    second = recorder.insert_events(stored(late, 2))
    assert first is not None
    assert second is not None
    positions = [*first, *second]
    assert positions == sorted(set(positions))
    log = recorder.select_notifications(None, 10)
    assert [(each.originator_id, each.originator_version) for each in log] == [
        (late, 1),
        (early, 1),
        (late, 2),
    ]
    assert [each.id for each in log] == positions
    assert recorder.max_notification_id() == positions[-1]


def test_the_log_is_read_in_pages(recorder: EventRecorder) -> None:
    positions = recorder.insert_events(stored(uuid4(), *range(1, 8)))
    assert positions is not None

    def ids(start: int | None, limit: int, **options: object) -> list[int]:
        return [each.id for each in recorder.select_notifications(start, limit, **options)]  # type: ignore[arg-type]

    assert ids(None, 3) == list(positions[:3])
    assert ids(positions[2], 2) == list(positions[2:4])
    assert ids(positions[2], 2, inclusive_of_start=False) == list(positions[3:5])
    assert ids(positions[2], 9, stop=positions[3]) == list(positions[2:4])
    assert ids(None, 9, topics=["noted"]) == list(positions)
    assert ids(None, 9, topics=["other"]) == []


def test_an_empty_log_has_no_highest_position(recorder: EventRecorder) -> None:
    assert recorder.max_notification_id() is None
    assert recorder.select_notifications(None, 10) == []


def test_an_append_of_nothing_is_nothing(recorder: EventRecorder) -> None:
    assert recorder.insert_events([]) == []
    assert recorder.max_notification_id() is None


def test_an_append_has_a_limit(recorder: EventRecorder) -> None:
    with pytest.raises(ValueError, match="10000 facts at most"):
        recorder.insert_events(stored(uuid4(), *range(1, 10_002)))


def test_followers_ask_for_pages_instead_of_subscribing(recorder: EventRecorder) -> None:
    with pytest.raises(NotSupportedError, match="pages"):
        recorder.subscribe()


class Dog(Aggregate):
    @event("Registered")
    def __init__(self, name: str) -> None:
        self.name = name
        self.tricks: list[str] = []

    @event("TrickAdded")
    def add_trick(self, trick: str) -> None:
        self.tricks.append(trick)


def test_an_application_of_the_library_works_on_the_ledger(ledger_url: str) -> None:
    with Application[UUID](
        env={"PERSISTENCE_MODULE": "adapters.persistence.factory", "LEDGER_URL": ledger_url}
    ) as app:
        dog = Dog("Fido")
        app.save(dog)
        dog.add_trick("roll over")
        app.save(dog)
        found: Dog = app.repository.get(dog.id)
        assert (found.name, found.tricks) == ("Fido", ["roll over"])
        log = app.recorder.select_notifications(None, 10)
        assert [each.originator_id for each in log] == [dog.id, dog.id]
        found.add_trick("sit")
        app.save(found)
        dog.add_trick("fetch")
        with pytest.raises(IntegrityError):
            app.save(dog)


@pytest.mark.parametrize("url", ["", "ledger.db", "sqlite://", "mysql://u:secret@h/d"])
def test_an_address_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="the address of a ledger is sqlite:") as refused:
        connect(url)
    assert "secret" not in str(refused.value)


def test_positions_follow_each_other_however_many_facts_an_append_has(
    recorder: EventRecorder,
) -> None:
    for number in (1, 64, 65, 200):
        stream_id = uuid4()
        first, *_, last = recorder.insert_events(stored(stream_id, *range(number + 1))) or ()
        assert last == first + number
        page = recorder.select_notifications(first, 300)
        assert [(each.id, each.originator_version) for each in page] == [
            (first + version, version) for version in range(number + 1)
        ]


@pytest.mark.parametrize("odd", ['say "no"', "back\\slash", "{a,b}", "NULL", "", "żółć", "x'y"])
def test_names_and_keys_come_back_as_they_were_stored(recorder: EventRecorder, odd: str) -> None:
    stream_id = uuid4()
    event = StoredEvent(stream_id, 1, odd, b'\x00\\"{},\xff')
    recorder.insert_events([event], claims=[StoredClaim(odd, odd, stream_id)])
    assert list(recorder.select_streams({stream_id: 0})) == [event]
    assert recorder.select_claims(odd, [odd, "other"]) == {odd: stream_id}
