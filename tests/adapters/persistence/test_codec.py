"""How facts are written down, and that old ones can be read for ever."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from attrs import frozen
from eventsourcing.compressor import ZlibCompressor
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from adapters.persistence.codec import FactMapper, RecordedFact
from domain.money import Money
from tests.adapters.persistence.golden import append_missing, problems
from tests.adapters.persistence.purses import (
    FACTS,
    UPCASTS,
    Colour,
    EverythingHappened,
    FundsTaken,
    PurseOpened,
    Step,
)

GOLDEN = Path(__file__).with_name("golden_purses.jsonl")
MAPPER = FactMapper(FACTS, UPCASTS)
AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)

moneys = st.builds(Money, st.integers(-(2**62), 2**62), st.just("USD"))
everything = st.builds(
    EverythingHappened,
    subject_id=st.uuids(),
    at=st.datetimes(timezones=st.just(UTC)),
    price=moneys,
    colour=st.sampled_from(Colour),
    steps=st.lists(st.builds(Step, st.integers(0, 10**9), moneys), max_size=3).map(tuple),
    names=st.lists(st.text(), max_size=3).map(tuple),
    limit=st.none() | moneys,
    note=st.none() | st.text(),
    counts=st.dictionaries(st.text(), st.integers(0, 10**9), max_size=3),
)


@given(everything)
def test_every_kind_of_field_comes_back_as_it_was(fact: EverythingHappened) -> None:
    recorded = RecordedFact(uuid4(), 3, AT, fact)
    assert MAPPER.to_domain_event(MAPPER.to_stored_event(recorded)) == recorded


def test_a_fact_is_stored_under_its_name_and_version_as_readable_json() -> None:
    stream_id = uuid4()
    stored = MAPPER.to_stored_event(
        RecordedFact(stream_id, 1, AT, FundsTaken(Money(5_000_000, "USD")))
    )
    assert (stored.originator_id, stored.originator_version) == (stream_id, 1)
    assert stored.topic == "funds-taken"
    assert json.loads(stored.state) == {
        "v": 2,
        "at": "2026-11-21T12:00:00.123456Z",
        "fact": {"amount": {"micros": 5_000_000, "unit": "USD"}},
    }


def read(name: str, state: object) -> RecordedFact:
    data = state if isinstance(state, bytes) else json.dumps(state).encode()
    return MAPPER.to_domain_event(StoredEvent(UUID(int=7), 4, name, data))


def test_an_old_version_is_upcast() -> None:
    recorded = read("funds-taken", {"v": 1, "at": "2026-11-21T12:00:00Z", "fact": {"micros": 7}})
    assert recorded.fact == FundsTaken(Money(7, "USD"))


@pytest.mark.parametrize(
    ("name", "state", "complaint"),
    [
        ("purse-lost", {"v": 1, "at": "2026-11-21T12:00:00Z", "fact": {}}, "no fact called"),
        ("funds-taken", {"v": 3, "at": "2026-11-21T12:00:00Z", "fact": {}}, "up to version 2"),
        ("funds-taken", {"v": 0, "at": "2026-11-21T12:00:00Z", "fact": {}}, "up to version 2"),
        ("purse-opened", {"v": 1, "at": "2026-11-21T12:00:00Z", "fact": {}}, "unit"),
        ("purse-opened", {"v": 1, "fact": {"unit": "USD"}}, "at"),
        ("purse-opened", b"not json", "malformed"),
    ],
)
def test_what_cannot_be_read_is_named(name: str, state: object, complaint: str) -> None:
    with pytest.raises(MapperDeserialisationError, match=complaint) as refused:
        read(name, state)
    assert f"fact 4 ({name}) of stream {UUID(int=7)}" in str(refused.value)


def test_money_with_a_fraction_of_a_millionth_is_not_read() -> None:
    state = {
        "v": 2,
        "at": "2026-11-21T12:00:00Z",
        "fact": {"amount": {"micros": 1.5, "unit": "USD"}},
    }
    with pytest.raises(MapperDeserialisationError, match="micros"):
        read("funds-taken", state)


def test_a_fact_without_a_name_is_not_stored() -> None:
    @frozen
    class Unheard:
        pass

    with pytest.raises(TypeError, match="Unheard has no stored name"):
        MAPPER.to_stored_event(RecordedFact(uuid4(), 1, AT, Unheard()))


def test_tables_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="two names"):
        FactMapper({"a": PurseOpened, "b": PurseOpened})
    with pytest.raises(ValueError, match="do not exist: gone"):
        FactMapper(FACTS, {"gone": ()})


def test_stored_facts_may_be_compressed() -> None:
    mapper = FactMapper(FACTS, UPCASTS, compressor=ZlibCompressor())
    recorded = RecordedFact(uuid4(), 1, AT, PurseOpened("USD"))
    stored = mapper.to_stored_event(recorded)
    assert b"USD" not in stored.state
    assert mapper.to_domain_event(stored) == recorded


def test_every_fact_has_golden_lines_that_still_mean_the_same() -> None:
    assert problems(GOLDEN, MAPPER) == []


def test_a_fact_without_a_golden_line_is_found_and_gets_one(tmp_path: Path) -> None:
    golden = tmp_path / "golden.jsonl"
    golden.write_text("")
    assert "purse-opened version 1 has no golden line" in problems(golden, MAPPER)
    append_missing(golden, MAPPER)
    # What was version 1 cannot be made up now: the line had to be kept.
    assert problems(golden, MAPPER) == ["funds-taken version 1 has no golden line"]
    assert append_missing(golden, MAPPER) == []


def test_a_changed_meaning_of_a_golden_line_is_found() -> None:
    changed = FactMapper(
        FACTS, {"funds-taken": (lambda v1: {"amount": {"micros": -v1["micros"], "unit": "USD"}},)}
    )
    found = problems(GOLDEN, changed)
    assert len(found) == 1
    assert "funds-taken version 1 now means" in found[0]


def test_a_removed_fact_is_found() -> None:
    fewer = FactMapper({name: each for name, each in FACTS.items() if name != "purse-opened"})
    assert any("purse-opened version 1 cannot be read" in each for each in problems(GOLDEN, fewer))
