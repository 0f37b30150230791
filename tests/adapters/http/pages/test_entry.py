"""Signing in and out on the pages, with the session that the API has too."""

from __future__ import annotations

import pyotp
import pytest

from adapters.http.auth import COOKIE
from domain.people import Role
from tests.adapters.http.pages.conftest import Visits
from tests.adapters.http.pages.visitor import Visitor, forms
from tests.adapters.http.world import PASSWORD, World


def test_who_is_not_signed_in_is_sent_to_the_sign_in_page_and_back(world: World) -> None:
    visitor = Visitor(world)
    sent = visitor.get("/cards?status=active")
    assert sent.status_code == 303
    login = visitor.ask("GET", sent.headers["location"])
    (form,) = forms(login)
    answer = visitor.send(form, name="owner", password=PASSWORD)
    assert answer.headers["location"] == "/admin/cards?status=active"
    assert visitor.follow(answer).status_code == 200


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "x"])
def test_signing_in_leads_nowhere_else(world: World, to: str) -> None:
    visitor = Visitor(world)
    fields = {"name": "owner", "password": PASSWORD}
    answer = visitor.post(f"/login?next={to}", fields)
    assert answer.headers["location"] == "/admin/"


def test_the_cookie_is_that_of_the_api(world: World) -> None:
    visitor = Visitor(world)
    cookie = visitor.signs_in("owner").headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    assert visitor.ask("GET", "/v1/session").json()["person"]["name"] == "owner"


@pytest.mark.parametrize(
    ("name", "password"), [("owner", "wrong"), ("nobody", PASSWORD), ("", ""), ("x" * 99, "y")]
)
def test_a_wrong_try_tells_nothing_and_keeps_the_name(
    world: World, name: str, password: str
) -> None:
    answer = Visitor(world).post("/login", {"name": name, "password": password})
    assert answer.status_code == 401
    assert "The name, the password or the code is not right." in answer.text
    assert "set-cookie" not in answer.headers
    assert f'value="{name}"' in answer.text


def test_hostile_names_are_shown_as_text(world: World) -> None:
    answer = Visitor(world).post("/login", {"name": '"><script>', "password": "x"})
    assert "<script>" not in answer.text.replace('<script src="', "")


def test_too_many_tries_are_throttled(world: World) -> None:
    visitor = Visitor(world)
    codes = [visitor.signs_in("owner", password="no").status_code for _ in range(12)]
    assert codes[-1] == 429
    assert "Too many tries" in visitor.signs_in("owner").text


def test_another_site_cannot_sign_somebody_in(world: World) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = Visitor(world, headers=headers).post(
            "/login", {"name": "owner", "password": PASSWORD}
        )
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_code_is_asked_for_where_one_is_set_up(world: World) -> None:
    people, person = world.services.people, world.services.people.staff().named("owner")
    assert person is not None
    credential_id, secret = people.begin_totp(person.person_id)
    code = pyotp.TOTP(secret).at(world.clock.now())
    people.enable_totp(person.person_id, credential_id, code, "owner")
    world.clock.pass_by(minutes=1)
    visitor = Visitor(world)
    assert visitor.signs_in("owner").status_code == 401
    spaced = pyotp.TOTP(secret).at(world.clock.now())
    assert visitor.signs_in("owner", code=f"{spaced[:3]} {spaced[3:]}").status_code == 303


def test_a_session_that_is_over_leads_to_the_sign_in_page(world: World, visits: Visits) -> None:
    owner = visits(Role.OWNER)
    assert owner.get("/cards").status_code == 200
    world.clock.pass_by(minutes=31)
    assert owner.get("/cards").headers["location"] == "/admin/login?next=%2Fcards"
    assert owner.post("/groups/new", {"name": "x"}).headers["location"] == "/admin/login"


def test_signing_out_ends_the_session_for_good(owner: Visitor) -> None:
    form = owner.form("/", "/logout")
    stolen = dict(owner.cookies)
    assert owner.send(form).headers["location"] == "/admin/login"
    assert COOKIE not in owner.cookies
    owner.cookies = stolen
    assert owner.get("/").status_code == 303


def test_nobody_else_signs_somebody_out(owner: Visitor) -> None:
    assert owner.post("/logout", {"csrf_token": "0" * 64}).status_code == 403
    assert owner.get("/").status_code == 200
