"""Rate sheets on the pages: sent, checked, compared, published, gone back to."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import pytest

from adapters.http import publications, rate_sheets
from adapters.http.pages import rate_sheets as pages
from application import kinds
from domain.people import Role
from tests.adapters.http.pages.conftest import Visits
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.rates import DEARER, SHEET, draft, published
from tests.adapters.http.world import World

RETAIL = kinds.tariff_id("retail")


def text(page: httpx.Response) -> str:
    """What people read of a page."""
    body = page.text.partition('id="content"')[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def sends(visitor: Visitor, content: str | bytes, name: str = "may.csv", **filled: str) -> Any:
    form = visitor.form("/rate-sheets/new?tariff=retail", "/rate-sheets/new")
    fields = {key: values[0] for key, values in form.fields.items() if key != "file"}
    body = content.encode() if isinstance(content, str) else content
    return visitor.post("/rate-sheets/new", fields | filled, files={"file": (name, body)})


def test_a_sheet_is_sent_checked_compared_and_published(world: World, owner: Visitor) -> None:
    published(world)
    world.clock.pass_by(minutes=1)
    page = owner.follow(sends(owner, DEARER, why="dearer since May"))
    told = text(page)
    for part in (
        "may.csv",
        "“dearer since May”",
        "Checked: 1 kind of errors",
        "Compared with version 1",
        "Three minutes to 48, Poland, cost 0.387 USD instead of 0.087 USD (+345 %)".lower(),
        "+345 %",
        "Publish as version 2",
    ):
        assert part.lower() in told.lower(), part
    path = page.request.url.path.removeprefix("/admin")
    form = owner.form_in(page, f"{path}/publish")
    refused = owner.send(form)
    assert refused.status_code == 422
    assert "tick what you publish it in spite of" in text(refused)
    without_why = owner.send(form, overridden=["jump"])
    assert "Say why, because errors are overridden" in text(without_why)
    done = owner.send(form, overridden=["jump"], why="agreed with sales")
    page = owner.follow(done)
    assert "Version 2 of retail is published." in text(page)
    assert world.services.tariffs.tariff("retail").last_version == 2
    of_the_tariff = text(owner.get(f"/tariffs/{RETAIL}"))
    assert "“agreed with sales” owner , in spite of: jump" in of_the_tariff


def test_a_wrong_file_is_told_with_its_line_and_nothing_is_lost(
    world: World, owner: Visitor
) -> None:
    answer = sends(owner, SHEET + "49,Germany,=1/20,60/60\n", why="new prices")
    assert answer.status_code == 422
    assert "Line 4, cell 3: a formula" in text(answer)
    assert 'value="new prices"' in answer.text
    assert "ends in .csv or .xlsx" in text(sends(owner, b"x", "rates.pdf"))
    form = owner.form("/rate-sheets/new?tariff=retail", "/rate-sheets/new")
    assert "fill this in" in text(owner.send(form)).lower()
    assert world.services.tariffs.sheets.stored == {}  # type: ignore[attr-defined]


def test_the_second_who_publishes_sees_what_the_first_did(world: World, visits: Visits) -> None:
    published(world)
    world.clock.pass_by(minutes=1)
    owner, operator = visits(Role.OWNER), visits(Role.OPERATOR)
    mine = owner.follow(sends(owner, SHEET.replace("0.029", "0.030")))
    theirs = operator.follow(sends(operator, SHEET.replace("0.079", "0.080")))
    forms = []
    for visitor, page in ((owner, mine), (operator, theirs)):
        path = page.request.url.path.removeprefix("/admin")
        forms.append(visitor.form_in(page, f"{path}/publish"))
    assert owner.send(forms[0]).status_code == 303
    world.clock.pass_by(minutes=5)
    second = operator.send(forms[1])
    assert second.status_code == 409
    told = text(second)
    assert "Somebody published meanwhile" in told
    assert "version 2 by owner" in told
    assert "Compared with version 2" in told
    path = theirs.request.url.path.removeprefix("/admin")
    assert operator.send(operator.form_in(second, f"{path}/publish")).status_code == 303
    assert world.services.tariffs.tariff("retail").last_version == 3


def test_a_sheet_that_can_never_be_published_has_no_form_for_it(
    world: World, owner: Visitor
) -> None:
    page = owner.follow(sends(owner, SHEET + "48,Poland again,0.03,60/60\n"))
    assert "This sheet cannot be published: duplicate" in text(page)
    assert "Publish as version" not in text(page)


def test_changes_are_shown_by_what_they_are_page_after_page(
    world: World, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "CHANGES_SHOWN", 2)
    published(world)
    lines = "".join(f"49{n},Germany {n},0.05,60/60\n" for n in range(3))
    sheet_id = draft(world, SHEET + lines)
    first = owner.get(f"/rate-sheets/{sheet_id}?only=added")
    assert "Added 3" in text(first)
    assert ("Germany 0" in first.text, "Germany 2" in first.text) == (True, False)
    following = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert following is not None
    query = following[1].replace("&amp;", "&")
    assert "Germany 2" in owner.get(f"/rate-sheets/{sheet_id}{query}").text
    assert "Nothing is removed." in text(owner.get(f"/rate-sheets/{sheet_id}?only=removed"))


def test_other_limits_find_other_things(world: World, owner: Visitor) -> None:
    published(world)
    sheet_id = draft(world, DEARER)
    strict = owner.get(f"/rate-sheets/{sheet_id}?most_rise_percent=400")
    assert "Nothing is wrong with it." in text(strict)
    form = owner.form_in(strict, f"/rate-sheets/{sheet_id}/publish")
    assert form["most_rise_percent"] == "400"
    assert owner.send(form).status_code == 303


def test_a_large_sheet_is_looked_after_behind_the_door(
    world: World, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_sheets, "SMALL_BYTES", 10)
    for module in (publications, pages):
        monkeypatch.setattr(module, "SMALL_ROWS", 1)
    waiting = owner.follow(sends(owner, SHEET))
    assert "It waits for its turn" in text(waiting)
    assert 'http-equiv="refresh"' in waiting.text
    world.services.work.run_next()
    page = owner.follow(owner.ask("GET", waiting.request.url.path))
    assert "A sheet of this size is checked when you ask for it" in text(page)
    path = page.request.url.path.removeprefix("/admin")
    checking = owner.send(owner.form_in(page, f"{path}/check"))
    at_work = owner.follow(checking)
    world.services.work.run_next()
    page = owner.follow(owner.ask("GET", at_work.request.url.path))
    assert "Checked: no errors" in text(page)
    at_work = owner.follow(owner.send(owner.form_in(page, f"{path}/publish")))
    world.services.work.run_next()
    page = owner.follow(owner.ask("GET", at_work.request.url.path))
    assert "Version 1 of retail is published." in text(page)


def test_what_a_large_file_is_refused_for_is_told_where_its_progress_was(
    world: World, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_sheets, "SMALL_BYTES", 10)
    waiting = owner.follow(sends(owner, SHEET + "49,Germany,cheap,60/60\n"))
    world.services.work.run_next()
    page = owner.ask("GET", waiting.request.url.path)
    assert "The rate sheet cannot be used." in text(page)
    assert "Line 4" in text(page)
    assert "refresh" not in page.text.partition("</head>")[0]


def test_a_draft_is_discarded_and_a_version_gone_back_to(world: World, owner: Visitor) -> None:
    published(world)
    sheet_id = draft(world)
    form = owner.form(f"/rate-sheets/{sheet_id}", f"/rate-sheets/{sheet_id}/discard")
    assert owner.send(form).status_code == 422
    assert owner.send(form, discard_why="the wrong file").status_code == 303
    world.clock.pass_by(minutes=1)
    second = owner.follow(sends(owner, SHEET.replace("0.029", "0.03")))
    path = second.request.url.path.removeprefix("/admin")
    owner.send(owner.form_in(second, f"{path}/publish"))
    world.clock.pass_by(minutes=1)
    back = owner.form(f"/tariffs/{RETAIL}", f"/tariffs/{RETAIL}/back")
    page = owner.follow(owner.send(back, version="1", why="wrong prices"))
    assert "Version 3 has the rates of version 1." in text(page)
    late = owner.send(back, version="2", why="and back")
    assert late.status_code == 409
    assert "Somebody published meanwhile" in text(late)


def test_the_rates_of_a_sheet_are_looked_through_and_taken_along(
    world: World, owner: Visitor
) -> None:
    lines = "".join(f"{n},Country {n},0.05,60/60\n" for n in range(200, 330))
    sheet_id = draft(world, "prefix,destination,rate,billing\n" + lines)
    first = owner.get(f"/rate-sheets/{sheet_id}/rates")
    assert ("Country 200" in first.text, "Country 320" in first.text) == (True, False)
    assert "Country 320" in owner.get(f"/rate-sheets/{sheet_id}/rates?after=299").text
    there = text(owner.get(f"/rate-sheets/{sheet_id}/rates?from=32"))
    assert ("Country 319" in there, "Country 320" in there) == (False, True)
    file = owner.get(f"/rate-sheets/{sheet_id}/file")
    assert file.headers["Content-Type"].startswith("text/csv")
    assert len(file.text.splitlines()) == 131


def test_who_only_looks_finds_no_forms(world: World, visits: Visits) -> None:
    published(world)
    sheet_id = draft(world)
    auditor = visits(Role.AUDITOR)
    for path in (f"/tariffs/{RETAIL}", f"/rate-sheets/{sheet_id}"):
        page = auditor.get(path)
        assert page.status_code == 200
        assert '<form method="post"' not in page.text.partition('id="content"')[2]
    assert auditor.get("/rate-sheets/new").status_code == 403
