"""Providers, trunks, routes and blocked prefixes at the door, and what a call would try."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.http.rates import draft, publishes
from tests.adapters.http.world import ACCESS_NUMBER, READER, SHOP, World

WARSAW = "48221234567"


def add_provider(world: World, name: str, rates: dict[str, str] | None = None, **terms: Any) -> Any:
    wanted = {"name": name, "unit": "USD", "rated": rates is not None, "why": "new", **terms}
    answer = world.post("/v1/providers", wanted)
    assert answer.status_code == 201, answer.text
    if rates:
        lines = [f"{prefix},somewhere,{rate}" for prefix, rate in rates.items()]
        text = "\n".join(["prefix,destination,rate", *lines, ""])
        sheet_id = draft(world, text, tariff=f"provider:{name}", unit=wanted["unit"])
        assert publishes(world, sheet_id).status_code == 201
    return answer.json()


def add_trunk(world: World, name: str, provider: str, **terms: Any) -> Any:
    answer = world.post("/v1/trunks", {"name": name, "provider": provider, "why": "new", **terms})
    assert answer.status_code == 201, answer.text
    return answer.json()


def preview(world: World, number: str = WARSAW, **asked: str) -> Any:
    more = "".join(f"&{name}={value}" for name, value in asked.items())
    return world.get(f"/v1/route-preview?number={number}{more}").json()


# ---- providers and trunks


def test_a_provider_is_added_once_and_changed_with_a_reason(world: World) -> None:
    acme = add_provider(world, "acme", {"48": "0.02"})
    assert add_provider(world, "acme", {}) == acme
    assert world.post("/v1/providers", {"name": "acme", "unit": "EUR"}).status_code == 409
    path = f"/v1/providers/{acme['provider_id']}"
    etag = world.get(path).headers["ETag"]
    off = {"rated": True, "active": False, "why": "unpaid"}
    answer = world.ask("PUT", path, json=off, headers={"If-Match": etag})
    assert (answer.status_code, answer.json()["active"]) == (200, False)
    late = world.ask("PUT", path, json=off | {"active": True}, headers={"If-Match": etag}, key=SHOP)
    assert late.status_code == 412
    assert late.json()["changes"][-1]["fact"]["why"] == "unpaid"
    facts = world.get(f"{path}/events").json()["items"]
    assert [each["fact"]["by"] for each in facts] == ["office", "office"]
    (row,) = world.get("/v1/providers").json()["items"]
    assert (row["why"], row["changed_by"], row["tariff"]) == ("unpaid", "office", "provider:acme")
    assert world.ask("PUT", path, json={"rated": True, "active": True}).status_code == 422


def test_lists_of_carriers_are_paged_and_come_as_csv(world: World) -> None:
    for name in ("c", "a", "b"):
        add_provider(world, name)
        add_trunk(world, f"{name}1", name)
    for path, first in (("/v1/providers", "a"), ("/v1/trunks", "a1")):
        page = world.get(f"{path}?limit=2").json()
        assert page["items"][0]["name"] == first
        rest = world.get(page["next"]).json()
        assert (len(rest["items"]), rest["next"]) == (1, None)
        lines = world.get(path, headers={"Accept": "text/csv"}).text.splitlines()
        assert len(lines) == 4
    of_b = world.get("/v1/trunks?provider=b").json()["items"]
    assert [each["name"] for each in of_b] == ["b1"]


def test_a_trunk_sends_numbers_as_its_provider_wants_them(world: World) -> None:
    add_provider(world, "acme")
    terms = {"translations": ["48:2:0", ":0:00"], "caller_id": "+442079460000", "capacity": 2}
    trunk = add_trunk(world, "acme1", "acme", **terms)
    assert trunk["translations"] == ["48:2:0", ":0:00"]
    (tried,) = preview(world)["tried"]
    assert (tried["sent"], tried["caller_id"]) == ("0221234567", "+442079460000")
    path = f"/v1/trunks/{trunk['trunk_id']}"
    changed = {"provider": "acme", "capacity": 5, "why": "more lines"}
    assert world.ask("PUT", path, json=changed).json()["capacity"] == 5
    assert world.get(path).json()["translations"] == []
    (row,) = world.get("/v1/trunks").json()["items"]
    assert (row["capacity"], row["why"]) == (5, "more lines")


@pytest.mark.parametrize(
    ("wanted", "status", "says"),
    [
        ({"name": "a b"}, 422, "name"),
        ({"name": "x", "provider": "nobody"}, 404, "no provider nobody"),
        ({"name": "x", "capacity": 0}, 422, "capacity"),
        ({"name": "x", "translations": ["48"]}, 422, "translations"),
        ({"name": "x", "translations": ["4:2:0"]}, 422, "strip is at most the 1 digits"),
        ({"name": "x", "translations": ["4:1:0", "4:0:"]}, 422, "comes twice"),
        ({"name": "x", "caller_id": "anonymous"}, 422, "caller_id"),
        ({"name": "x", "why": "a\nb"}, 422, "why"),
    ],
)
def test_a_bad_trunk_is_refused_by_name(
    world: World, wanted: dict[str, Any], status: int, says: str
) -> None:
    add_provider(world, "acme")
    answer = world.post("/v1/trunks", {"provider": "acme", **wanted})
    assert answer.status_code == status, answer.text
    assert says in answer.json()["detail"]
    assert world.get("/v1/trunks").json()["items"] == []


# ---- routes and rules


def test_a_route_is_set_looked_at_and_removed_with_a_reason(world: World) -> None:
    add_provider(world, "acme")
    add_trunk(world, "acme1", "acme")
    wanted = {"trunks": ["acme1"], "order": "as listed", "why": "the only one"}
    answer = world.ask("PUT", "/v1/routes/4822", json=wanted)
    assert answer.json() == {"prefix": "4822", "trunks": ["acme1"], "order": "as listed"}
    world.ask("PUT", "/v1/routes/all", json={"why": "the rest"})
    listed = world.get("/v1/routes").json()["items"]
    assert [(each["prefix"], each["why"]) for each in listed] == [
        ("", "the rest"),
        ("4822", "the only one"),
    ]
    stale = {"If-Match": '"' + "0" * 32 + '"'}
    assert world.ask("PUT", "/v1/routes/4822", json=wanted, headers=stale).status_code == 412
    etag = {"If-Match": world.get("/v1/routes/4822").headers["ETag"]}
    assert world.ask("PUT", "/v1/routes/4822", json=wanted, headers=etag).status_code == 200
    assert world.ask("DELETE", "/v1/routes/4822").status_code == 400
    assert world.ask("DELETE", "/v1/routes/4822?why=x").status_code == 204
    assert world.get("/v1/routes/4822").status_code == 404
    assert world.ask("DELETE", "/v1/routes/4822?why=x").status_code == 404


@pytest.mark.parametrize(
    ("prefix", "wanted", "status"),
    [
        ("0048", {"why": "x"}, 422),
        ("4822", {"why": "x", "trunks": ["ghost"]}, 404),
        ("4822", {"why": "x", "order": "as listed"}, 422),
        ("4822", {"why": "x", "order": "by chance"}, 422),
        ("4822", {}, 422),
        ("%2B48", {"why": "x"}, 422),
    ],
)
def test_a_bad_route_is_refused(
    world: World, prefix: str, wanted: dict[str, Any], status: int
) -> None:
    assert world.ask("PUT", f"/v1/routes/{prefix}", json=wanted).status_code == status
    assert world.get("/v1/routes").json()["items"] == []


def test_what_is_blocked_by_itself_is_told_and_may_be_allowed(world: World) -> None:
    add_provider(world, "acme")
    add_trunk(world, "acme1", "acme")
    own = {each["prefix"] for each in world.get("/v1/blocked-ranges").json()["items"]}
    assert "881" in own
    satellite = "881612345678"
    assert "satellites" in preview(world, satellite)["detail"]
    allowed = {"name": "Iridium", "allowed": True, "why": "ships call home"}
    assert world.ask("PUT", "/v1/prefix-rules/8816", json=allowed).status_code == 200
    assert [each["trunk"] for each in preview(world, satellite)["tried"]] == ["acme1"]
    (rule,) = world.get("/v1/prefix-rules").json()["items"]
    assert (rule["prefix"], rule["allowed"], rule["why"]) == ("8816", True, "ships call home")
    assert world.get("/v1/prefix-rules/8816").json()["name"] == "Iridium"
    assert world.ask("DELETE", "/v1/prefix-rules/8816?why=over").status_code == 204
    assert preview(world, satellite)["status"] == 422
    without = {"name": "x", "allowed": True}
    assert world.ask("PUT", "/v1/prefix-rules/8816", json=without).status_code == 422
    assert world.ask("PUT", "/v1/prefix-rules/all", json=allowed).status_code == 422


# ---- what a call would try


def test_the_plan_for_a_number_tells_cost_price_margin_and_who_is_left_out(world: World) -> None:
    add_provider(world, "cheap", {"48": "0.02"})
    add_provider(world, "dear", {"48": "0.07"})
    add_provider(world, "other", {"39": "0.01"})
    add_provider(world, "asleep", {"48": "0.01"}, active=False)
    for provider in ("cheap", "dear", "other", "asleep"):
        add_trunk(world, f"{provider}1", provider)
    add_trunk(world, "off", "cheap", active=False)
    add_trunk(world, "long", "cheap", translations=["48:0:1234567890123456"], priority=1)
    sheet_id = draft(world, "prefix,destination,rate\n48,Poland,0.05\n")
    told = {"overridden": ["below-cost"], "why": "to sell"}
    assert publishes(world, sheet_id, **told).status_code == 201
    seen = preview(world, group="world", access_number=ACCESS_NUMBER)
    assert (seen["route"], seen["order"], seen["seconds"]) == ("", "cheapest first", 180)
    assert seen["price"] == {"amount": "0.15", "unit": "USD"}
    tried = [(t["trunk"], t["cost"]["amount"], t["margin"]["amount"]) for t in seen["tried"]]
    assert tried == [
        ("long", "0.06", "0.09"),
        ("cheap1", "0.06", "0.09"),
        ("dear1", "0.21", "-0.06"),
    ]
    why = {each["trunk"]: each["why"] for each in seen["left_out"]}
    assert why == {
        "other1": "its provider has no rate for the number",
        "asleep1": "its provider is not in use",
        "off": "the trunk is not in use",
    }
    without_price = preview(world)
    assert without_price["price"] is None
    assert without_price["tried"][0]["cost"]["amount"] == "0.06"


def test_trunks_that_the_route_does_not_name_are_told(world: World) -> None:
    add_provider(world, "acme", {"48": "0.02"})
    for name in ("one", "two"):
        add_trunk(world, name, "acme")
    wanted = {"trunks": ["two"], "order": "as listed", "why": "quality"}
    world.ask("PUT", "/v1/routes/4822", json=wanted)
    seen = preview(world)
    assert (seen["route"], [each["trunk"] for each in seen["tried"]]) == ("4822", ["two"])
    assert seen["left_out"] == [
        {"trunk": "one", "provider": None, "why": "the route of 4822 does not name it"}
    ]


def test_no_more_trunks_are_tried_than_a_call_waits_for(world: World) -> None:
    add_provider(world, "acme", {"48": "0.02"})
    for number in range(7):
        add_trunk(world, f"line{number}", "acme")
    seen = preview(world)
    assert len(seen["tried"]) == 5
    assert [each["why"] for each in seen["left_out"]] == ["5 others come first"] * 2


def test_a_preview_needs_all_or_nothing_of_the_price(world: World) -> None:
    add_provider(world, "acme")
    add_trunk(world, "acme1", "acme")
    assert preview(world, group="world")["status"] == 400
    assert preview(world, access_number=ACCESS_NUMBER)["status"] == 400
    assert preview(world, group="world", access_number=ACCESS_NUMBER)["status"] == 404
    assert preview(world, "48")["type"] == "/problems/number-not-dialable"
    assert world.get(f"/v1/route-preview?number={WARSAW}", key=READER).status_code == 200
    assert preview(world)["tried"][0]["cost"] is None, "a provider without rates"


# ---- access numbers


def test_an_access_number_with_a_bad_language_or_sound_is_refused(world: World) -> None:
    for terms in ({"language": "english"}, {"first_announcement": "../etc/passwd"}):
        answer = world.post("/v1/access-numbers", {"number": "18005550177", "terms": terms})
        assert answer.status_code == 422, answer.text
    made = world.post("/v1/access-numbers", {"number": "18005550177", "why": "for May"}).json()
    path = f"/v1/access-numbers/{made['access_number_id']}"
    closed = {"terms": {**made["terms"], "open": False}, "why": "May is over"}
    assert world.ask("PUT", path, json=closed).status_code == 200
    facts = world.get(f"{path}/events").json()["items"]
    assert [each["fact"]["why"] for each in facts if "why" in each["fact"]] == [
        "for May",
        "May is over",
    ]
