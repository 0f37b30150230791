"""People, machine keys, the own account: dangerous acts ask for the password again."""

from __future__ import annotations

import re

import pyotp

from adapters.http.auth import COOKIE
from domain.people import Role
from tests.adapters.http.pages.conftest import Visits
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.world import PASSWORD, World

NEW = "a quite new and long password"


def person_path(world: World, name: str) -> str:
    person = world.services.people.staff().named(name)
    assert person is not None
    return f"/people/{person.person_id}"


def test_a_person_is_let_in_and_signs_in(world: World, owner: Visitor) -> None:
    form = owner.form("/people/new")
    page = owner.follow(owner.send(form, name="Zoë", role="support", password=NEW))
    assert "Zoë" in page.text
    assert Visitor(world).signs_in("Zoë", password=NEW).status_code == 303


def test_a_first_password_that_is_too_easy_is_told_at_its_field(owner: Visitor) -> None:
    answer = owner.send(owner.form("/people/new"), name="Zoë", role="support", password="short")
    assert answer.status_code == 422
    assert "At least 12 characters" in answer.text
    assert 'value="Zoë"' in answer.text
    assert "short" not in answer.text


def test_what_is_dangerous_asks_for_the_password_after_a_while(
    world: World, owner: Visitor
) -> None:
    path = f"{person_path(world, 'support')}/role"
    assert "confirm_password" not in owner.form(path).fields
    world.clock.pass_by(minutes=11)
    form = owner.form(path)
    assert "confirm_password" in form.fields
    before = owner.cookies[COOKIE]
    wrong = owner.send(form, role="operator", confirm_password="not it")
    assert wrong.status_code == 401
    assert "that was not your password" in wrong.text.lower()
    without = owner.send(form, role="operator", confirm_password=None)
    assert without.status_code == 403
    assert "Your password, please." in without.text
    assert owner.send(form, role="operator", confirm_password=PASSWORD).status_code == 303
    assert owner.cookies[COOKIE] != before
    person = world.services.people.staff().named("support")
    assert person is not None
    assert person.role is Role.OPERATOR
    assert owner.get("/people").status_code == 200


def test_a_person_is_shut_out_at_once_and_let_in_again(
    world: World, owner: Visitor, visits: Visits
) -> None:
    support = visits(Role.SUPPORT)
    path = f"{person_path(world, 'support')}/enabled"
    owner.send(owner.form(path), why="left us")
    assert support.get("/").headers["location"].startswith("/admin/login")
    owner.send(owner.form(path), why="came back")
    assert support.signs_in("support").status_code == 303


def test_sessions_and_passwords_of_others_end(world: World, owner: Visitor, visits: Visits) -> None:
    path = person_path(world, "support")
    support = visits(Role.SUPPORT)
    owner.send(owner.form(path, f"{path}/sessions"))
    assert support.get("/").status_code == 303
    owner.send(owner.form(path, f"{path}/password"), password=NEW)
    assert support.signs_in("support").status_code == 401
    assert support.signs_in("support", password=NEW).status_code == 303


def test_the_last_owner_stays(world: World, owner: Visitor) -> None:
    path = f"{person_path(world, 'owner')}/role"
    assert owner.send(owner.form(path), role="support").status_code == 422


# ---- machine keys


def test_the_secret_of_a_key_is_shown_once(world: World, owner: Visitor) -> None:
    form = owner.form("/keys/new")
    made = owner.send(form, name="billing", scopes=["read"], nodes="")
    assert made.status_code == 200
    found = re.search(r'id="secret">([^<]+)<', made.text)
    assert found is not None
    assert world.get("/v1/cards", key=found[1]).status_code == 200
    again = owner.send(form, name="billing", scopes=["read"], nodes="")
    assert found[1] not in again.text
    assert "Its secret was shown then" in again.text


def test_a_key_is_revoked(world: World, owner: Visitor) -> None:
    made = owner.send(
        owner.form("/keys/new"), name="billing", scopes=["read", "node"], nodes="pbx1"
    )
    secret = made.text.partition('id="secret">')[2].partition("<")[0]
    key_id = made.text.partition("/admin/keys/")[2].partition('"')[0]
    page = owner.follow(owner.send(owner.form(f"/keys/{key_id}", f"/keys/{key_id}/revoke")))
    assert "revoked" in page.text
    assert world.get("/v1/cards", key=secret).status_code == 401


def test_a_key_needs_a_scope(owner: Visitor) -> None:
    answer = owner.send(owner.form("/keys/new"), name="billing", scopes=[])
    assert answer.status_code == 422
    assert "Name at least one" in answer.text


# ---- the own account


def test_the_own_password_is_changed_and_other_sessions_end(
    world: World, owner: Visitor, visits: Visits
) -> None:
    elsewhere = visits(Role.OWNER)
    form = owner.form("/me", "/me/password")
    assert owner.send(form, password="wrong", new_password=NEW).status_code == 401
    assert owner.send(form, password=PASSWORD, new_password="short").status_code == 422
    page = owner.follow(owner.send(form, password=PASSWORD, new_password=NEW))
    assert "The password is changed." in page.text
    assert elsewhere.get("/").status_code == 303
    assert Visitor(world).signs_in("owner", password=NEW).status_code == 303


def test_one_time_codes_are_set_up_by_scanning_and_showing_one(
    world: World, owner: Visitor
) -> None:
    page = owner.send(owner.form("/me", "/me/totp"))
    assert "<svg" in page.text
    secret = re.sub(r"\s", "", page.text.partition('id="secret">')[2].partition("<")[0])
    form = owner.form_in(page, "/me/totp/enable")
    wrong = owner.send(form, code="000000")
    assert wrong.status_code == 422
    code = pyotp.TOTP(secret).at(world.clock.now())
    assert "From now on a code" in owner.follow(owner.send(form, code=code)).text
    assert Visitor(world).signs_in("owner").status_code == 401
    owner.send(owner.form("/me", "/me/totp/end"))
    assert Visitor(world).signs_in("owner").status_code == 303


def test_signing_out_everywhere(owner: Visitor, visits: Visits) -> None:
    elsewhere = visits(Role.OWNER)
    owner.send(owner.form("/me", "/me/sessions"))
    assert owner.get("/").status_code == elsewhere.get("/").status_code == 303


def test_the_trail_shows_what_was_done_and_no_secret(world: World, owner: Visitor) -> None:
    owner.send(owner.form("/people/new"), name="Zoë", role="support", password=NEW)
    page = owner.get("/audit?by=owner")
    assert "Person created" in page.text
    assert "role: support" in page.text
    assert NEW not in page.text
    assert "Nothing matches" in owner.get("/audit?since=2099-01-01").text
