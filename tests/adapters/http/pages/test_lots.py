"""Lots on the pages: ordered, watched, taken to the printer, switched; and what goes with them."""

from __future__ import annotations

import hashlib
import re

import httpx
import pytest

from adapters.http import card_changes
from application.approvals import BALANCE_ADJUSTMENT, LOT_EXPORT, LOT_VOID
from domain.people import Role
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.world import World

FOUR_EYES = (LOT_EXPORT, LOT_VOID, BALANCE_ADJUSTMENT)


def staffed(*needed: str) -> tuple[World, Visitor, Visitor]:
    """Two operators who may do the same."""
    world = World(needed=needed)
    for name in ("ann", "bob"):
        world.person(name, Role.OPERATOR)
    ann, bob = Visitor(world), Visitor(world)
    ann.signs_in("ann")
    bob.signs_in("bob")
    return world, ann, bob


def order(visitor: Visitor, **filled: str) -> httpx.Response:
    given = {
        "name": "spring",
        "group": "world",
        "count": "25",
        "how": "range",
        "numbering__first": "4711000000",
        "numbering__pack_size": "10",
        "recipient": "age1printer",
        "why": "for sale",
        **filled,
    }
    return visitor.send(visitor.form("/lots/new"), **given)


def made(world: World, visitor: Visitor, **filled: str) -> str:
    """The path of a lot whose cards are all made."""
    path = order(visitor, **filled).headers["location"].removeprefix("/admin")
    while world.services.work.run_next():
        pass
    return path


def text(answer: httpx.Response) -> str:
    """What people read, without the marks."""
    content = answer.text.partition('<main class="tt-content"')[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content))


# ---- ordered and made


def test_a_lot_is_ordered_and_watched_until_it_is_made() -> None:
    world, ann, _ = staffed()
    answer = order(ann)
    page = ann.follow(answer)
    path = page.request.url.path.removeprefix("/admin")

    assert "25 cards are ordered" in text(page)
    assert "Waiting for its turn 0 of 25" in text(page)
    assert f'data-follow="/v1{path}"' in page.text
    world.services.work.run_next()
    page = ann.get(path)
    assert "Cards made 25 of 25 ordered" in text(page)
    assert "generated 25 100.0 %" in text(page)
    assert "data-follow" not in page.text
    listed = text(ann.get("/lots"))
    assert "spring world 4711000000 – 4711000024 100 % 25" in listed
    assert "PINs" in text(ann.get("/lots/new"))


def test_how_much_room_for_pins_is_left_stands_beside_the_order() -> None:
    world, ann, _ = staffed()
    assert "8 digits 20,000,000 left" in text(ann.get("/lots/new"))
    made(world, ann)
    assert "8 digits 19,999,975 left" in text(ann.get("/lots/new"))


def test_a_lot_by_run_and_batch_ignores_what_stands_in_the_other_part() -> None:
    _, ann, _ = staffed()
    page = ann.follow(
        order(
            ann,
            how="run",
            numbering__run="12",
            numbering__batch="003",
            numbering__pack_size="10",
            numbering__pack_digits="3",
            numbering__sequence_digits="2",
        )
    )
    assert "1200300101 – 1200300305" in text(page)


@pytest.mark.parametrize(
    ("filled", "words"),
    [
        ({"numbering__first": ""}, "The number of the first card."),
        ({"numbering__first": "47"}, "10 digits, as the card group says"),
        ({"count": "many"}, "a whole number"),
        ({"count": "1000001"}, "At most 1000000"),
        ({"count": "20000001"}, "At most 1000000"),
        ({"recipient": "pgp"}, "age1"),
        ({"group": "nowhere"}, "There is no card group nowhere"),
        ({"how": "run"}, "numbers go by"),
        ({"name": ""}, "Name of the lot: fill this in"),
    ],
)
def test_an_order_that_cannot_be_made_comes_back_as_it_was_filled_in(
    filled: dict[str, str], words: str
) -> None:
    world, ann, _ = staffed()
    answer = order(ann, **filled)
    assert 400 <= answer.status_code < 500
    assert words.lower() in text(answer).lower()
    form = ann.form_in(answer, "/lots/new")
    assert form["recipient"] == filled.get("recipient", "age1printer")
    assert form["name"] == filled.get("name", "spring")
    assert world.get("/v1/lots").json()["items"] == []


def test_an_order_that_is_sent_twice_is_one_lot() -> None:
    world, ann, _ = staffed()
    form = ann.form("/lots/new")
    filled = {
        "name": "spring",
        "group": "world",
        "count": "5",
        "how": "range",
        "numbering__first": "4711000000",
        "recipient": "age1printer",
    }
    first, again = ann.send(form, **filled), ann.send(form, **filled)
    assert first.headers["location"] == again.headers["location"]
    assert len(world.get("/v1/lots").json()["items"]) == 1


def test_a_lot_that_stopped_says_why_and_is_gone_on_with_by_a_button() -> None:
    world, ann, _ = staffed()
    path = order(ann).headers["location"].removeprefix("/admin")
    world.units.unavailable = True
    world.services.work.run_next()
    world.units.unavailable = False
    page = ann.get(path)
    assert "It has stopped" in text(page)
    assert "data-follow" not in page.text
    answer = ann.send(ann.form_in(page, f"{path}/generation"))
    assert "It goes on where it was." in text(ann.follow(answer))
    world.services.work.run_next()
    assert "Cards made 25 of 25" in text(ann.get(path))


def test_packs_are_shown_page_by_page() -> None:
    world, ann, _ = staffed()
    path = made(world, ann, count="300")
    page = ann.get(path)
    assert "10 of 30" in text(page)
    rest = ann.get(f"{path}?packs=20")
    assert "30 4711000290 4711000299 10" in text(rest)


# ---- the printer's file


def test_the_printers_file_is_taken_out_compared_and_gone_here() -> None:
    world, ann, bob = staffed()
    path = made(world, ann)
    leaving = ann.send(ann.form(path, f"{path}/export"), why="to print")
    assert leaving.headers["content-type"] == "application/zip"
    assert leaving.headers["content-disposition"] == "attachment; filename*=UTF-8''spring.zip"

    page = ann.get(path)
    assert f"The file is yours: {len(leaving.content):,} bytes" in text(page)
    again = ann.send(ann.form_in(page, f"{path}/export"), why="it broke off")
    assert again.content == leaving.content
    assert "ann has taken it out, and nobody else may" in text(bob.get(path))
    confirm = ann.form_in(page, f"{path}/export/confirmation")
    refused = ann.send(confirm, sha256="0" * 64)
    assert "this is not the whole file that left" in text(refused).lower()
    assert world.drawer.kept
    digest = hashlib.sha256(leaving.content).hexdigest()
    done = ann.follow(ann.send(confirm, sha256=digest))
    assert "Its PINs are deleted here" in text(done)
    assert digest in text(done)
    assert world.drawer.kept == {}
    history = text(ann.get(path))
    for told in ("25 cards ordered", "PINs taken out, sealed", "PINs deleted here"):
        assert told in history


def test_the_file_asks_for_the_password_again() -> None:
    world, ann, _ = staffed()
    path = made(world, ann)
    world.clock.pass_by(minutes=11)
    form = ann.form(path, f"{path}/export")
    assert "confirm_password" in form.fields
    without = ann.send(form, why="to print")
    assert (without.status_code, "Your password, please" in text(without)) == (403, True)
    wrong = ann.send(form, why="to print", confirm_password="wrong")
    assert (wrong.status_code, wrong.headers["content-type"][:9]) == (401, "text/html")
    right = ann.send(form, why="to print", confirm_password="a long and quiet river")
    assert right.headers["content-type"] == "application/zip"


def test_who_may_not_read_pins_sees_no_way_to_them() -> None:
    world, ann, _ = staffed()
    path = made(world, ann)
    world.person("sue", Role.SUPPORT)
    sue = Visitor(world)
    sue.signs_in("sue")
    page = sue.get(path)
    assert page.status_code == 200
    assert "The printer's file" not in page.text
    assert f"{path}/change" not in page.text


def test_a_second_person_approves_an_export_in_the_inbox() -> None:
    world, ann, bob = staffed(*FOUR_EYES)
    path = made(world, ann)
    asked = ann.follow(ann.send(ann.form(path, f"{path}/export"), why="to print"))
    assert "A second person was asked to approve it" in text(asked)
    assert "Waits for a second person since" in text(asked)
    approval = world.get("/v1/approvals").json()["items"][0]
    at = f"/approvals/{approval['approval_id']}"
    assert "lot export spring 25 cards ann to print waiting" in text(bob.get("/approvals"))
    mine = ann.get(at)
    assert "You asked for it" in text(mine)
    assert f"{at}/approve" not in mine.text
    assert "ann can carry it out now" in text(bob.follow(bob.send(bob.form(at, f"{at}/approve"))))
    assert "bob approved it: go and do it" in text(ann.get(at))
    leaving = ann.send(ann.form(path, f"{path}/export"), why="to print")
    assert leaving.headers["content-type"] == "application/zip"


def test_an_approval_is_declined_with_a_reason_or_taken_back() -> None:
    world, ann, bob = staffed(*FOUR_EYES)
    path = made(world, ann)
    ann.send(ann.form(path, f"{path}/export"), why="to print")
    approval = world.get("/v1/approvals").json()["items"][0]
    at = f"/approvals/{approval['approval_id']}"
    empty = bob.send(bob.form(at, f"{at}/decline"))
    assert empty.status_code == 422
    bob.send(bob.form(at, f"{at}/decline"), why="not yet")
    assert world.get(f"/v1{at}").json()["state"] == "declined"
    assert "declined" in text(ann.get(at))


# ---- many cards


def test_a_lot_is_switched_and_the_report_names_what_was_refused() -> None:
    world, ann, _ = staffed()
    path = made(world, ann)
    form = ann.form(path, f"{path}/change")
    page = ann.follow(ann.send(form, to="printed", why="printed", pack="1"))
    assert "Changed 10 printed now" in text(page)
    page = ann.follow(ann.send(ann.form(path, f"{path}/change"), to="shipped", why="sent"))
    assert "Changed 10 shipped now" in text(page)
    assert "Refused 15" in text(page)
    assert "4711000010 A card that is generated does not become shipped" in text(page)
    lines = ann.get(f"{page.request.url.path.removeprefix('/admin')}/refused").text.splitlines()
    assert (lines[0], len(lines)) == ("number,why", 16)
    assert "shipped 10 40.0 %" in text(ann.get(path))
    assert "10 cards: shipped (15 refused) ann sent" in text(ann.get(path))


def test_a_large_change_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_changes, "AT_ONCE", 10)
    world, ann, _ = staffed()
    path = made(world, ann)
    form = ann.form(path, f"{path}/change")
    page = ann.follow(ann.send(form, to="printed", why="printed"))
    assert "Waiting for its turn 0 of 25" in text(page)
    assert 'data-follow="/v1/card-changes/' in page.text
    world.services.work.run_next()
    assert "Changed 25" in text(ann.get(page.request.url.path.removeprefix("/admin")))


def test_a_lot_is_voided_by_two() -> None:
    world, ann, bob = staffed(*FOUR_EYES)
    path = made(world, ann)
    asked = ann.send(ann.form(path, f"{path}/change"), to="void", why="stolen", pack="2")
    assert "A second person was asked" in text(ann.follow(asked))
    approval = world.get("/v1/approvals").json()["items"][0]
    assert approval["subject"] == "lot spring, pack 2"
    at = f"/approvals/{approval['approval_id']}"
    bob.send(bob.form(at, f"{at}/approve"))
    done = ann.send(ann.form(path, f"{path}/change"), to="void", why="stolen", pack="2")
    assert "Changed 10 void now" in text(ann.follow(done))
    assert "void 10 40.0 %" in text(ann.get(path))


def test_a_distributor_changes_its_own_cards_by_number() -> None:
    world, ann, _ = staffed()
    path = made(world, ann)
    for status in ("printed", "shipped"):
        ann.send(ann.form(path, f"{path}/change"), to=status, why="x")
    at = ann.send(ann.form("/distributors/new"), name="East").headers["location"]
    at = at.removeprefix("/admin")
    given = {"first": "4711000000", "last": "4711000009", "why": "sold to them"}
    page = ann.follow(ann.send(ann.form(at, f"{at}/assign"), **given))
    assert "4711000000 4711000009 10" in text(page)
    assert "4711000003 world shipped" in text(page)
    world.person("eve", Role.DISTRIBUTOR, "East")
    eve = Visitor(world)
    eve.signs_in("eve")
    form = eve.form("/card-changes")
    given = {"first": "4711000005", "last": "4711000024", "to": "active", "why": "sold"}
    page = eve.follow(eve.send(form, **given))
    assert "Changed 5 active now" in text(page)
    assert "No card 15" in text(page)
    assert ann.get(page.request.url.path.removeprefix("/admin")).status_code == 200
    assert "void" not in eve.get("/card-changes").text


def test_cards_of_another_distributor_are_not_given_away() -> None:
    _, ann, _ = staffed()
    given = {"first": "4711000000", "last": "4711000009", "why": "x"}
    for name in ("East", "West"):
        at = ann.send(ann.form("/distributors/new"), name=name).headers["location"]
        at = at.removeprefix("/admin")
        answer = ann.send(ann.form(at, f"{at}/assign"), **given)
    assert answer.status_code == 409
    assert "the cards 4711000000 to 4711000009 are with east" in text(answer).lower()
    # What was filled in on one form is not put into the other.
    assert ann.form_in(answer, f"{at}/assign")["first"] == "4711000000"
    assert ann.form_in(answer, f"{at}/return")["first"] == ""


# ---- cards from a file


def sent(
    visitor: Visitor, content: bytes, name: str = "cards.csv", **filled: str
) -> httpx.Response:
    form = visitor.form("/card-imports")
    fields = {key: values[0] for key, values in form.fields.items() if key != "file"}
    fields |= {"group": "world", "why": "moved", **filled}
    return visitor.post("/card-imports", fields, files={"file": (name, content, "text/csv")})


def test_cards_come_in_from_a_file_and_bad_rows_are_named() -> None:
    world, ann, _ = staffed()
    good = b"number,pin,balance\n4711000001,12345678,5.00\n"
    bad = good + b"4711x,34567890,1\n"
    refused = sent(ann, bad)
    assert refused.status_code == 422
    assert "3 4711x The number is digits only" in text(refused)
    assert world.get("/v1/cards").json()["items"] == []
    told = sent(ann, bad, rows="good")
    assert "1 card is loaded." in text(told)
    assert "1 row is bad" in text(told)
    again = sent(ann, good)
    assert "1 were there already" in text(again)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"PK\x03\x04rest of a workbook", "cards.csv", "this is a workbook"),
        (b"number,pin\n", "cards.xlsx", "a file that ends in .csv"),
        ("number,pin\n1,2\n".encode("utf-16"), "cards.csv", "no csv in utf-8"),
        (b"", "", "choose a file"),
        (b"<script>alert(1)</script>,x\n", "cards.csv", "the columns are number"),
    ],
)
def test_a_file_that_is_none_is_told_on_the_page(content: bytes, name: str, words: str) -> None:
    _, ann, _ = staffed()
    answer = sent(ann, content, name)
    assert 400 <= answer.status_code < 500
    assert words in text(answer).lower()
    assert "<script>alert" not in answer.text


# ---- balances and fees


def test_a_balance_is_put_right_by_two() -> None:
    world, ann, bob = staffed(*FOUR_EYES)
    card = world.card()
    at = f"/cards/{card['card_id']}"
    filled = {"amount": "-1.50", "why": "charged twice"}
    asked = ann.follow(ann.send(ann.form(f"{at}/adjust"), **filled))
    assert "A second person was asked" in text(asked)
    assert "An adjustment of -1.50 USD waits" in text(ann.get(f"{at}/adjust"))
    approval = world.get("/v1/approvals").json()["items"][0]
    path = f"/approvals/{approval['approval_id']}"
    bob.send(bob.form(path, f"{path}/approve"))
    done = ann.follow(ann.send(ann.form(f"{at}/adjust"), **filled))
    assert "The balance is put right." in text(done)
    assert "3.50 USD" in text(done)


def test_daily_fees_are_charged_on_demand_and_what_they_did_is_told() -> None:
    world, ann, _ = staffed()
    page = ann.follow(ann.send(ann.form("/fees")))
    assert "It runs; this page tells when it is done." in text(page)
    world.services.work.run_next()
    assert "Cards charged 0" in text(ann.get(page.request.url.path.removeprefix("/admin")))
