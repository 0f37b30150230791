"""Every page with every role, and what holds for all of them: tokens, headers, limits, errors."""

from __future__ import annotations

import re

import pytest

from adapters.http.pages.door import POLICY
from adapters.http.pages.lists import ListPage
from adapters.http.pages.menu import pages
from adapters.http.pages.visits import Page
from application.permissions import RULES, Action
from domain.people import Role
from tests.adapters.http.pages.conftest import Visits, staffed
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.world import World

NOBODY = "00000000-0000-8000-8000-000000000000"
SHOWN = [page for page in pages() if isinstance(page, ListPage) or page.show is not None]
SENT = [page for page in pages() if isinstance(page, Page) and page.send is not None]


def at(page: Page | ListPage) -> str:
    return re.sub(r"\{[a-z_]+\}", NOBODY, page.path) or "/"


@pytest.fixture(scope="module")
def everybody() -> tuple[World, dict[Role, Visitor]]:
    """Nothing in this module changes anything, so one world is enough."""
    world = staffed()
    browsers = {role: Visitor(world) for role in Role}
    for role, browser in browsers.items():
        browser.signs_in(role.value)
    return world, browsers


# ---- roles


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.path or "/")
def test_a_role_sees_what_the_table_says_and_nothing_else(
    everybody: tuple[World, dict[Role, Visitor]], page: Page | ListPage, role: Role
) -> None:
    answer = everybody[1][role].get(at(page))
    if role in RULES[page.action].roles:
        assert answer.status_code in (200, 303, 404), answer.text
        assert ("{" in page.path) or answer.status_code != 404
    else:
        assert answer.status_code == 403
        assert "Your role does not open this" in answer.text


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("page", SENT, ids=lambda page: page.path)
def test_a_role_sends_what_the_table_says_and_nothing_without_its_token(
    everybody: tuple[World, dict[Role, Visitor]], page: Page, role: Role
) -> None:
    browser = everybody[1][role]
    for fields in ({}, {"csrf_token": "0" * 64}, {"csrf_token": "ü"}):
        answer = browser.post(at(page), fields)
        assert answer.status_code == 403, answer.text
        refused = "Your role does not open this" in answer.text
        assert refused == (role not in RULES[page.action].roles)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.path or "/")
def test_nobody_is_let_in_anywhere(world: World, page: Page | ListPage) -> None:
    visitor = Visitor(world)
    forged = Visitor(world, {"__Host-talktime": "x" * 43})
    for each in (visitor, forged):
        assert each.get(at(page)).headers["location"].startswith("/admin/login")
        assert each.post(at(page), {}).headers["location"] == "/admin/login"


@pytest.mark.parametrize("page", [p for p in SHOWN if isinstance(p, ListPage)], ids=lambda p: p.key)
@pytest.mark.parametrize("role", list(Role))
def test_a_role_takes_lists_along_if_it_sees_them(
    everybody: tuple[World, dict[Role, Visitor]], page: ListPage, role: Role
) -> None:
    answer = everybody[1][role].get(f"{page.path}.csv")
    if role in RULES[page.action].roles:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    else:
        assert answer.status_code == 403


@pytest.mark.parametrize("role", list(Role))
def test_the_menu_shows_what_the_role_opens(
    everybody: tuple[World, dict[Role, Visitor]], role: Role
) -> None:
    menu = everybody[1][role].get("/me").text.partition("<nav")[2].partition("</nav>")[0]
    for page in pages():
        listed = isinstance(page, ListPage) and page.in_menu
        if listed or (isinstance(page, Page) and page.label):
            shown = f'href="/admin{page.path or "/"}"' in menu
            assert shown == (role in RULES[page.action].roles), page.path


def test_no_key_of_a_machine_opens_a_page(world: World) -> None:
    answer = world.get("/admin/cards")
    assert answer.headers["location"].startswith("/admin/login")


def test_a_refusal_is_on_the_trail(world: World, visits: Visits) -> None:
    visits(Role.SUPPORT).get("/people")
    told = world.get("/v1/audit?action=access-refused&by=support").json()["items"]
    assert told[-1]["fact"]["action"] == Action.SEE_PEOPLE.value


def test_every_page_has_a_path_of_its_own() -> None:
    paths = [page.path for page in pages()]
    assert len(set(paths)) == len(paths)


# ---- what the browser is told


@pytest.mark.parametrize("path", ["/", "/cards", "/nothing", "/login", "/static/talktime.js"])
def test_headers_keep_others_out(everybody: tuple[World, dict[Role, Visitor]], path: str) -> None:
    answer = everybody[1][Role.OWNER].get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert "script-src 'self';" in POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"
    stored = answer.headers["cache-control"]
    assert stored == ("public, max-age=3600" if "/static/" in path else "no-store")


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.path or "/")
def test_a_page_needs_nothing_from_elsewhere_and_holds_no_script(
    everybody: tuple[World, dict[Role, Visitor]], page: Page | ListPage
) -> None:
    text = everybody[1][Role.OWNER].get(at(page)).text
    assert not re.search(r"<script(?! src=\"/admin/static/)", text)
    assert not re.search(r"\son[a-z]+=\"", text)
    assert not re.search(r"(src|href|action)=\"(https?:)?//", text)


def test_the_short_address_leads_to_the_pages(world: World) -> None:
    answer = world.get("/admin", key=None)
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/")


# ---- bad input


def test_what_is_not_there_is_told_on_a_page(owner: Visitor) -> None:
    for path in ("/nothing", "/cards/nothing", f"/cards/{NOBODY}", "/cards/", "/static/../x"):
        answer = owner.get(path)
        assert answer.status_code == 404, path
        assert "There is nothing here" in answer.text
    assert owner.ask("DELETE", "/admin/cards").status_code == 405


def test_bad_parameters_are_told_on_a_page(owner: Visitor) -> None:
    for query in ("status=gone", "after=x", "page_size=7", "q=abc", "sold=perhaps"):
        answer = owner.get(f"/cards?{query}")
        assert answer.status_code == 400, query
        assert "<h1>" in answer.text


def test_a_form_is_bounded(owner: Visitor) -> None:
    form = owner.form("/groups/new")
    answer = owner.send(form, name="x" * 70_000)
    assert answer.status_code == 413
    many = {f"field{number}": "" for number in range(1_100)}
    assert owner.post("/groups/new", many).status_code == 400


def test_what_is_no_form_is_refused(owner: Visitor) -> None:
    headers = {"Content-Type": "application/json"}
    path = "/admin/groups/new"
    assert owner.ask("POST", path, content=b"{}", headers=headers).status_code == 415
    headers = {"Content-Type": "multipart/form-data"}
    assert owner.ask("POST", path, content=b"x", headers=headers).status_code == 400
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert owner.ask("POST", path, content=b"--y\r\n", headers=headers).status_code in (400, 403)


def test_hostile_text_stays_text_everywhere(world: World, owner: Visitor) -> None:
    hostile = '<script>alert("x")</script>{{ 7 * 7 }}'
    form = owner.form("/groups/new")
    made = owner.send(
        form, name=hostile, terms__unit="USD", terms__face_value="5.00", terms__tariff="retail"
    )
    page = owner.follow(made)
    for path in (page.request.url.path.removeprefix("/admin"), "/groups", "/cards", "/audit"):
        text = owner.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text or path == "/audit"
    assert hostile.partition("<")[0] in owner.get("/groups.csv").text


def test_a_fault_is_a_page_that_tells_nothing_of_it(world: World, owner: Visitor) -> None:
    world.units.unavailable = True
    answer = owner.get("/cards")
    assert answer.status_code == 503
    assert "told to be unavailable" not in answer.text
