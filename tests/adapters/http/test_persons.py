"""Callers who ask what is known of them, over HTTP: an owner answers, and it is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.http.app import routes
from application.caller_id_binding import CallerIdBindings
from application.calling import Arrival, Calls
from application.configuration import Configuration
from application.throttle import Throttle
from domain.login import LoginMode
from domain.people import Role
from tests.adapters.http.world import ACCESS_NUMBER, READER, SignedIn, World

ALICE = "+48600316058"
KNOWN, ERASURE = "/v1/persons/known", "/v1/persons/erasure"
WHY = {"number": ALICE, "why": "asked by letter"}


@pytest.fixture
def world() -> World:
    world = World()
    for role in (Role.OWNER, Role.OPERATOR):
        world.person(role.value, role)
    return world


@pytest.fixture
def owner(world: World) -> SignedIn:
    return world.signs_in("owner")


@pytest.fixture
def card(world: World) -> dict[str, Any]:
    """A card that was called with from a number, which opens it now."""
    card = world.card()
    pins = world.administration.pins
    configuration = Configuration(world.units, lambda: 0.0)
    calls = Calls(world.units, configuration, pins, Throttle(), world.clock, world.persons)
    for unique in range(3):
        reference = f"pbx1-{int(world.clock.now().timestamp())}.{unique}"
        call = calls.arrive(Arrival(reference, "pbx1", ACCESS_NUMBER, ALICE, "carrier"))
        calls.login(call, LoginMode.NUMBER_AND_PIN, card["number"], card["pin"])
    assert call.caller_id is not None
    CallerIdBindings(world.units).bind(call.caller_id, call.payer.card_id)  # type: ignore[union-attr]
    return card


def test_all_that_is_known_is_told_page_by_page(
    world: World, owner: SignedIn, card: dict[str, Any]
) -> None:
    told = owner.post(KNOWN, {"number": ALICE, "limit": 2}).json()
    assert told["card"]["number"] == card["number"]
    assert [each["fact"]["number"] for each in told["bindings"]] == [ALICE]
    more = owner.post(KNOWN, {"number": ALICE, "limit": 2, "after": told["next"]}).json()
    calls = [*told["calls"], *more["calls"]]
    assert {each["caller_id"] for each in calls} == {ALICE}
    assert len({each["reference"] for each in calls}) == 3
    assert more["next"] is None
    reads = world.get("/v1/audit?action=secret-read&by=owner").json()["items"]
    assert [read["target"] for read in reads] == [told["person_id"]] * 2
    assert ALICE[1:] not in str(reads)


def test_an_erased_number_shows_as_its_pseudonym_everywhere(
    world: World, owner: SignedIn, card: dict[str, Any]
) -> None:
    before = world.get("/v1/calls").json()["items"]
    assert {each["caller_id"] for each in before} == {ALICE}
    erased = owner.post(ERASURE, WHY)
    assert erased.status_code == 200, erased.text
    assert erased.json()["card_id"] == card["card_id"]
    pseudonym = erased.json()["pseudonym"]
    assert pseudonym.startswith("erased-")
    after = world.get("/v1/calls").json()["items"]
    assert after == [each | {"caller_id": pseudonym} for each in before]
    assert world.get(f"/v1/cards/{card['card_id']}").json()["caller_id"] is None
    facts = world.get(f"/v1/cards/{card['card_id']}/events").text
    assert pseudonym in facts
    assert ALICE[1:] not in facts
    assert world.get("/v1/cards", headers={}).json()["items"]
    assert world.get(f"/v1/cards?caller_id=%2B{ALICE[1:]}").json()["items"] == []
    assert owner.post(ERASURE, WHY).status_code == 404
    (entry,) = world.get("/v1/audit?action=person-erased").json()["items"]
    assert (entry["by"], entry["fact"]["why"]) == ("owner", "asked by letter")


def test_a_card_is_found_by_the_number_that_opens_it(world: World, card: dict[str, Any]) -> None:
    found = world.get(f"/v1/cards?caller_id=%2B{ALICE[1:]}").json()["items"]
    assert [(each["number"], each["caller_id"]) for each in found] == [(card["number"], ALICE)]
    assert world.get("/v1/cards?caller_id=%2B14155550123").json()["items"] == []


@pytest.mark.parametrize("path", [KNOWN, ERASURE])
def test_only_an_owner_may_ask_and_forget(world: World, path: str) -> None:
    assert world.signs_in("operator").post(path, WHY).status_code == 403
    for key in ("a" * 43, READER):
        assert world.post(path, WHY, key=key).status_code in (401, 403)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"number": ALICE}, 422),
        ({"number": "48600316058", "why": "x"}, 422),
        ({"number": ALICE, "why": f"forget {ALICE}"}, 422),
        ({"number": "+14155550123", "why": "asked"}, 404),
    ],
)
def test_what_cannot_be_done_says_why(
    owner: SignedIn, card: dict[str, Any], sent: dict[str, str], status: int
) -> None:
    assert owner.post(ERASURE, sent).status_code == status


def test_no_path_has_a_callers_number_in_it() -> None:
    assert not [path for path in routes() if "number}" in path or "caller" in path]
