"""People sign in with a password and a code, and every session ends."""

from __future__ import annotations

from typing import Any

import httpx
import pyotp
import pytest

from adapters.http.auth import COOKIE
from application.signing_in import RATES, TooManySignIns
from application.signing_in import SignInRefused as SignInRefusedError
from domain.acts import SignedIn as SignedInFact
from domain.acts import SignInRefused
from domain.people import Role
from tests.adapters.http.world import PASSWORD, World

OTHER = "another long and quiet river"


def sign_in(world: World, name: str, password: str, **sent: Any) -> httpx.Response:
    body = {"name": name, "password": password, **sent}
    return world.post("/v1/session", body, key=None, once=None)


@pytest.fixture
def ann(world: World) -> Any:
    return world.person("ann", Role.OWNER)


def test_a_session_is_in_a_cookie_that_no_page_reads(world: World, ann: Any) -> None:
    answer = sign_in(world, "Ann", PASSWORD)

    (cookie,) = answer.headers.get_list("set-cookie")
    name, _, attributes = cookie.partition("=")
    assert name == "__Host-talktime"
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes.split("; "))
    assert "Domain" not in attributes
    assert answer.json()["person"]["name"] == "ann"
    assert answer.cookies[COOKIE] not in answer.text
    assert answer.cookies[COOKIE] not in str(world.sessions.sessions)


def test_all_wrong_ways_in_are_answered_alike(world: World, ann: Any) -> None:
    world.person("gone", Role.OPERATOR)
    world.services.people.disable(world.person("gone", Role.OPERATOR).person_id, "ann", "left")
    with_codes(world, "bob")
    answers = [
        sign_in(world, "nobody", PASSWORD),
        sign_in(world, "ann", "not the password at all"),
        sign_in(world, "gone", PASSWORD),
        sign_in(world, "bob", PASSWORD),
        sign_in(world, "bob", PASSWORD, code="000000"),
    ]
    documents = [each.json() for each in answers]
    for each in documents:
        del each["request_id"]
    assert [each.status_code for each in answers] == [401] * 5
    assert all(each == documents[0] for each in documents)
    # A name that nobody has takes as long.
    assert world.credentials.compared >= 5


def test_what_was_typed_for_a_name_is_not_recorded_unless_somebody_has_it(
    world: World, ann: Any
) -> None:
    sign_in(world, PASSWORD, "x")
    sign_in(world, "ann", "x")
    refused = [each.fact for each in world.units.log() if isinstance(each.fact, SignInRefused)]

    assert [each.by for each in refused] == ["", "ann"]
    assert PASSWORD not in str(world.units.log())


def test_signing_in_is_on_the_trail(world: World, ann: Any) -> None:
    sign_in(world, "ann", PASSWORD)
    (fact,) = [each.fact for each in world.units.log() if isinstance(each.fact, SignedInFact)]
    assert (fact.by, fact.person_id, fact.source) == ("ann", ann.person_id, "127.0.0.1")


def test_tries_are_bounded_by_name_and_come_back_with_time(world: World, ann: Any) -> None:
    for _ in range(RATES["name"].burst):
        assert sign_in(world, "ann", "wrong password here").status_code == 401
    blocked = sign_in(world, "ann", PASSWORD)
    assert (blocked.status_code, blocked.headers["retry-after"]) == (429, "60")
    world.clock.pass_by(minutes=10)
    assert sign_in(world, "ann", PASSWORD).status_code == 201


def test_tries_are_bounded_by_source_whatever_the_names(world: World) -> None:
    answers = [sign_in(world, f"n{n}", PASSWORD).status_code for n in range(25)]
    assert answers == [401] * RATES["source"].burst + [429] * 5


def test_a_subscriber_of_ipv6_is_one_source_with_all_its_addresses(world: World, ann: Any) -> None:
    def tried(source: str) -> type[Exception]:
        with pytest.raises((SignInRefusedError, TooManySignIns)) as refused:
            world.services.signing_in.sign_in(f"of {source}", "guess", None, source)
        return refused.type

    burst = RATES["source"].burst
    told = [tried(f"2001:db8:0:7:{n:x}::{n:x}") for n in range(1, burst + 2)]
    assert told == [SignInRefusedError] * burst + [TooManySignIns]
    assert tried("2001:db8:0:8::1") is SignInRefusedError
    told = [tried(f"{mapped}192.0.2.1") for mapped in ("::ffff:", "") for _ in range(burst)]
    assert told.count(TooManySignIns) == burst


def test_who_is_known_at_an_address_is_not_locked_out_by_others(world: World, ann: Any) -> None:
    assert sign_in(world, "ann", PASSWORD).status_code == 201
    for n in range(30):
        with pytest.raises((SignInRefusedError, TooManySignIns)):
            world.services.signing_in.sign_in("ann", "guess", None, f"10.0.0.{n}")
    assert sign_in(world, "ann", PASSWORD).status_code == 201


def test_a_session_that_nobody_uses_ends(world: World, ann: Any) -> None:
    browser = world.signs_in("ann")
    world.clock.pass_by(minutes=29)
    assert browser.get("/v1/session").status_code == 200
    world.clock.pass_by(minutes=29)
    assert browser.get("/v1/session").status_code == 200
    world.clock.pass_by(minutes=30)
    assert browser.get("/v1/session").status_code == 401


def test_a_session_ends_however_busy_it_is(world: World, ann: Any) -> None:
    browser = world.signs_in("ann")
    alive = 0
    while browser.get("/v1/session").status_code == 200:
        alive += 1
        world.clock.pass_by(minutes=20)
        assert alive < 100
    assert alive == 36, "twelve hours of twenty minutes"


def test_signing_out_ends_one_session_or_all(world: World, ann: Any) -> None:
    one, two, three = (world.signs_in("ann") for _ in range(3))
    assert one.ask("DELETE", "/v1/session").status_code == 204
    assert one.get("/v1/session").status_code == 401
    assert two.get("/v1/session").status_code == 200
    assert two.ask("DELETE", "/v1/sessions").status_code == 204
    assert [each.get("/v1/session").status_code for each in (two, three)] == [401, 401]


def test_a_change_needs_the_token_of_the_page(world: World, ann: Any) -> None:
    browser = world.signs_in("ann")
    for token in ("", "x", "0" * 64, "é"):
        answer = browser.ask(
            "DELETE", "/v1/session", headers={"X-CSRF-Token": token.encode("latin-1")}
        )
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/csrf-token-missing")
    assert browser.get("/v1/session").json()["csrf_token"] == browser.csrf_token
    assert browser.ask("DELETE", "/v1/session").status_code == 204


def test_dangerous_acts_need_the_password_again(world: World, ann: Any) -> None:
    browser = world.signs_in("ann")
    wanted = {"name": "bob", "role": "support", "password": OTHER}
    world.clock.pass_by(minutes=11)
    refused = browser.post("/v1/people", wanted)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/confirmation-needed")

    confirmed = browser.post("/v1/session/confirmation", {"password": PASSWORD})
    assert confirmed.status_code == 200
    assert browser.get("/v1/session").status_code == 401, "its token was replaced"
    again = type(browser)(world, confirmed.cookies[COOKIE], confirmed.json()["csrf_token"])
    assert again.post("/v1/people", wanted).status_code == 201


def test_a_wrong_password_confirms_nothing(world: World, ann: Any) -> None:
    browser = world.signs_in("ann")
    assert browser.post("/v1/session/confirmation", {"password": "x"}).status_code == 401
    assert browser.get("/v1/session").status_code == 200


def test_a_new_password_ends_all_other_sessions(world: World, ann: Any) -> None:
    here, elsewhere = world.signs_in("ann"), world.signs_in("ann")
    sent = {"password": PASSWORD, "new_password": OTHER}
    changed = here.ask("PUT", "/v1/session/password", json=sent)

    assert changed.status_code == 200
    assert elsewhere.get("/v1/session").status_code == 401
    assert here.get("/v1/session").status_code == 401
    assert sign_in(world, "ann", PASSWORD).status_code == 401
    assert sign_in(world, "ann", OTHER).status_code == 201


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "annannannannann", "ann" * 70])
def test_a_password_that_is_easy_is_refused_without_being_shown(
    world: World, ann: Any, password: str
) -> None:
    here = world.signs_in("ann")
    sent = {"password": PASSWORD, "new_password": password}
    answer = here.ask("PUT", "/v1/session/password", json=sent)

    assert answer.status_code == 422
    assert password not in answer.text


def test_a_disabled_person_is_out_at_once(world: World, ann: Any) -> None:
    bob = world.person("bob", Role.OPERATOR)
    browser, owner = world.signs_in("bob"), world.signs_in("ann")
    path = f"/v1/people/{bob.person_id}/enabled"
    assert owner.ask("PUT", path, json={"enabled": False, "why": "left"}).status_code == 200
    assert browser.get("/v1/cards").status_code == 401
    assert sign_in(world, "bob", PASSWORD).status_code == 401


def with_codes(world: World, name: str) -> pyotp.TOTP:
    """Lets this person use one-time codes, and gives the authenticator."""
    world.person(name, Role.OPERATOR)
    browser = world.signs_in(name)
    begun = browser.post("/v1/session/totp", None).json()
    assert begun["secret"] in begun["uri"]
    codes = pyotp.TOTP(begun["secret"])
    sent = {"credential_id": begun["credential_id"], "code": codes.at(world.clock.now())}
    answer = browser.ask("PUT", "/v1/session/totp", json=sent)
    assert answer.json()["totp"] is True
    return codes


def test_a_code_is_asked_for_and_counts_once(world: World) -> None:
    codes = with_codes(world, "bob")
    world.clock.pass_by(seconds=60)
    code = codes.at(world.clock.now())

    assert sign_in(world, "bob", PASSWORD).status_code == 401
    assert sign_in(world, "bob", PASSWORD, code=code).status_code == 201
    assert sign_in(world, "bob", PASSWORD, code=code).status_code == 401
    world.clock.pass_by(seconds=30)
    assert sign_in(world, "bob", PASSWORD, code=codes.at(world.clock.now())).status_code == 201


def test_a_wrong_first_code_begins_nothing(world: World) -> None:
    world.person("bob", Role.OPERATOR)
    browser = world.signs_in("bob")
    begun = browser.post("/v1/session/totp", None).json()
    sent = {"credential_id": begun["credential_id"], "code": "000000"}
    assert browser.ask("PUT", "/v1/session/totp", json=sent).status_code == 422
    assert sign_in(world, "bob", PASSWORD).status_code == 201


def test_an_owner_helps_who_has_lost_the_authenticator(world: World, ann: Any) -> None:
    with_codes(world, "bob")
    bob = world.services.people.staff().named("bob")
    owner = world.signs_in("ann")
    assert owner.ask("DELETE", f"/v1/people/{bob.person_id}/totp").json()["totp"] is False
    assert sign_in(world, "bob", PASSWORD).status_code == 201
