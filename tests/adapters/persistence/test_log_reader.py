"""The log is read in its order: raw or decoded, whole or in parts, as far as a moment."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from adapters.persistence.log_reader import LogReader, Shard
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import events
from domain.accounts import FundsAdded, HoldPlaced
from domain.machine_keys import MachineKeyMade, Scope
from tests.adapters.persistence.product import History, Product, mapper
from tests.support.story import NOON


@pytest.fixture
def product(recorder: EventRecorder) -> Product:
    product = Product(recorder)
    history = History(product)
    for step in range(0, 1_200, 7):
        product.clock.pass_by(milliseconds=300)
        history.play([step])
    return product


def reader(product: Product, page: int = 7) -> LogReader:
    return LogReader(product.recorder, mapper(), page=page)


def lines(product: Product, **asked: Any) -> list[dict[str, Any]]:
    text = b"".join(reader(product).lines(**asked))
    return [json.loads(line) for line in text.splitlines()]


def edit(product: Product, position: int, data: bytes) -> None:
    with product.recorder.writing() as connection:
        statement = update(events).where(events.c.position == position)
        connection.execute(statement.values(data=data))


def test_every_fact_is_replayed_in_order_with_all_its_fields(product: Product) -> None:
    told = lines(product)
    log = list(reader(product).facts())
    assert len(told) == len(log) == len(product.log()) > 100
    positions = [line["position"] for line in told]
    assert positions == sorted(set(positions))
    for line, each in zip(told, log, strict=True):
        assert list(line) == ["stream", "position", "time", "name", "version", "shape", "fields"]
        assert UUID(line["stream"]) == each.stream_id
        assert (line["position"], line["name"]) == (each.position, each.name)
        assert (line["version"], line["shape"]) == (each.version, 1)
        stored = mapper().stored(each.stream_id, each.version, each.recorded_at, each.fact)
        whole = json.loads(stored.state)
        assert line["time"] == whole["at"]
        assert line["fields"] == {
            name: None if name == "pin_digest" else value for name, value in whole["fact"].items()
        }


def test_a_replay_goes_on_where_the_last_one_ended(product: Product) -> None:
    told = lines(product)
    middle = told[len(told) // 2]["position"]
    assert lines(product, until=middle) + lines(product, after=middle) == told
    funds = lines(product, names={"funds-added"})
    assert funds == [line for line in told if line["name"] == "funds-added"] != []


def test_no_digest_of_a_secret_is_replayed(product: Product) -> None:
    key = MachineKeyMade(UUID(int=5), "shop", "d" * 64, (Scope.READ,), (), "ann")
    stored = mapper().stored(UUID(int=9), 1, NOON, key)
    product.recorder.insert_events([stored])
    text = b"".join(reader(product).lines())
    digests = [each.fact.pin_digest for each in product.log() if hasattr(each.fact, "pin_digest")]
    assert digests
    assert not any(digest.encode() in text for digest in [*digests, "d" * 64])
    assert lines(product)[-1]["fields"]["key_digest"] is None


def test_what_was_written_otherwise_is_replayed_too(product: Product) -> None:
    first, second, third = (line["position"] for line in lines(product)[:3])
    edit(product, first, b'{ "fact": {"number": "1", "pin_digest": "x"}, "v": 1, "at": "then" }')
    edit(product, second, b"\xff\x00 no JSON")
    edit(product, third, b'{"v":1,"at":"2026-11-21T12:00:00Z","fact":{"a":')
    told = lines(product)
    assert told[0]["fields"] == {"number": "1", "pin_digest": None}
    assert (told[0]["time"], told[0]["shape"]) == ("then", 1)
    assert (told[1]["fields"], bytes.fromhex(told[1]["unreadable"])) == (None, b"\xff\x00 no JSON")
    assert told[2]["fields"] is None
    assert len(told) == len({line["position"] for line in told})
    with pytest.raises(ValueError, match=f"fact {first} "):
        list(reader(product).facts())


@pytest.mark.parametrize("parts", [1, 2, 3, 16])
def test_parts_are_whole_streams_and_together_all_of_the_log(product: Product, parts: int) -> None:
    log = reader(product)
    whole = [row for page in log.pages() for row in page]
    shards = [Shard(number, parts) for number in range(parts)]
    told = [[row for page in log.pages(shard=shard) for row in page] for shard in shards]
    assert sorted(row for part in told for row in part) == whole
    for shard, part in zip(shards, told, strict=True):
        assert part == [row for row in whole if shard.has(row[1])]
        assert [row[0] for row in part] == sorted(row[0] for row in part)
    assert log.count() == len(whole)
    assert log.count(until=whole[4][0]) == 5


def test_too_many_parts_are_refused(product: Product) -> None:
    with pytest.raises(ValueError, match="1 to 16 parts"):
        list(reader(product).pages(shard=Shard(0, 17)))


def test_what_was_known_at_a_moment_is_the_log_before_the_next_fact(product: Product) -> None:
    log = reader(product)
    facts = list(log.facts())
    assert log.position_at(NOON - timedelta(days=1)) == 0
    assert log.position_at(facts[-1].recorded_at) == facts[-1].position == log.end()
    for each in facts[:: len(facts) // 9]:
        until = log.position_at(each.recorded_at)
        known = [fact.position for fact in facts if fact.recorded_at <= each.recorded_at]
        assert until == known[-1]
        before = log.position_at(each.recorded_at - timedelta(microseconds=1))
        assert before == max(
            (p.position for p in facts if p.recorded_at < each.recorded_at), default=0
        )


def test_one_stream_and_some_facts_are_read_alone(product: Product) -> None:
    log = reader(product)
    every = list(log.facts())
    funds = list(log.facts({FundsAdded, HoldPlaced}))
    assert funds == [each for each in every if isinstance(each.fact, FundsAdded | HoldPlaced)]
    stream_id = funds[0].stream_id
    mine = [each for each in every if each.stream_id == stream_id]
    assert list(log.stream(stream_id)) == mine
    assert list(log.stream(stream_id, until=mine[1].position)) == mine[:2]
    assert list(log.facts(until=every[3].position)) == every[:4]
