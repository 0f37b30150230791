"""Each role and each scope against every route: the matrix follows from the table of routes."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.http.app import routes
from adapters.http.operations import Operation
from application import kinds
from application.permissions import RULES, Action
from domain.cards import Status
from domain.distributors import CardRangeAssigned, DistributorAdded, NumberRange
from domain.machine_keys import Scope
from domain.people import Role
from tests.adapters.http.world import ADMIN, NODE, READER, World

NOBODY = "00000000-0000-8000-8000-000000000000"
ROUTES = [
    (method, path, operation)
    for path, methods in routes().items()
    for method, operation in methods.items()
]
GUARDED = [(method, path, o) for method, path, o in ROUTES if o.action is not None]
KEYS = {Scope.ADMIN: ADMIN, Scope.READ: READER, Scope.NODE: NODE}


def at(path: str) -> str:
    return path.replace("{id}", NOBODY).replace("{node}", "pbx1").replace("{prefix}", "999")


@pytest.fixture(scope="module")
def world() -> World:
    made = World()
    for role in Role:
        made.person(role.value, role, "East" if role is Role.DISTRIBUTOR else None)
    return made


def test_every_route_of_the_door_is_in_the_matrix_or_open_on_purpose(world: World) -> None:
    paths = {route.path for route in World().app.routes} - set(routes())
    assert paths == {
        "/health/live",
        "/health/ready",
        "/metrics",
        "/problems/{slug}",
        "/openapi.json",
        "/docs",
        "/docs/try.js",
        "/docs/try.css",
        "/admin",
    }
    assert [(m, p) for m, p, o in ROUTES if o.action is None] == [
        ("POST", "/v1/session"),
        ("GET", "/v1/checkpoints"),
        ("GET", "/v1/checkpoints/latest"),
    ]


def test_every_action_has_a_rule() -> None:
    assert set(RULES) == set(Action)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_what_the_table_says_and_nothing_else(world: World, role: Role) -> None:
    for method, path, operation in GUARDED:
        world.clock.pass_by(minutes=20)
        answer = world.signs_in(role.value).ask(method, at(path), json={})
        assert operation.action is not None
        if role in RULES[operation.action].roles:
            assert answer.status_code not in (401, 403), (method, path, answer.text)
        else:
            assert answer.status_code == 403, (method, path, answer.text)
            assert answer.json()["type"] == "/problems/not-allowed"


@pytest.mark.parametrize("scope", list(Scope))
def test_a_scope_opens_what_the_table_says_and_nothing_else(world: World, scope: Scope) -> None:
    for method, path, operation in GUARDED:
        answer = world.ask(method, at(path), key=KEYS[scope], json={})
        assert operation.action is not None
        allowed = scope in RULES[operation.action].scopes
        assert (answer.status_code != 403) == allowed, (method, path, answer.text)
        assert answer.status_code != 401


@pytest.mark.parametrize(("method", "path", "operation"), GUARDED)
def test_nobody_and_who_was_somebody_are_let_in_nowhere(
    world: World, method: str, path: str, operation: Operation
) -> None:
    world.clock.pass_by(hours=1)
    browser = world.signs_in(Role.OWNER.value)
    world.clock.pass_by(hours=1)
    forged = type(browser)(world, "x" * 43, browser.csrf_token)
    for answer in (
        world.ask(method, at(path), key=None, json={}),
        browser.ask(method, at(path), json={}),
        forged.ask(method, at(path), json={}),
        world.ask(method, at(path), key="x" * 40, json={}),
    ):
        assert answer.status_code == 401


def test_a_change_without_the_token_of_the_page_is_refused_everywhere(world: World) -> None:
    for method, path, operation in GUARDED:
        if method == "GET" or operation.action is Action.REPORT_CALLS:
            continue
        world.clock.pass_by(minutes=20)
        browser = world.signs_in(Role.OWNER.value)
        answer = browser.ask(method, at(path), json={}, headers={"X-CSRF-Token": "0" * 64})
        assert answer.json()["type"] == "/problems/csrf-token-missing", (method, path)


def test_what_reads_changes_nothing_and_what_changes_is_no_get() -> None:
    for method, path, operation in GUARDED:
        assert operation.action is not None
        if method == "GET":
            assert not RULES[operation.action].changes, path
        else:
            own = operation.action is Action.OWN_SESSION
            assert RULES[operation.action].changes or own, path


def test_an_auditor_reads_everything_and_changes_nothing(world: World) -> None:
    for action, rule in RULES.items():
        machines_only = not rule.roles
        if not machines_only and action is not Action.OWN_SESSION:
            assert (Role.AUDITOR in rule.roles) == (not rule.changes), action


def test_an_owner_may_do_all_that_people_do() -> None:
    assert all(Role.OWNER in rule.roles for rule in RULES.values() if rule.roles)


def test_a_refusal_is_on_the_trail_and_does_not_fill_it() -> None:
    world = World()
    world.person(Role.SUPPORT.value, Role.SUPPORT)
    browser = world.signs_in(Role.SUPPORT.value)
    for _ in range(100):
        browser.post("/v1/cards", {})
    told = world.get("/v1/audit?action=access-refused&by=support&limit=500").json()["items"]
    assert told[-1]["fact"]["action"] == "make cards"
    assert len(told) < 100


# ---- distributors


@pytest.fixture
def shop() -> World:
    made = World()
    made.person("eve", Role.DISTRIBUTOR, "East")
    facts = [
        DistributorAdded("East", "ann"),
        DistributorAdded("West", "ann"),
        CardRangeAssigned("East", NumberRange("4711000040", "4711000049"), "ann", "sold"),
        CardRangeAssigned("West", NumberRange("4711000050", "4711000059"), "ann", "sold"),
    ]
    made.units.run(
        lambda unit: unit.record(kinds.DISTRIBUTION, kinds.DISTRIBUTION_ID, facts),
        writes=(kinds.DISTRIBUTION_ID,),
    )
    return made


def test_a_distributor_sees_and_switches_its_own_cards_only(shop: World) -> None:
    own = shop.card(number="4711000042")
    others = [shop.card(number="4711000052"), shop.card(number="4799000001")]
    eve = shop.signs_in("eve")

    def numbers(query: str = "") -> list[str]:
        return [each["number"] for each in eve.get(f"/v1/cards{query}").json()["items"]]

    assert numbers() == numbers("?number=4711000042") == ["4711000042"]
    assert numbers("?number=4711000052") == []
    path = f"/v1/cards/{own['card_id']}"
    held: dict[str, Any] = {"status": Status.ON_HOLD.value, "why": "lost"}
    assert eve.get(path).status_code == eve.get(f"{path}/events").status_code == 200
    assert eve.post(f"{path}/status", held).json()["status"] == "on hold"
    for other in others:
        path = f"/v1/cards/{other['card_id']}"
        for answer in (
            eve.get(path),
            eve.get(f"{path}/events"),
            eve.post(f"{path}/status", held),
        ):
            assert answer.status_code == 404
            assert other["number"] not in answer.text
        assert shop.get(path).json()["status"] == "active"


def test_a_distributor_that_nothing_was_given_to_sees_nothing() -> None:
    world = World()
    world.card()
    world.person("eve", Role.DISTRIBUTOR, "East")
    assert world.signs_in("eve").get("/v1/cards").json()["items"] == []
