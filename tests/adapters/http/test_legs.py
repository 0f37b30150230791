"""An Asterisk tells what became of its calls, and asks which are still waited for."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.http.wire import MOST_RECORDS
from domain.call_sessions import SettlementDisputed
from tests.adapters.http.world import NODE, PBX1, READER, World


def send(world: World, *records: dict[str, Any], key: str = NODE) -> list[dict[str, Any]]:
    answer = world.post("/v1/legs", {"records": list(records)}, key=key, once=None)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def waited_for(world: World, node: str = "pbx1") -> list[tuple[str, int]]:
    answer = world.get(f"/v1/nodes/{node}/open-attempts", key=NODE).json()
    return [(each["reference"], each["attempt"]) for each in answer["items"]]


def test_a_leg_record_settles_its_attempt(world: World) -> None:
    card = world.card()
    call, grant = world.dial(card)
    assert waited_for(world) == [(call.reference, 1)]

    results = send(world, world.leg(call, grant.attempt, talked=61))

    assert results == [
        {"status": "settled", "charge": {"amount": "0.12", "unit": "USD"}, "seconds": 61}
    ]
    assert waited_for(world) == []
    account = world.get(f"/v1/accounts/{card['account_id']}").json()
    assert account["balance"] == account["available"] == {"amount": "4.88", "unit": "USD"}


def test_a_batch_that_is_sent_again_changes_nothing(world: World) -> None:
    card = world.card()
    call, _ = world.dial(card)
    batch = [
        {"type": "sighting", "reference": call.reference, "attempt": 1}
        | {"answered_ms": 1_772_452_800_000, "seconds": 30},
        world.leg(call, 1, talked=61),
        {"type": "call end", "reference": call.reference},
    ]
    first = [each["status"] for each in send(world, *batch)]
    facts = len(world.units.log())
    again = [each["status"] for each in send(world, *batch)]

    assert first == ["seen", "settled", "ended"]
    assert again == ["seen", "unchanged", "ended"]
    assert len(world.units.log()) == facts


def test_the_end_of_a_call_releases_what_nobody_answered(world: World) -> None:
    card = world.card()
    call, _ = world.dial(card)

    results = send(
        world,
        world.leg(call, 1, talked=None),
        {"type": "call end", "reference": call.reference, "reason": "hung up while ringing"},
    )

    assert results == [{"status": "unchanged"}, {"status": "ended", "released": 1}]
    account = world.get(f"/v1/accounts/{card['account_id']}").json()
    assert account["held"] == {"amount": "0.00", "unit": "USD"}
    row = world.get("/v1/calls").json()["items"][0]
    assert row["ended_at"] is not None
    assert row["open_attempts"] == 0


def test_a_record_that_cannot_be_used_does_not_hold_up_the_others(world: World) -> None:
    call, _ = world.dial(world.card())
    good = world.leg(call, 1, talked=10)
    results = send(
        world,
        {**good, "reference": "pbx1-1772452800.4711"},
        {**good, "reference": "nonsense"},
        {**good, "attempt": 2},
        good,
    )

    assert [each["status"] for each in results] == ["refused", "refused", "refused", "settled"]
    assert [each["problem"]["status"] for each in results[:3]] == [404, 422, 404]
    assert results[0]["problem"]["key"] == "pbx1-1772452800.4711"
    assert results[1]["problem"]["field"] == "reference"


def test_a_later_record_that_disagrees_is_put_up_for_review(world: World) -> None:
    call, _ = world.dial(world.card())
    send(world, world.leg(call, 1, talked=10))
    send(world, world.leg(call, 1, talked=100))

    disputed = world.get("/v1/calls?disputed=true", key=READER).json()["items"]
    assert [each["reference"] for each in disputed] == [call.reference]
    assert disputed[0]["seconds"] == 10
    path = f"/v1/calls/{disputed[0]['session_id']}"
    assert world.get(f"{path}/events").json()["items"][-1]["name"] == SettlementDisputed.__name__
    assert world.get("/v1/calls?disputed=false").json()["items"] == []


def test_a_node_speaks_for_its_own_calls_only(world: World) -> None:
    call, _ = world.dial(world.card(), node="pbx2")
    (refused,) = send(world, world.leg(call, 1, talked=10), key=PBX1)

    assert refused["problem"]["type"] == "/problems/not-allowed"
    assert waited_for(world, "pbx2") == [(call.reference, 1)]
    (settled,) = send(world, world.leg(call, 1, talked=10), key=NODE)
    assert settled["status"] == "settled"


def test_a_ledger_that_is_away_takes_the_whole_batch_later(world: World) -> None:
    call, _ = world.dial(world.card())
    record = world.leg(call, 1, talked=10)
    world.units.unavailable = True
    answer = world.post("/v1/legs", {"records": [record]}, key=NODE)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"] == "/problems/ledger-unavailable"
    world.units.unavailable = False
    assert [each["status"] for each in send(world, record)] == ["settled"]


def test_a_settlement_whose_answer_was_lost_is_found_done(world: World) -> None:
    card = world.card()
    call, _ = world.dial(card)
    record = world.leg(call, 1, talked=10)
    world.units.lose_next_answer = True
    assert world.post("/v1/legs", {"records": [record]}, key=NODE).status_code == 503

    assert [each["status"] for each in send(world, record)] == ["unchanged"]
    account = world.get(f"/v1/accounts/{card['account_id']}").json()
    assert account["available"] == {"amount": "4.94", "unit": "USD"}


def test_a_record_that_trips_over_a_fault_is_set_apart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, _ = world.dial(world.card())
    state = world.units.state

    def broken(kind: Any, stream_id: Any) -> Any:
        if stream_id == call.session_id:
            raise RuntimeError("secret of the inside")
        return state(kind, stream_id)

    monkeypatch.setattr(world.units, "state", broken)
    (failed,) = send(world, world.leg(call, 1, talked=10))

    assert failed["status"] == "failed"
    assert failed["problem"]["type"] == "/problems/fault"
    assert "secret" not in str(failed)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"answered_ms": -1}, "$.records[0].answered_ms"),
        ({"answered_ms": 1.5}, "$.records[0].answered_ms"),
        ({"answered_ms": 10**20}, "$.records[0].answered_ms"),
        ({"attempt": 0}, "$.records[0].attempt"),
        ({"attempt": "1"}, "$.records[0].attempt"),
        ({"cause": 1000}, "$.records[0].cause"),
        ({"reference": "pbx1-١٢"}, "$.records[0].reference"),
        ({"reference": "x" * 101}, "$.records[0].reference"),
        ({"type": "leg end"}, "$.records[0].type"),
        ({"charge": "0.00"}, "$.records[0]"),
    ],
)
def test_a_malformed_record_names_its_field(
    world: World, change: dict[str, Any], field: str
) -> None:
    call, _ = world.dial(world.card())
    record = world.leg(call, 1, talked=10) | change
    answer = world.post("/v1/legs", {"records": [record]}, key=NODE)

    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert waited_for(world) == [(call.reference, 1)]


def test_a_batch_is_bounded_in_records_and_in_bytes(world: World) -> None:
    end = {"type": "call end", "reference": "pbx1-1772452800.1"}
    most = world.post("/v1/legs", {"records": [end] * MOST_RECORDS}, key=NODE)
    more = world.post("/v1/legs", {"records": [end] * (MOST_RECORDS + 1)}, key=NODE)
    none = world.post("/v1/legs", {"records": []}, key=NODE)
    large = world.ask("POST", "/v1/legs", key=NODE, content=b" " * (1024 * 1024 + 1))

    assert most.status_code == 200
    assert {each["released"] for each in most.json()["results"]} == {0}
    assert (more.status_code, none.status_code, large.status_code) == (422, 422, 413)


def test_open_attempts_come_oldest_first_and_say_if_there_are_more(world: World) -> None:
    calls = []
    for _ in range(3):
        calls.append(world.dial(world.card())[0].reference)
        world.clock.pass_by(seconds=1)
    world.dial(world.card(), node="pbx2")

    all_of_them = world.get("/v1/nodes/pbx1/open-attempts", key=PBX1).json()
    first = world.get("/v1/nodes/pbx1/open-attempts?limit=2", key=PBX1).json()

    assert [each["reference"] for each in all_of_them["items"]] == calls
    assert all_of_them["complete"] is True
    assert [each["reference"] for each in first["items"]] == calls[:2]
    assert first["complete"] is False
    assert all_of_them["items"][0]["placed_at"] == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize("node", ["PBX1", "pbx-1", "x" * 17, "%D9%A1"])
def test_a_node_has_a_plain_name(world: World, node: str) -> None:
    assert world.get(f"/v1/nodes/{node}/open-attempts", key=NODE).status_code == 404


def test_a_call_tells_its_attempts_and_its_facts(world: World) -> None:
    card = world.card()
    call, _ = world.dial(card)
    other, _ = world.dial(world.card())
    send(world, world.leg(call, 1, talked=61))

    mine = world.get(f"/v1/calls?card={card['card_id']}").json()["items"]
    still_up = world.get("/v1/calls?open=true").json()["items"]
    assert [each["reference"] for each in mine] == [call.reference]
    assert [each["reference"] for each in still_up] == [other.reference]
    path = f"/v1/calls/{call.session_id}"
    row = world.get(path).json()
    assert (row["seconds"], row["charged"]["amount"], row["disputed"]) == (61, "0.12", False)
    (attempt,) = world.get(f"{path}/attempts").json()["items"]
    assert (attempt["state"], attempt["evidence"], attempt["cause"]) == (
        "settled",
        "leg record",
        16,
    )
    assert attempt["destination"] == "+442071838750"
    names = [each["name"] for each in world.get(f"{path}/events").json()["items"]]
    told = ["CallStarted", "PayerIdentified", "AttemptStarted", "AttemptSettled"]
    assert [each for each in names if each in told] == told


@pytest.mark.parametrize("query", ["card=4711", "disputed=yes", "open=false", "open=1"])
def test_calls_are_filtered_by_what_is_accepted(world: World, query: str) -> None:
    answer = world.get(f"/v1/calls?{query}")
    assert (answer.status_code, answer.json()["name"]) == (400, query.partition("=")[0])


def test_a_call_that_never_was_is_not_found(world: World) -> None:
    for path in ("", "/attempts", "/events"):
        missing = world.get(f"/v1/calls/00000000-0000-8000-8000-000000000000{path}")
        assert missing.status_code == 404


def test_a_record_says_what_shows_it(world: World) -> None:
    call, grant = world.dial(world.card())
    record = world.leg(call, grant.attempt, talked=61) | {"evidence": "last sign of life"}

    (result,) = send(world, record)

    assert result["status"] == "settled"
    (attempt,) = world.get(f"/v1/calls/{call.session_id}/attempts").json()["items"]
    assert attempt["evidence"] == "last sign of life"


def test_a_node_cannot_claim_to_know_that_a_limit_has_passed(world: World) -> None:
    call, grant = world.dial(world.card())
    record = world.leg(call, grant.attempt, talked=61) | {"evidence": "limit passed"}

    (result,) = send(world, record)

    assert result["status"] == "refused"
    assert "limit passed" in result["problem"]["detail"]
    assert waited_for(world) == [(call.reference, 1)]
