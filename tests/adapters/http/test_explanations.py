"""Why a call cost what it did, and what a card was at a moment, over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from adapters.http.wire import told
from application import kinds
from domain.people import Role
from tests.adapters.http.world import NODE, World, usd

LEGS = "/v1/legs"


def called(world: World, card: dict[str, Any], talked: int | None = 61) -> str:
    """The card makes a call; gives the path of the call."""
    call, _ = world.dial(card)
    leg = world.leg(call, 1, talked=talked)
    answer = world.post(LEGS, {"records": [leg]}, key=NODE, once=None)
    assert answer.status_code == 200, answer.text
    return f"/v1/calls/{kinds.session_id(call.reference)}"


def at(world: World, **back: float) -> str:
    return quote((world.clock.now() - timedelta(**back)).isoformat())


# ---- why a call cost what it did


def test_a_call_is_explained_step_by_step_with_the_lines_of_its_price(world: World) -> None:
    path = called(world, world.card(), talked=61)
    shown = world.get(f"{path}/explanation").json()
    assert shown["agrees"] is True
    assert shown["charged"] == [{"amount": "0.12", "unit": "USD"}]
    (attempt,) = shown["attempts"]
    assert attempt["rate"] == "0.06 USD a minute, first 60 s, then each 60 s begun"
    assert attempt["seconds"] == 61
    assert attempt["price"]["billed_seconds"] == 120
    (line,) = attempt["price"]["lines"]
    assert (line["what"], line["seconds"]) == ("talk", 120)
    assert line["amount"] == attempt["charge"] == attempt["price"]["total"]
    assert [step["position"] for step in shown["steps"]] == sorted(
        step["position"] for step in shown["steps"]
    )
    said = " ".join(step["told"] for step in shown["steps"])
    assert "is charged 0.12 USD" in said


def test_the_explanation_is_the_one_of_the_command_line(world: World) -> None:
    path = called(world, world.card())
    shown = world.get(f"{path}/explanation").json()
    found = world.services.explanations.explain(shown["reference"])
    assert [step["told"] for step in shown["steps"]] == [step.told for step in found.steps]
    assert [step["because"] for step in shown["steps"]] == [list(s.because) for s in found.steps]
    assert shown["charged"] == [{"amount": told(m).amount, "unit": m.unit} for m in found.charged]


def test_what_is_for_the_office_is_marked(world: World) -> None:
    path = called(world, world.card())
    steps = world.get(f"{path}/explanation").json()["steps"]
    internal = [step["told"] for step in steps if step["internal"]]
    assert any("trunk" in each or "go through" in each for each in internal)
    assert not any("charged" in each for each in internal)


def test_a_call_that_goes_on_has_no_price_yet(world: World) -> None:
    call, grant = world.dial(world.card())
    shown = world.get(f"/v1/calls/{kinds.session_id(call.reference)}/explanation").json()
    (attempt,) = shown["attempts"]
    assert (attempt["seconds"], attempt["price"], attempt["charge"]) == (None, None, None)
    assert attempt["limit_seconds"] == grant.limit_seconds
    assert shown["charged"] == []


def test_a_call_that_is_not_known_is_not_found(world: World) -> None:
    card = world.card()
    for call_id in ("00000000-0000-8000-8000-000000000000", card["card_id"], "nonsense"):
        assert world.get(f"/v1/calls/{call_id}/explanation").status_code == 404


# ---- as of a moment


def test_a_card_and_its_account_are_told_as_they_were(world: World) -> None:
    card = world.card()
    world.clock.pass_by(hours=1)
    world.post(f"/v1/cards/{card['card_id']}/top-ups", top_up("2.00"))
    world.clock.pass_by(hours=1)
    path = f"/v1/cards/{card['card_id']}/as-of"
    before = world.get(f"{path}?at={at(world, minutes=90)}").json()
    after = world.get(f"{path}?at={at(world)}").json()
    assert before["status"] == after["status"] == "active"
    assert before["account"]["balance"] == {"amount": "5.00", "unit": "USD"}
    assert after["account"]["balance"] == {"amount": "7.00", "unit": "USD"}
    assert before["terms"]["tariff"] == "retail"
    own = world.get(f"/v1/accounts/{card['account_id']}/as-of?at={at(world, minutes=90)}").json()
    assert own == before["account"]


def test_open_holds_are_told(world: World) -> None:
    card = world.card()
    call, _ = world.dial(card)
    shown = world.get(f"/v1/accounts/{card['account_id']}/as-of?at={at(world)}").json()
    (hold,) = shown["holds"]
    assert hold["hold_id"] == str(kinds.hold_id(kinds.session_id(call.reference), 1))
    assert hold["amount"] == shown["held"] != {"amount": "0.00", "unit": "USD"}


def test_what_was_not_there_then_is_not_found(world: World) -> None:
    card = world.card()
    for path in (f"/v1/cards/{card['card_id']}", f"/v1/accounts/{card['account_id']}"):
        assert world.get(f"{path}/as-of?at={at(world, days=1)}").status_code == 404
        assert world.get(f"{path}/as-of?at={at(world)}").status_code == 200


def test_the_id_of_something_else_is_not_found(world: World) -> None:
    card = world.card()
    for path in (f"/v1/accounts/{card['card_id']}", f"/v1/cards/{card['account_id']}"):
        assert world.get(f"{path}/as-of?at={at(world)}").status_code == 404


def test_a_card_that_was_never_active_has_no_account(world: World) -> None:
    card = world.post("/v1/cards", {"group": "world"}).json()
    shown = world.get(f"/v1/cards/{card['card_id']}/as-of?at={at(world)}").json()
    assert (shown["status"], shown["account"]) == ("generated", None)


@pytest.mark.parametrize("query", ["", "at=", "at=2026-01-31T08:00:00", "at=soon", "then=now"])
def test_a_moment_has_its_offset(world: World, query: str) -> None:
    answer = world.get(f"/v1/cards/{world.card()['card_id']}/as-of?{query}")
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/bad-parameter"


def test_what_is_still_to_come_is_not_known(world: World) -> None:
    path = f"/v1/cards/{world.card()['card_id']}/as-of"
    assert world.get(f"{path}?at={at(world, minutes=-1)}").status_code == 200
    answer = world.get(f"{path}?at={at(world, minutes=-2)}")
    assert answer.status_code == 422
    assert answer.json()["accepted"] == "a moment that has passed"


def test_who_sees_accounts_sees_them_as_they_were(world: World) -> None:
    card = world.card()
    for role in Role:
        world.person(role.value, role, "East" if role is Role.DISTRIBUTOR else None)
        answer = world.signs_in(role.value).get(f"/v1/cards/{card['card_id']}/as-of?at={at(world)}")
        seen = role is not Role.DISTRIBUTOR
        assert answer.status_code == (200 if seen else 403), role


def top_up(amount: str) -> dict[str, object]:
    return {"amount": {"amount": amount, "unit": "USD"}, "channel": "cash"}


def test_amounts_are_exact(world: World) -> None:
    card = world.card()
    world.post(f"/v1/cards/{card['card_id']}/top-ups", top_up("0.000001"))
    shown = world.get(f"/v1/accounts/{card['account_id']}/as-of?at={at(world)}").json()
    assert shown["balance"]["amount"] == told(usd("5.000001")).amount
