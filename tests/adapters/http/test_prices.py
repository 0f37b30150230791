"""What does a call cost, and why: asked at the door, answered step by step."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from domain.card_groups import GroupTerms
from tests.adapters.http.rates import publishes
from tests.adapters.http.test_rate_sheets import RATES
from tests.adapters.http.world import World, usd

SUNDAY = "2026-11-22T21:58:00+01:00"


@pytest.fixture
def world() -> World:
    """Poland, cheaper on Sundays from ten in the evening; a surcharge, and a setup fee."""
    made = World()
    sheet = made.post("/v1/rates", {**RATES, "tariff": "evenings"}).json()
    assert publishes(made, sheet["sheet_id"]).status_code == 201
    terms = GroupTerms("USD", usd("5.00"), "evenings", setup_fee=usd("0.001"))
    made.administration.create_group("Sunday", terms)
    made.post(
        "/v1/access-numbers",
        {
            "number": "18005550199",
            "terms": {"surcharge": {"amount": "0.005", "unit": "USD"}},
            "why": "the expensive one",
        },
    )
    return made


def ask(world: World, **asked: Any) -> Any:
    given = {
        "access_number": "18005550199",
        "group": "Sunday",
        "number": "+48774417880",
        "at": SUNDAY,
        **asked,
    }
    told = {name: value for name, value in given.items() if value is not None}
    return world.get(f"/v1/price?{urlencode(told)}")


def test_a_price_is_told_with_every_step(world: World) -> None:
    told = ask(world, minutes=7, first_call="true").json()
    assert (told["number"], told["tariff"], told["version"]) == ("+48774417880", "evenings", 1)
    assert (told["prefix"], told["destination"]) == ("4877", "Poland, Opole")
    assert told["passed_over"] == [{"prefix": "48", "destination": "Poland"}]
    assert told["total"] == {"amount": "0.176", "unit": "USD"}
    assert (told["seconds"], told["billed_seconds"]) == (420, 420)
    lines = [(each["what"], each["seconds"], each["amount"]["amount"]) for each in told["lines"]]
    assert lines == [
        ("connect fee", 0, "0.01"),
        ("surcharge", 0, "0.005"),
        ("talk", 120, "0.06"),
        ("talk", 300, "0.10"),
        ("setup fee", 0, "0.001"),
    ]
    assert told["lines"][3]["since"] == "2026-11-22T22:00:00+01:00"
    assert told["blocked"] is None
    text = " ".join(told["steps"])
    for part in ("version 1", "4877, Poland, Opole", "48 (Poland)", "Together: 0.176 USD"):
        assert part in text
    assert ask(world, seconds=420, first_call="true").json() == told


def test_how_long_an_amount_lasts(world: World) -> None:
    told = ask(world, amount="0.176").json()
    assert (told["amount"]["amount"], told["connects"]) == ("0.176", True)
    assert told["talk_seconds"] == 420
    little = ask(world, amount="0.01").json()
    assert (little["connects"], little["talk_seconds"]) == (False, 0)
    assert little["needed_to_connect"]["amount"] == "0.045"
    assert ask(world).json()["amount"]["amount"] == "5.00", "else the face value"


def test_a_minute_from_now_is_what_is_asked_when_nothing_is_said(world: World) -> None:
    told = ask(world, at=None).json()
    assert told["seconds"] == 60
    assert told["answered_at"] == world.clock.now().isoformat().replace("+00:00", "Z")


def test_a_number_that_nobody_may_dial_is_told_to_be_so(world: World) -> None:
    world.ask("PUT", "/v1/prefix-rules/4877", json={"name": "Opole", "allowed": False, "why": "x"})
    told = ask(world).json()
    assert "+4877 is blocked: Opole" in told["blocked"]
    assert told["steps"][-1].startswith("But nobody may dial +48774417880")


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"number": "39061234567"}, 422, "not sold"),
        ({"number": "48"}, 422, "no telephone number"),
        ({"number": "0048774417880"}, 422, "no telephone number"),
        ({"number": "Warsaw"}, 400, "number"),
        ({"group": "Tin"}, 404, "no card group Tin"),
        ({"group": "Tin", "amount": "1"}, 404, "no card group Tin"),
        ({"group": "world"}, 404, "no tariff retail"),
        ({"access_number": "555"}, 404, "no access number 555"),
        ({"at": "2026-11-22T21:58:00"}, 400, "at "),
        ({"at": "Sunday"}, 400, "at "),
        ({"at": "1969-11-22T21:58:00Z"}, 422, "not sold"),
        ({"at": "9999-11-22T21:58:00Z"}, 400, "at "),
        ({"seconds": "60", "minutes": "1"}, 400, "one of them is enough"),
        ({"seconds": "-1"}, 400, "seconds"),
        ({"seconds": "99999999"}, 400, "seconds"),
        ({"amount": "1,50"}, 400, "amount"),
        ({"group": None}, 400, "group"),
    ],
)
def test_what_cannot_be_answered_is_told_clearly(
    world: World, asked: dict[str, Any], status: int, says: str
) -> None:
    answer = ask(world, **asked)
    assert answer.status_code == status, answer.text
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("at", ["9999-12-31T23:59:00Z", "9999-12-31T23:59:00-12:00"])
def test_a_call_at_the_end_of_all_calendars_is_refused_and_no_fault(world: World, at: str) -> None:
    given = {"access_number": "18005550199", "group": "Sunday", "number": "48774417880", "at": at}
    answer = world.get(f"/v1/price?{urlencode(given)}")
    assert answer.status_code == 400
    assert answer.json()["name"] == "at"
