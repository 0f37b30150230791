"""Corrections over HTTP: refunds once a key, re-ratings looked at first and done in the back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from application import kinds
from application.approvals import CORRECTION
from application.legs import LegRecord
from domain.accounts import ChargeCorrected
from domain.rating import RateTerms
from domain.tariffs import TariffCreated, TariffPublished
from tests.adapters.http.test_lots import problem
from tests.adapters.http.world import READER, World
from tests.support.corrections import CHEAP, DEAR

FIVE_CENTS = {"amount": "0.05", "unit": "USD"}


def called(world: World, talked: int = 120) -> tuple[dict[str, Any], str]:
    """A card that paid 0.06 for each begun minute of a call, and the path of the call."""
    card = world.card()
    call, _ = world.dial(card)
    answered = int(world.clock.now().timestamp()) * 1000
    leg = LegRecord(call.reference, 1, 1, answered, answered + talked * 1000, 16, "1763765000.1")
    world.services.settlement.record_leg(leg)
    world.services.settlement.call_ended(call.reference)
    return card, f"/v1/calls/{call.session_id}"


def available(world: World, card: dict[str, Any]) -> str:
    account = world.get(f"/v1/accounts/{card['account_id']}").json()
    told: str = account["available"]["amount"]
    return told


def works(world: World) -> None:
    while world.services.work.run_next():
        pass


def wanted(path: str, world: World, **more: Any) -> dict[str, Any]:
    call = world.get(path).json()
    return {"call": call["reference"], **more}


@pytest.fixture
def priced(world: World) -> World:
    """A sheet of the other prices is version 1 of no tariff: what is published is what counts."""
    prices = world.services.correcting.corrections.prices
    half = {"": RateTerms("USD", 30_000, initial_block=60, increment=60)}
    prices.sheets[CHEAP] = half  # type: ignore[attr-defined]
    prices.sheets[DEAR] = {"": RateTerms("USD", 600_000)}  # type: ignore[attr-defined]
    return world


def test_a_refund_is_made_once_for_each_key(world: World) -> None:
    card, path = called(world)
    assert available(world, card) == "4.88"
    sent = {"attempt": 1, "amount": FIVE_CENTS, "why": "bad line"}
    for _ in range(3):
        answer = world.post(f"{path}/refunds", sent, once="ticket-17")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["amount"]["amount"], told["charge"]["amount"]) == ("0.05", "0.07")
        assert (told["available"]["amount"], told["forfeits"]) == ("4.93", None)
    other = world.post(f"{path}/refunds", {**sent, "amount": None}, once="ticket-18").json()
    assert (other["amount"]["amount"], other["charge"]["amount"]) == ("0.07", "0.00")
    used = world.post(
        f"{path}/refunds",
        {"amount": {"amount": "0.01", "unit": "USD"}, "why": "x"},
        once="ticket-17",
    )
    assert problem(used) == "idempotency-key-used"
    assert world.get(path).json()["charged"]["amount"] == "0.00"
    (attempt,) = world.get(f"{path}/attempts").json()["items"]
    assert attempt["charge"]["amount"] == "0.00"
    moved = [each for each in world.units.log() if isinstance(each.fact, ChargeCorrected)]
    assert len(moved) == 2
    explained = world.get(f"{path}/explanation").json()
    (told,) = explained["attempts"]
    assert (explained["agrees"], told["charge"]["amount"]) == (True, "0.12")
    assert told["charged_now"]["amount"] == "0.00"
    assert [
        (each["kind"], each["charge"]["amount"], each["why"]) for each in told["corrections"]
    ] == [
        ("refund", "0.07", "bad line"),
        ("refund", "0.00", "bad line"),
    ]


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({"attempt": 2, "why": "x"}, "setting-not-allowed"),
        ({"amount": {"amount": "0.13", "unit": "USD"}, "why": "x"}, "setting-not-allowed"),
        ({"amount": {"amount": "0.01", "unit": "EUR"}, "why": "x"}, "setting-not-allowed"),
        ({"amount": {"amount": "-0.01", "unit": "USD"}, "why": "x"}, "setting-not-allowed"),
        ({"attempt": 0, "why": "x"}, "bad-field"),
        ({"attempt": 1}, "bad-field"),
    ],
)
def test_a_refund_that_cannot_be_is_refused(world: World, sent: dict[str, Any], kind: str) -> None:
    card, path = called(world)
    assert problem(world.post(f"{path}/refunds", sent)) == kind
    assert available(world, card) == "4.88"


def test_a_refund_of_no_call_and_without_a_key_is_refused(world: World) -> None:
    _, path = called(world)
    nobody = "/v1/calls/00000000-0000-8000-8000-000000000000/refunds"
    assert problem(world.post(nobody, {"why": "x"})) == "not-found"
    assert world.post(f"{path}/refunds", {"why": "x"}, once=None).status_code == 400
    assert world.post(f"{path}/refunds", {"why": "x"}, key=READER).status_code == 403


def test_a_second_person_approves_a_refund_and_the_same_request_makes_it() -> None:
    world = World(needed=(CORRECTION,))
    card, path = called(world)
    sent = {"amount": FIVE_CENTS, "why": "bad line"}
    needed = world.post(f"{path}/refunds", sent, once="ticket-17")
    assert problem(needed) == "approval-needed"
    world.services.business.approvals.approve(UUID(needed.json()["approval_id"]), "Olive")
    for _ in range(2):
        done = world.post(f"{path}/refunds", sent, once="ticket-17")
        assert done.status_code == 200, done.text
    assert available(world, card) == "4.93"


def test_a_preview_is_made_behind_the_door_and_records_nothing(priced: World) -> None:
    _, path = called(priced)
    publish(priced, CHEAP)
    before = len(priced.units.log())
    answer = priced.post("/v1/correction-previews", wanted(path, priced), once="look-1")
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    works(priced)
    again = priced.post("/v1/correction-previews", wanted(path, priced), once="look-1")
    assert (again.status_code, again.json()["state"]) == (202, "done")
    more = wanted(path, priced, charge_more=True)
    other = priced.post("/v1/correction-previews", more, once="look-1")
    assert problem(other) == "idempotency-key-used"
    told = priced.get(answer.headers["location"]).json()
    assert (told["state"], told["looked_at"], told["totals"]["attempts"]) == ("done", 1, 1)
    assert told["totals"]["given_back"] == [{"amount": "0.06", "unit": "USD"}]
    (line,) = told["lines"]
    assert (line["charge"]["amount"], line["after"]["amount"], line["moved"]["amount"]) == (
        "0.12",
        "0.06",
        "0.06",
    )
    assert len(priced.units.log()) == before
    nobody = "/v1/correction-previews/00000000-0000-8000-8000-000000000000"
    assert problem(priced.get(nobody)) == "not-found"


def test_a_correction_is_begun_at_once_and_done_behind_the_door(priced: World) -> None:
    card, path = called(priced)
    publish(priced, CHEAP)
    sent = wanted(path, priced, name="CORR-1", why="wrong sheet")
    answer = priced.post("/v1/corrections", sent)
    assert (answer.status_code, answer.json()["totals"]) == (202, None)
    assert available(priced, card) == "4.88"
    priced.restart()  # begun, and nobody does it any more
    assert priced.post("/v1/corrections", sent).status_code == 202
    works(priced)
    told = priced.get(answer.headers["location"]).json()
    assert told["totals"]["given_back"] == [{"amount": "0.06", "unit": "USD"}]
    assert (told["name"], told["why"], told["charge_more"]) == ("CORR-1", "wrong sheet", False)
    assert available(priced, card) == "4.94"
    again = priced.post("/v1/corrections", sent).json()
    assert again == told
    assert [each["name"] for each in priced.get("/v1/corrections").json()["items"]] == ["CORR-1"]
    other = priced.post("/v1/corrections", {**sent, "charge_more": True})
    assert problem(other) == "already-exists"
    assert priced.get("/v1/corrections", key=READER).status_code == 200


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ({}, "setting-not-allowed"),
        ({"last": "2026-01-01"}, "setting-not-allowed"),
        ({"first": "2026-02-01", "last": "2026-01-01"}, "setting-not-allowed"),
        ({"first": "2026-02-01", "zone": "Mars/North"}, "setting-not-allowed"),
        ({"first": "2026-02-01", "call": "pbx1-1763765000.42"}, "setting-not-allowed"),
        ({"first": "2026-02-01", "version": 1}, "setting-not-allowed"),
        ({"first": "2026-02-01", "priced_by": "x"}, "setting-not-allowed"),
        ({"first": "2026-02-01", "version": 1, "tariff": "nowhere"}, "not-found"),
        ({"first": "2026-02-01", "prefix": "+48"}, "bad-field"),
        ({"first": "2026-02-01", "other": 1}, "bad-field"),
        ({"call": "pbx1-1763765999.1"}, "not-found"),
        ({"call": "me"}, "setting-not-allowed"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(
    world: World, sent: dict[str, Any], kind: str
) -> None:
    named = {**sent, "name": "CORR-1", "why": "wrong sheet"}
    assert problem(world.post("/v1/corrections", named)) == kind
    assert world.get("/v1/corrections").json()["items"] == []


def publish(world: World, sheet_id: Any) -> None:
    """The sheet is what is published for the moment of the call."""
    tariff_id = kinds.tariff_id("retail")
    since = world.clock.now() - timedelta(days=1)
    facts = [
        TariffCreated("retail", "USD"),
        TariffPublished(1, sheet_id, since, 1, "digest", "ann"),
    ]
    world.units.run(lambda unit: unit.record(kinds.TARIFFS, tariff_id, facts), writes=(tariff_id,))
