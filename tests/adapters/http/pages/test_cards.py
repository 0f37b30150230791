"""Cards on the pages: found, told of fact by fact, blocked, refilled; a distributor's own only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from application import kinds
from application.approvals import BALANCE_ADJUSTMENT, LOT_VOID
from domain.cards import Status
from domain.distributors import CardRangeAssigned, DistributorAdded, NumberRange
from domain.people import Role
from tests.adapters.http.pages.conftest import Visits
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.world import DESTINATION, World


def called(world: World, card: dict[str, Any], talked: int | None = 61) -> str:
    """The card makes a call; gives the reference."""
    call, _ = world.dial(card)
    leg = world.leg(call, 1, talked=talked)
    key = {"key": "node-key-0123456789-0123456789-abcdefg"}
    assert world.post("/v1/legs", {"records": [leg]}, once=None, **key).status_code == 200
    return call.reference


def test_a_card_tells_its_whole_story_with_who_when_why_and_how_much(
    world: World, owner: Visitor
) -> None:
    card = world.card()
    reference = called(world, card)
    world.administration.change_status(UUID(card["card_id"]), Status.VOID, "eve", "it was lost")
    page = owner.get(f"/cards/{card['card_id']}")
    for told in (
        "The card was made",
        "Became active",
        "Money added: face value",
        f"Paid for a call to +{DESTINATION}",
        "Became void",
        "“it was lost” by <b>eve</b>",
        "−0.12 USD",
        "+5.00 USD",
        f"/admin/calls/{kinds.session_id(reference)}",
    ):
        assert told in page.text, told
    assert card["pin"] not in page.text


def test_cards_are_found_by_what_they_are(world: World, owner: Visitor) -> None:
    first, second = world.card(), world.card()
    held = {"status": "on hold", "why": "lost"}
    world.post(f"/v1/cards/{second['card_id']}/status", held)
    queries = {
        f"q={first['number']}": {first["number"]},
        "status=on+hold": {second["number"]},
        "status=active&group=world": {first["number"]},
        "sold=true": set(),
        "sold=false": {first["number"], second["number"]},
        "caller_id=%2B48600316058": set(),
    }
    for query, numbers in queries.items():
        text = owner.get(f"/cards?{query}").text
        assert {
            c["number"] for c in (first, second) if c["number"] in text.partition("<table")[2]
        } == numbers


def test_the_newest_come_first_or_last_page_after_page(world: World, owner: Visitor) -> None:
    cards = sorted(world.card()["card_id"] for _ in range(30))

    def ids(query: str) -> tuple[list[str], str]:
        text = owner.get(f"/cards?page_size=25&{query}").text
        found = sorted(cards, key=lambda each: text.find(f"/cards/{each}"))
        after = text.partition('rel="next" href="?')[2].partition('"')[0].replace("&amp;", "&")
        return [each for each in found if f"/cards/{each}" in text], after

    newest, following = ids("sort=generated_at__desc")
    assert newest == cards[::-1][:25]
    assert ids(following)[0] == cards[::-1][25:]
    oldest, following = ids("sort=generated_at__asc")
    assert oldest == cards[:25]
    assert ids(following)[0] == cards[25:]


def test_the_file_of_a_list_has_all_its_pages_and_no_formulas(world: World, owner: Visitor) -> None:
    cards = {world.card()["number"] for _ in range(3)}
    lines = owner.get("/cards.csv?status=active").text.splitlines()
    assert lines[0].startswith("card_id,number,group,status")
    assert {line.split(",")[1] for line in lines[1:]} == cards


def test_a_status_is_changed_with_a_reason_and_by_name(world: World, owner: Visitor) -> None:
    card = world.card()
    path = f"/cards/{card['card_id']}"
    form = owner.form(path, f"{path}/status")
    page = owner.follow(owner.send(form, status="on hold", why="reported lost"))
    assert "The card is on hold now." in page.text
    assert "“reported lost” by <b>owner</b>" in page.text


def test_a_refused_change_keeps_what_was_filled_in(world: World, owner: Visitor) -> None:
    card = world.card()
    path = f"/cards/{card['card_id']}"
    form = owner.form(path, f"{path}/status")
    answer = owner.send(form, status="printed", why="by mistake")
    assert answer.status_code == 409
    assert "a card that is active does not become printed" in answer.text.lower()
    assert 'value="by mistake"' in answer.text
    answer = owner.send(form, status="on hold", why="")
    assert answer.status_code == 422
    assert "fill this in" in answer.text.lower()


def test_several_cards_change_at_once_and_each_by_itself(world: World, owner: Visitor) -> None:
    cards = [world.card() for _ in range(3)]
    world.post(f"/v1/cards/{cards[2]['card_id']}/status", {"status": "void", "why": "stolen"})
    form = owner.form("/cards", "/cards/status")
    rows = [card["card_id"] for card in cards]
    page = owner.follow(owner.send(form, row=rows, status="on hold", why="a theft"))
    assert "2 of 3 cards: on hold. Not changed: 1" in page.text
    states = [world.administration.card(UUID(each["card_id"])).status for each in cards]
    assert states == [Status.ON_HOLD, Status.ON_HOLD, Status.VOID]


def test_nothing_ticked_changes_nothing(world: World, owner: Visitor) -> None:
    world.card()
    form = owner.form("/cards", "/cards/status")
    assert "Tick the cards to change" in owner.follow(owner.send(form, status="void", why="x")).text


def test_money_is_added_once_however_often_the_form_is_sent(world: World, owner: Visitor) -> None:
    card = world.card()
    path = f"/cards/{card['card_id']}"
    form = owner.form(path, f"{path}/top-up")
    for _ in range(3):
        page = owner.follow(owner.send(form, amount="2.50", channel="cash"))
    assert "7.50 USD" in page.text
    assert page.text.count("Money added: cash") == 1


def test_an_amount_that_is_none_is_told_at_its_field(world: World, owner: Visitor) -> None:
    card = world.card()
    path = f"/cards/{card['card_id']}"
    form = owner.form(path, f"{path}/top-up")
    for amount in ("much", "1.2345678", "-0", "1e3", "9" * 31):
        answer = owner.send(form, amount=amount, channel="cash")
        assert answer.status_code in (409, 422), amount
        assert f'value="{amount}"' in answer.text


def test_the_field_at_the_top_finds_cards_and_calls(world: World, owner: Visitor) -> None:
    card = world.card()
    reference = called(world, card)
    number = card["number"]
    spaced = f"{number[:4]} {number[4:]}"
    for sought in (number, spaced):
        assert owner.get(f"/find?q={sought}").headers["location"].endswith(card["card_id"])
    session_id = kinds.session_id(reference)
    assert owner.get(f"/find?q={reference}").headers["location"].endswith(str(session_id))
    for sought in ("", "999", "x" * 200, "<script>", "pbx1-1763765000.9"):
        assert owner.get("/find", params={"q": sought}).status_code == 200


def test_a_call_says_why_it_cost_what_it_did(world: World, owner: Visitor) -> None:
    reference = called(world, world.card(), talked=61)
    page = owner.get(f"/calls/{kinds.session_id(reference)}")
    assert "Why it cost 0.12 USD" in page.text
    assert "120 s at 0.06 USD a minute" in page.text
    assert "Attempt 1: dials +442071838750" in page.text


def test_a_call_that_nobody_answered_cost_nothing(world: World, owner: Visitor) -> None:
    reference = called(world, world.card(), talked=None)
    world.services.settlement.call_ended(reference)
    page = owner.get(f"/calls/{kinds.session_id(reference)}")
    assert page.status_code == 200
    assert "Why it cost 0.00 USD" in page.text
    assert "Nobody answered" in page.text


def test_an_account_tells_its_movements(world: World, owner: Visitor) -> None:
    card = world.card()
    called(world, card)
    page = owner.get(f"/accounts/{card['account_id']}")
    assert "Money added: face value" in page.text
    assert "4.88 USD" in page.text


# ---- roles


def test_a_distributor_sees_and_switches_its_own_cards_only(world: World, visits: Visits) -> None:
    facts = [
        DistributorAdded("East", "ann"),
        CardRangeAssigned("East", NumberRange("4711000040", "4711000049"), "ann", "sold"),
    ]
    world.units.run(
        lambda unit: unit.record(kinds.DISTRIBUTION, kinds.DISTRIBUTION_ID, facts),
        writes=(kinds.DISTRIBUTION_ID,),
    )
    own, other = world.card(number="4711000042"), world.card(number="4799000001")
    eve = visits(Role.DISTRIBUTOR)
    table = eve.get("/cards").text
    assert own["number"] in table
    assert other["number"] not in table
    page = eve.get(f"/cards/{own['card_id']}")
    assert "Can be spent" not in page.text
    assert eve.get(f"/cards/{other['card_id']}").status_code == 404
    form = eve.form(f"/cards/{own['card_id']}", f"/cards/{own['card_id']}/status")
    assert eve.send(form, status="on hold", why="lost").status_code == 303
    path = f"/cards/{other['card_id']}/status"
    fields = {**form.fields, "status": "void", "why": "mine now"}
    assert eve.post(path, fields).status_code == 404
    assert world.administration.card(UUID(other["card_id"])).status is Status.ACTIVE


def test_who_only_looks_finds_no_forms(world: World, visits: Visits) -> None:
    card = world.card()
    for role, expected in ((Role.AUDITOR, 0), (Role.SUPPORT, 1), (Role.OPERATOR, 2)):
        page = visits(role).get(f"/cards/{card['card_id']}")
        assert page.text.count('class="tt-form"') == expected, role


def test_ticked_cards_are_not_voided_past_the_second_person() -> None:
    world = World(needed=(LOT_VOID,))
    world.person("ann", Role.OPERATOR)
    ann = Visitor(world)
    ann.signs_in("ann")
    rows = [world.card()["card_id"] for _ in range(2)]
    form = ann.form("/cards", "/cards/status")
    page = ann.follow(ann.send(form, row=rows, status="void", why="a theft"))
    assert "A second person approves this" in page.text
    for row in rows:
        assert world.get(f"/v1/cards/{row}").json()["status"] == "active"
    # A single stolen card needs nobody else.
    ann.follow(ann.send(form, row=rows[:1], status="void", why="a theft"))
    assert world.get(f"/v1/cards/{rows[0]}").json()["status"] == "void"


def test_another_adjustment_is_asked_for_although_one_was_approved() -> None:
    world = World(needed=(BALANCE_ADJUSTMENT,))
    for name in ("ann", "bob"):
        world.person(name, Role.OPERATOR)
    ann, bob = Visitor(world), world.signs_in("bob")
    ann.signs_in("ann")
    card = world.card()["card_id"]

    def adjust(amount: str) -> str:
        form = ann.form(f"/cards/{card}/adjust", f"/cards/{card}/adjust")
        return ann.follow(ann.send(form, amount=amount, why="lost in a call")).text

    adjust("5.00")
    (asked,) = world.get("/v1/approvals").json()["items"]
    bob.post(f"/v1/approvals/{asked['approval_id']}/approval", None)
    assert "A second person was asked" in adjust("7.00")
    assert "The balance is put right" in adjust("5.00")
    assert "10.00 USD" in ann.get(f"/cards/{card}").text
