"""Prices, providers, trunks, routes, blocked prefixes and access numbers on the pages."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from application import kinds
from domain.card_groups import GroupTerms
from domain.people import Role
from tests.adapters.http.pages.conftest import Visits
from tests.adapters.http.pages.test_rate_sheets import text
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.rates import publishes
from tests.adapters.http.test_carriers import add_provider, add_trunk
from tests.adapters.http.test_rate_sheets import RATES
from tests.adapters.http.world import ACCESS_NUMBER, World, usd

ASKED = {
    "access_number": ACCESS_NUMBER,
    "group": "Sunday",
    "number": "+48 774-417 880",
    "at": "2026-11-22T21:58",
    "zone": "Europe/Warsaw",
    "minutes": "7",
    "seconds": "0",
}


@pytest.fixture
def priced(world: World) -> World:
    sheet = world.post("/v1/rates", RATES).json()
    assert publishes(world, sheet["sheet_id"]).status_code == 201
    world.administration.create_group("Sunday", GroupTerms("USD", usd("5.00"), "evenings"))
    return world


def test_the_price_page_tells_the_price_and_why(priced: World, owner: Visitor) -> None:
    told = text(owner.get(f"/price?{urlencode(ASKED)}"))
    for part in (
        "+48774417880, Poland, Opole, 7:00 minutes 0.17 USD",
        "420 of 420 seconds are billed",
        "by the clock of Europe/Warsaw",
        "Sun 21:58:00 to Sun 22:00:00: 120 seconds at 0.03 USD a minute",
        "Sun 22:00:00 to Sun 22:05:00: 300 seconds at 0.02 USD a minute",
        "The longest prefix that fits is 4877, Poland, Opole.",
        "5.00 USD lasts for 2:00:00 hours",
    ):
        assert part in told, (part, told)
    lasts = text(owner.get(f"/price?{urlencode({**ASKED, 'amount': '0.17'})}"))
    assert "0.17 USD lasts for 7:00 minutes" in lasts
    too_little = text(owner.get(f"/price?{urlencode({**ASKED, 'amount': '0.01'})}"))
    assert "0.01 USD does not connect 0.04 USD are needed" in too_little


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"number": "0048 774"}, "Write the country code first"),
        ({"number": "393331234567"}, "is not sold"),
        ({"group": "Tin"}, "There is no card group Tin"),
        ({"zone": "Mars/Olympus"}, "There is no time zone 'Mars/Olympus'"),
        ({"at": "Sunday"}, "A day and a time, not 'Sunday'"),
        ({"minutes": "seven"}, "Minutes: a whole number, not 'seven'"),
        ({"minutes": "999999"}, "A call lasts 44,640 minutes at most"),
        ({"amount": "5,00"}, "An amount is a plain decimal such as 5.00."),
    ],
)
def test_what_has_no_price_is_told_above_the_form(
    priced: World, owner: Visitor, asked: dict[str, str], told: str
) -> None:
    page = owner.get(f"/price?{urlencode({**ASKED, **asked})}")
    assert page.status_code == 200
    assert told in text(page)
    assert 'value="2026-11-22T21:58"' in page.text or "at" in asked


def test_a_number_that_is_blocked_is_told_so(priced: World, owner: Visitor) -> None:
    form = owner.form("/blocked")
    filled = {"prefix": "+48 77", "name": "Opole", "word": "block", "why": "fraud"}
    page = owner.follow(owner.send(form, **filled))
    assert "What begins with 4877 is blocked." in text(page)
    assert "Opole blocked" in text(page)
    price = text(owner.get(f"/price?{urlencode(ASKED)}"))
    assert "Nobody may dial this number. +4877 is blocked: Opole" in price
    back = owner.form("/blocked", "/blocked/4877/remove")
    assert "4877 is as it is by itself again." in text(owner.follow(owner.send(back)))
    bad = owner.send(form, **{**filled, "prefix": "Opole"})
    assert "Digits, country code first" in text(bad)


def test_a_provider_its_trunk_and_a_route_are_set_up_by_forms(world: World, owner: Visitor) -> None:
    made = owner.send(owner.form("/providers/new"), name="acme", rated=None, why="cheap")
    assert "acme" in text(owner.follow(made))
    trunk = {"name": "acme1", "provider": "acme", "translations": "48:2:0, :0:00", "why": "new"}
    assert owner.send(owner.form("/trunks/new"), **trunk).status_code == 303
    assert "48… → 0…, … → 00…" in text(owner.get("/trunks"))
    route = owner.form("/routes/new")
    assert owner.send(route, prefix="48 22", trunks=["acme1"], why="only").status_code == 303
    assert "4822 acme1 cheapest first" in text(owner.get("/routes"))
    change = owner.form("/routes/4822")
    order = {"order": "as listed", "trunks": ["acme1"], "why": "order"}
    assert owner.send(change, **order).status_code == 303
    late = owner.send(change, **order)
    assert late.status_code == 412
    told = text(owner.get("/route-preview?number=%2B48+22+123+45+67"))
    assert "1 trunk as listed" in told
    assert "acme1 of acme sends 0221234567" in told
    remove = owner.form("/routes/4822", "/routes/4822/remove")
    assert owner.send(remove).status_code == 422
    assert owner.send(remove, removal_why="over").status_code == 303
    assert owner.get("/routes/4822").status_code == 404
    path = f"/providers/{kinds.provider_id('acme')}"
    off = owner.form(f"{path}/change")
    owner.send(off, active=None, why="unpaid")
    page = text(owner.get(path))
    assert "acme not in use" in page
    assert "“unpaid”" in page
    told = text(owner.get("/route-preview?number=48221234567"))
    assert "acme1 of acme its provider is not in use" in told


def test_the_preview_tells_why_a_number_is_not_let_out(world: World, owner: Visitor) -> None:
    add_provider(world, "acme", {"48": "0.02"})
    add_trunk(world, "acme1", "acme")
    assert "satellites" in text(owner.get("/route-preview?number=881612345678"))
    assert "country code first" in text(owner.get("/route-preview?number=0048"))
    assert "Fill in a number" in text(owner.get("/route-preview"))


def test_an_access_number_is_added_changed_and_closed(world: World, owner: Visitor) -> None:
    form = owner.form("/access-numbers/new")
    filled = {
        "number": "18005550177",
        "terms__surcharge": "0.25",
        "terms__language": "es",
        "unit": "USD",
        "why": "for Spain",
    }
    page = owner.follow(owner.send(form, **filled))
    assert "Surcharge of a call 0.25 USD" in text(page)
    assert "“for Spain”" in text(page)
    path = page.request.url.path.removeprefix("/admin")
    change = owner.form(f"{path}/change")
    assert (change["terms.surcharge"], change["terms.language"]) == ("0.25", "es")
    closed = owner.send(change, terms__open=None, terms__surcharge="", why="over")
    assert "closed" in text(owner.follow(closed))
    terms = world.services.access_numbers.get("18005550177").terms
    assert (terms.open, terms.surcharge, terms.language) == (False, None, "es")
    late = owner.send(change, terms__language="fr")
    assert late.status_code == 412
    bad = owner.send(owner.form("/access-numbers/new"), **{**filled, "number": "one"})
    assert bad.status_code == 422
    assert 'value="0.25"' in bad.text


def test_support_looks_at_the_network_and_changes_nothing(world: World, visits: Visits) -> None:
    add_provider(world, "acme", {"48": "0.02"})
    support = visits(Role.SUPPORT)
    for path in ("/providers", "/trunks", "/routes", "/blocked", "/access-numbers", "/price"):
        page = support.get(path)
        assert page.status_code == 200, path
        assert '<form method="post"' not in page.text.partition('id="content"')[2], path
    for path in ("/providers/new", "/trunks/new", "/routes/new", "/access-numbers/new"):
        assert support.get(path).status_code == 403
    assert support.post("/blocked", {}).status_code == 403
