"""What an operator sets up over HTTP: groups, access numbers, machine keys; and what it leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest

from adapters.http.access_numbers import AccessTermsTold
from adapters.http.csv_answers import safe
from adapters.http.groups import TermsTold
from domain.access_numbers import AccessTerms
from domain.card_groups import CardGroupTermsChanged, GroupTerms
from domain.people import Role
from tests.adapters.http.test_lots import problem
from tests.adapters.http.world import ADMIN, READER, World

FIVE = {"amount": "5.00", "unit": "USD"}
TERMS = {"unit": "USD", "face_value": FIVE, "tariff": "retail"}


def group(world: World, name: str = "gold", **terms: Any) -> dict[str, Any]:
    answer = world.post("/v1/groups", {"name": name, "terms": TERMS | terms}, once=None)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_every_term_can_be_told() -> None:
    assert set(TermsTold.__struct_fields__) == {each.name for each in attrs.fields(GroupTerms)}
    assert set(AccessTermsTold.__struct_fields__) == {
        each.name for each in attrs.fields(AccessTerms)
    }


def test_a_group_is_made_looked_at_and_changed(world: World) -> None:
    made = group(world, languages=["es", "en"], daily_fee={"amount": "0.10", "unit": "USD"})
    path = f"/v1/groups/{made['group_id']}"
    assert world.get(path).json() == made
    assert world.get("/v1/groups?name=gold").json()["items"] == [made]
    assert group(world, languages=["es", "en"], daily_fee=made["terms"]["daily_fee"]) == made

    sent = {"terms": {**TERMS, "pin_length": 12}, "by": "anna"}
    changed = world.ask("PUT", path, json=sent).json()
    assert changed["terms"]["pin_length"] == 12
    assert changed["terms"]["languages"] == ["en"]
    fact = world.units.facts(UUID(made["group_id"]))[-1]
    assert isinstance(fact, CardGroupTermsChanged)
    assert fact.by == "anna (office)"
    trail = world.get(f"/v1/audit?target={made['group_id']}").json()["items"]
    assert [each["action"] for each in trail] == ["acted", "card-group-terms-changed"]
    assert trail[0]["fact"]["action"] == "create card group"


def test_a_group_of_a_name_in_use_is_refused(world: World) -> None:
    group(world)
    other = {"name": "gold", "terms": {**TERMS, "pin_length": 12}}
    assert world.post("/v1/groups", other).status_code == 409


@pytest.mark.parametrize(
    "terms",
    [
        {"pin_length": 3},
        {"pin_length": 21},
        {"longest_call": 86_401},
        {"face_value": {"amount": "5", "unit": "EUR"}},
        {"face_value": {"amount": "-5", "unit": "USD"}},
        {"expires_on": "2027-01-01T00:00:00"},
        {"expires_on": "9999-12-31T23:59:59-12:00"},
        {"expires_on": "0001-01-01T00:00:00+09:00"},
        {"languages": []},
        {"operator_number": "18005550199"},
        {"first_announcement": "../../etc/passwd"},
        {"colour": "red"},
    ],
)
def test_terms_that_cannot_be_are_named(world: World, terms: dict[str, Any]) -> None:
    answer = world.post("/v1/groups", {"name": "gold", "terms": TERMS | terms})
    assert answer.status_code == 422
    assert answer.json()["field"].startswith("$.terms")


def test_an_expiry_is_not_moved_into_the_past_where_it_would_take_all_balances(
    world: World,
) -> None:
    (group,) = world.get("/v1/groups").json()["items"]
    at = f"/v1/groups/{group['group_id']}"
    now = world.clock.now()

    def change(end: datetime | None) -> Any:
        told = None if end is None else end.isoformat()
        terms = {**group["terms"], "expires_on": told}
        etag = world.get(at).headers["etag"]
        return world.ask("PUT", at, json={"terms": terms}, headers={"If-Match": etag})

    for end in (now - timedelta(days=365), now):
        answer = change(end)
        assert (answer.status_code, problem(answer)) == (422, "setting-not-allowed")
        assert "forfeited" in answer.json()["detail"]
    assert change(now + timedelta(hours=1)).status_code == 200
    world.clock.pass_by(hours=2)
    # What has passed may be told again with other terms, and moved later or away.
    assert change(now + timedelta(hours=1)).status_code == 200
    assert change(None).status_code == 200


def test_of_two_who_change_one_thing_the_second_is_told_what_changed(world: World) -> None:
    made = group(world)
    path = f"/v1/groups/{made['group_id']}"
    etag = world.get(path).headers["etag"]
    first = {"terms": {**TERMS, "pin_length": 12}, "by": "anna"}
    second = {"terms": {**TERMS, "pin_length": 6}, "by": "bob"}
    headers = {"If-Match": etag}

    assert world.ask("PUT", path, json=first, headers=headers).status_code == 200
    answer = world.ask("PUT", path, json=second, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (412, "/problems/changed-meanwhile")
    assert answer.json()["current"]["terms"]["pin_length"] == 12
    (change,) = answer.json()["changes"]
    assert change["fact"]["by"] == "anna (office)"
    assert answer.headers["etag"] == world.get(path).headers["etag"]
    headers = {"If-Match": answer.headers["etag"]}
    assert world.ask("PUT", path, json=second, headers=headers).status_code == 200


def test_one_who_comes_between_is_noticed_in_the_ledger_itself(world: World) -> None:
    made = group(world)
    path = f"/v1/groups/{made['group_id']}"
    headers = {"If-Match": world.get(path).headers["etag"]}

    def between() -> None:
        world.units.before_storing = lambda: None
        world.ask("PUT", path, json={"terms": {**TERMS, "pin_length": 12}})

    # Not the look at the group, but the storing of its change.
    hooks = iter([lambda: None, between])
    world.units.before_storing = lambda: next(hooks, lambda: None)()
    answer = world.ask("PUT", path, json={"terms": {**TERMS, "pin_length": 6}}, headers=headers)
    assert answer.status_code == 412
    assert world.get(path).json()["terms"]["pin_length"] == 12


def test_a_card_is_not_switched_over_a_change_that_was_not_seen(world: World) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}"
    headers = {"If-Match": world.get(path).headers["etag"]}
    hold = {"status": "on hold", "why": "lost"}
    assert world.post(f"{path}/status", hold, headers=headers).status_code == 200
    again = world.post(f"{path}/status", {"status": "void", "why": "x"}, headers=headers)
    assert again.status_code == 412
    assert again.json()["current"]["status"] == "on hold"
    assert [each["fact"]["why"] for each in again.json()["changes"]] == ["lost"]


def test_what_has_not_changed_is_not_sent_again(world: World) -> None:
    world.card()
    for path in ("/v1/cards", "/v1/groups", "/v1/calls"):
        first = world.get(path)
        again = world.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    world.card()
    assert world.get("/v1/cards", headers={"If-None-Match": '"x"'}).status_code == 200


def test_an_access_number_is_added_looked_at_and_changed(world: World) -> None:
    made = world.post("/v1/access-numbers", {"number": "18005550199"}).json()
    path = f"/v1/access-numbers/{made['access_number_id']}"
    assert world.get(path).json() == made
    terms = {"open": False, "country": "MX", "surcharge": FIVE}
    changed = world.ask("PUT", path, json={"terms": terms}).json()
    assert changed["terms"] | terms == changed["terms"]
    assert world.get("/v1/access-numbers?number=18005550199").json()["items"] == [changed]
    wrong = {"terms": {"surcharge": {"amount": "-1", "unit": "USD"}}}
    assert world.ask("PUT", path, json=wrong).status_code == 422
    assert world.post("/v1/access-numbers", {"number": "12;34"}).status_code == 422


def test_a_list_comes_as_csv_and_no_cell_is_a_formula(world: World) -> None:
    group(world, name="=HYPERLINK(1)")
    answer = world.get("/v1/groups", headers={"Accept": "text/csv"})

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["vary"] == "Accept"
    header, *lines = answer.text.split("\r\n")
    assert header.startswith("group_id,name,terms.unit,terms.face_value.amount,")
    assert any(",'=HYPERLINK(1),USD,5.00," in line for line in lines)
    assert world.get("/v1/groups").headers["content-type"] == "application/json"


@pytest.mark.parametrize("cell", ["=1+1", "+48600", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "－1"])
def test_a_formula_is_kept_from_being_one(cell: str) -> None:
    assert safe(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["-1.50", "12", "gold", "", "4711000042"])
def test_a_number_stays_a_number(cell: str) -> None:
    assert safe(cell) == cell


def test_a_machine_key_opens_its_scope_until_it_is_revoked(world: World) -> None:
    world.person("ann", Role.OWNER)
    owner = world.signs_in("ann")
    made = owner.post("/v1/keys", {"name": "shop-2", "scopes": ["read"]}, once="k1")
    again = owner.post("/v1/keys", {"name": "shop-2", "scopes": ["read"]}, once="k1")

    secret = made.json()["secret"]
    assert (made.status_code, again.status_code, again.json()["secret"]) == (201, 200, None)
    assert secret not in str(world.units.log())
    assert world.get("/v1/cards", key=secret).status_code == 200
    assert world.post("/v1/cards", {}, key=secret).status_code == 403
    assert owner.ask("DELETE", f"/v1/keys/{made.json()['key_id']}").json()["revoked"] is True
    assert world.get("/v1/cards", key=secret).status_code == 401
    trail = world.get("/v1/audit?by=ann").json()
    assert [each["action"] for each in trail["items"]] == [
        "signed-in",
        "machine-key-made",
        "machine-key-revoked",
    ]
    assert trail["items"][1]["fact"]["key_digest"] == "kept back"


def test_the_trail_is_read_page_by_page_and_by_time(world: World) -> None:
    for _ in range(5):
        world.card()
    first = world.get("/v1/audit?limit=3&by=office").json()
    rest = world.get(first["next"]).json()
    positions = [each["position"] for each in first["items"] + rest["items"]]
    assert positions == sorted(set(positions))
    assert "by=office" in first["next"]
    now = world.clock.now().isoformat().replace("+00:00", "Z")
    assert world.get(f"/v1/audit?until={now}").json()["items"] == []
    assert world.get(f"/v1/audit?since={now}&limit=1").json()["items"] == first["items"][:1]
    assert world.get("/v1/audit?since=2026-01-01T00:00:00").status_code == 400


@pytest.mark.parametrize("told", ["0001-01-01T00:00:00%2B09:00", "9999-12-31T23:59:59-12:00"])
def test_a_moment_that_is_none_in_another_time_zone_is_not_accepted(
    world: World, told: str
) -> None:
    answer = world.get(f"/v1/audit?since={told}")
    assert (answer.status_code, answer.json()["name"]) == (400, "since")
    assert "of the years 2 to 9998" in answer.json()["detail"]


def test_telling_a_pin_is_on_the_trail(world: World) -> None:
    card = world.card()
    trail = world.get(f"/v1/audit?target={card['card_id']}&action=acted").json()["items"]
    assert [each["fact"]["action"] for each in trail] == ["generate card and read its PIN"]


def test_the_page_to_try_the_api_needs_nobody_else(world: World) -> None:
    page = world.get("/docs", key=None)
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for path in ("/docs", "/docs/try.js", "/docs/try.css"):
        text = world.get(path, key=None).text
        assert "://" not in text
        assert "innerHTML" not in text


def test_the_document_tells_limits_and_who_may(world: World) -> None:
    told = world.get("/openapi.json", key=None).json()
    assert told["openapi"] == "3.1.0"
    cards = told["paths"]["/v1/cards"]
    assert cards["post"]["x-roles"] == ["operator", "owner"]
    limit = next(each for each in cards["get"]["parameters"] if each["name"] == "limit")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, 500)
    assert told["components"]["schemas"]["CardWanted"]["additionalProperties"] is False
    assert "text/csv" in cards["get"]["responses"]["200"]["content"]
    assert ADMIN not in str(told)
    assert READER not in str(told)
