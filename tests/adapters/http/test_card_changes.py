"""Many cards change at once over HTTP: each by its own rules, and nobody changes another's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from attrs import evolve

from adapters.http import card_changes
from application.approvals import BALANCE_ADJUSTMENT, LOT_VOID
from domain.people import Role
from tests.adapters.http.test_lots import made, problem
from tests.adapters.http.world import ADMIN, SHOP, World

NOBODY = "00000000-0000-8000-8000-000000000000"
ALL = {"type": "range", "first": "4711000000", "last": "4711000024"}


def numbers(first: int, last: int) -> dict[str, Any]:
    return {"type": "range", "first": str(4711000000 + first), "last": str(4711000000 + last)}


def change(world: World, cards: dict[str, Any], to: str, **options: Any) -> httpx.Response:
    return world.post("/v1/card-changes", {"cards": cards, "to": to, "why": "test"}, **options)


def counts(answer: httpx.Response) -> tuple[int, int, int, int]:
    told = answer.json()
    return told["changed"], told["unchanged"], told["missing"], told["refused"]


def statuses(world: World, path: str) -> dict[str, int]:
    found = world.get(f"{path}/statuses").json()["counts"]
    return {each["status"]: each["cards"] for each in found}


def of_lot(path: str, **more: Any) -> dict[str, Any]:
    return {"type": "lot", "lot_id": path.rpartition("/")[2], **more}


def test_a_lot_goes_on_sale_and_its_cards_have_money(world: World) -> None:
    path = made(world)
    for status in ("printed", "shipped", "active", "sold"):
        answer = change(world, of_lot(path), status)
        assert (answer.status_code, counts(answer)) == (200, (25, 0, 0, 0)), answer.text
    card = world.get("/v1/cards").json()["items"][0]
    assert (card["status"], card["sold"]) == ("active", True)
    account = world.get(f"/v1/accounts/{card['account_id']}").json()
    assert account["available"] == {"amount": "5.00", "unit": "USD"}
    assert counts(change(world, of_lot(path), "not sold")) == (25, 0, 0, 0)


def test_a_range_a_pack_and_a_batch_change_and_nothing_beside_them(world: World) -> None:
    path = made(world)
    assert counts(change(world, numbers(0, 4), "printed")) == (5, 0, 0, 0)
    assert counts(change(world, of_lot(path, pack=1), "printed")) == (5, 5, 0, 0)
    assert statuses(world, path) == {"generated": 15, "printed": 10}
    numbering = {
        "run": "12",
        "batch": "003",
        "pack_size": 5,
        "pack_digits": 3,
        "sequence_digits": 2,
    }
    other = made(world, name="packs", count=10, numbering=numbering)
    batch = {"type": "batch", "run": "12", "batch": "003"}
    assert counts(change(world, batch, "printed")) == (10, 0, 0, 0)
    assert statuses(world, other) == {"printed": 10}


def test_cards_that_are_refused_are_named_with_the_reason(world: World) -> None:
    path = made(world)
    change(world, numbers(0, 2), "void")
    answer = change(world, of_lot(path), "printed")
    assert counts(answer) == (22, 0, 0, 3)
    refused = answer.headers["location"] + "/refused"
    first = world.get(f"{refused}?limit=2").json()
    rest = world.get(first["next"]).json()
    assert [each["number"] for each in first["items"] + rest["items"]] == [
        "4711000000",
        "4711000001",
        "4711000002",
    ]
    assert "a card that is void does not become printed" in first["items"][0]["why"]
    lines = world.get(refused, headers={"Accept": "text/csv"}).text.splitlines()
    assert lines[0] == "number,why"
    assert len(lines) == 4


def test_more_cards_than_a_request_should_wait_for_change_behind_the_door(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_changes, "AT_ONCE", 10)
    path = made(world)
    answer = change(world, of_lot(path), "printed", once="c-1")
    at = answer.headers["location"]
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert statuses(world, path) == {"generated": 25}
    world.services.work.run_next()
    told = world.get(at).json()
    assert (told["state"], told["done"], told["cards"], told["changed"]) == ("done", 25, 25, 25)
    again = change(world, of_lot(path), "printed", once="c-1")
    assert (again.status_code, again.json()) == (202, told)
    other = change(world, of_lot(path), "shipped", once="c-1")
    assert (other.status_code, problem(other)) == (422, "idempotency-key-used")


def test_a_change_that_was_killed_is_finished_by_the_same_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_changes, "AT_ONCE", 10)
    path = made(world)
    at = change(world, of_lot(path), "printed", once="c-1").headers["location"]
    world.bulk.before_storing = world.services.work.stop
    world.services.work.run_next()
    stopped = world.get(at).json()
    assert stopped["state"] == "refused"
    assert "goes on where it was" in stopped["problem"]
    world.bulk.before_storing = lambda: None
    world.restart()
    assert world.get(at).status_code == 404
    assert change(world, of_lot(path), "printed", once="c-1").status_code == 202
    world.services.work.run_next()
    told = world.get(at).json()
    assert (told["changed"], told["unchanged"]) == (15, 10)
    assert statuses(world, path) == {"printed": 25}


def test_the_same_small_change_again_answers_the_same(world: World) -> None:
    made(world)
    first = change(world, numbers(0, 4), "printed", once="c-1")
    again = change(world, numbers(0, 4), "printed", once="c-1")
    assert counts(first) == counts(again) == (5, 0, 0, 0)
    other = change(world, numbers(0, 5), "printed", once="c-1")
    assert problem(other) == "idempotency-key-used"


@pytest.mark.parametrize(
    ("cards", "to", "status", "slug"),
    [
        (numbers(4, 0), "printed", 422, "bad-field"),
        ({"type": "range", "first": "1", "last": "22"}, "printed", 422, "bad-field"),
        (
            {"type": "range", "first": "0000000000", "last": "0001000000"},
            "printed",
            422,
            "setting-not-allowed",
        ),
        ({"type": "lot", "lot_id": NOBODY}, "printed", 404, "not-found"),
        ({"type": "batch", "run": "1", "batch": "2"}, "printed", 404, "not-found"),
        ({"type": "all"}, "printed", 422, "bad-field"),
        (ALL, "used", 422, "bad-field"),
        (ALL, "generated", 422, "bad-field"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    world: World, cards: dict[str, Any], to: str, status: int, slug: str
) -> None:
    answer = change(world, cards, to)
    assert (answer.status_code, problem(answer)) == (status, slug)


def test_a_pack_that_is_not_there_is_told_with_those_that_are(world: World) -> None:
    answer = change(world, of_lot(made(world), pack=9), "printed")
    assert (answer.status_code, problem(answer)) == (422, "setting-not-allowed")
    assert answer.json()["accepted"] == "1 to 3"


# ---- a second person


def test_a_lot_is_voided_when_a_second_person_agrees() -> None:
    world = World(needed=(LOT_VOID,))
    path = made(world)
    for name in ("ann", "bob"):
        world.person(name, Role.OPERATOR)
    ann, bob = world.signs_in("ann"), world.signs_in("bob")
    sent = {"cards": of_lot(path), "to": "void", "why": "stolen"}

    asked = ann.post("/v1/card-changes", sent, once="v-1")
    assert (asked.status_code, problem(asked)) == (409, "approval-needed")
    approval_id = asked.json()["approval_id"]
    shown = world.get(f"/v1/approvals/{approval_id}").json()
    assert (shown["action"], shown["subject"], shown["details"], shown["by"]) == (
        "lot void",
        "lot spring",
        "25 cards",
        "ann",
    )
    assert bob.post(f"/v1/approvals/{approval_id}/approval", None).status_code == 200
    other = ann.post(
        "/v1/card-changes",
        {**sent, "cards": numbers(0, 9), "approval_id": approval_id},
        once="v-2",
    )
    assert problem(other) == "approval-not-usable"
    assert counts(ann.post("/v1/card-changes", sent, once="v-1")) == (25, 0, 0, 0)
    assert statuses(world, path) == {"void": 25}
    # A single stolen card needs nobody else.
    single = world.card(number="4799000001")
    assert counts(change(world, {"type": "range", **both(single)}, "void")) == (1, 0, 0, 0)


def both(card: dict[str, Any]) -> dict[str, str]:
    return {"first": card["number"], "last": card["number"]}


def test_a_balance_is_put_right_once_and_by_two() -> None:
    world = World(needed=(BALANCE_ADJUSTMENT,))
    card = world.card()
    for name in ("ann", "bob"):
        world.person(name, Role.OPERATOR)
    ann, bob = world.signs_in("ann"), world.signs_in("bob")
    path = f"/v1/cards/{card['card_id']}/adjustments"
    sent = {"amount": {"amount": "-1.50", "unit": "USD"}, "why": "charged twice"}

    asked = ann.post(path, sent, once="a-1")
    assert (asked.status_code, problem(asked)) == (409, "approval-needed")
    bob.post(f"/v1/approvals/{asked.json()['approval_id']}/approval", None)
    for _ in range(2):
        done = ann.post(path, sent, once="a-1")
        assert done.json()["available"] == {"amount": "3.50", "unit": "USD"}, done.text
    other = ann.post(path, {**sent, "amount": {"amount": "-2", "unit": "USD"}}, once="a-1")
    assert (other.status_code, problem(other)) == (422, "idempotency-key-used")
    account = world.get(f"/v1/accounts/{card['account_id']}").json()
    assert account["available"] == {"amount": "3.50", "unit": "USD"}


def test_an_adjustment_is_made_once_for_each_key_and_never_below_zero(world: World) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}/adjustments"

    def adjust(amount: str, once: str) -> httpx.Response:
        sent = {"amount": {"amount": amount, "unit": "USD"}, "why": "put right"}
        return world.post(path, sent, once=once)

    assert adjust("2.00", "a-1").json()["available"]["amount"] == "7.00"
    assert adjust("2.00", "a-1").json()["available"]["amount"] == "7.00"
    assert problem(adjust("3.00", "a-1")) == "idempotency-key-used"
    below = adjust("-7.01", "a-2")
    assert (below.status_code, problem(below)) == (409, "insufficient-funds")
    wrong = world.post(path, {"amount": {"amount": "1", "unit": "EUR"}, "why": "x"})
    assert (wrong.status_code, problem(wrong)) == (422, "setting-not-allowed"), wrong.text


@pytest.mark.parametrize("how", ["void", "expired"])
def test_no_money_is_put_where_nobody_can_spend_it(world: World, how: str) -> None:
    card = world.card()
    if how == "void":
        world.post(f"/v1/cards/{card['card_id']}/status", {"status": "void", "why": "stolen"})
    else:
        end = world.clock.now() + timedelta(days=1)
        terms = evolve(world.administration.group("world").terms, expires_on=end)
        world.administration.change_group("world", terms, "ann")
        world.clock.pass_by(days=1)
    path = f"/v1/cards/{card['card_id']}/adjustments"

    def adjust(amount: str) -> httpx.Response:
        return world.post(path, {"amount": {"amount": amount, "unit": "USD"}, "why": "goodwill"})

    answer = adjust("2.00")
    assert (answer.status_code, problem(answer)) == (422, "setting-not-allowed")
    assert how in answer.json()["detail"]
    assert adjust("-2.00").json()["available"]["amount"] == "3.00"


# ---- daily fees


def test_daily_fees_are_charged_once_however_often_they_are_run(world: World) -> None:
    run = world.post("/v1/fee-runs", None, once="f-1")
    assert (run.status_code, run.json()["state"]) == (202, "waiting")
    world.services.work.run_next()
    told = world.get(run.headers["location"]).json()
    assert (told["state"], told["charged"]) == ("done", 0)
    assert world.post("/v1/fee-runs", None, once="f-1").json() == told
    assert world.get(f"/v1/fee-runs/{NOBODY}").status_code == 404


# ---- distributors and support


@pytest.fixture
def shop(world: World) -> World:
    made(world)
    change(world, ALL, "printed")
    change(world, ALL, "shipped")
    for name in ("East", "West"):
        answer = world.post("/v1/distributors", {"name": name})
        assert answer.status_code == 201
        first, last = (0, 9) if name == "East" else (10, 19)
        cards = {key: value for key, value in numbers(first, last).items() if key != "type"}
        path = answer.headers["location"]
        assert world.post(f"{path}/ranges", {**cards, "why": "sold"}).status_code == 200
        world.person(name.lower(), Role.DISTRIBUTOR, name)
    return world


def test_a_distributor_switches_its_own_cards_and_no_others(shop: World) -> None:
    east = shop.signs_in("east")
    sent = {"cards": ALL, "to": "active", "why": "sold"}
    answer = east.post("/v1/card-changes", sent)

    assert counts(answer) == (10, 0, 15, 0)
    active = shop.get("/v1/cards?status=active").json()["items"]
    assert sorted(each["number"] for each in active) == [str(4711000000 + n) for n in range(10)]
    assert counts(east.post("/v1/card-changes", {**sent, "to": "sold"}, once="2")) == (10, 0, 15, 0)
    assert not any(each["sold"] for each in shop.get("/v1/cards?status=shipped").json()["items"])


@pytest.mark.parametrize("to", ["void", "cancelled", "printed"])
def test_a_distributor_makes_cards_active_or_holds_them_and_nothing_else(
    shop: World, to: str
) -> None:
    sent = {"cards": numbers(0, 3), "to": to, "why": "x"}
    answer = shop.signs_in("east").post("/v1/card-changes", sent)
    assert (answer.status_code, problem(answer)) == (422, "setting-not-allowed")


def test_one_distributor_cannot_keep_everybody_else_waiting(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_changes, "AT_ONCE", 1)
    east, sent = shop.signs_in("east"), {"cards": ALL, "to": "active", "why": "x"}
    most = card_changes.MOST_WAITING_EACH
    for each in range(most):
        assert east.post("/v1/card-changes", sent, once=f"e-{each}").status_code == 202
    assert east.post("/v1/card-changes", sent, once="e-0").status_code == 202
    answer = east.post("/v1/card-changes", sent, once="e-more")
    assert (answer.status_code, problem(answer)) == (503, "overloaded")
    assert change(shop, ALL, "active").status_code == 202
    shop.services.work.run_next()
    assert east.post("/v1/card-changes", sent, once="e-more").status_code == 202


@pytest.mark.parametrize("to", ["void", "cancelled"])
def test_a_distributor_makes_nothing_else_of_a_single_card_either(shop: World, to: str) -> None:
    card = shop.get("/v1/cards?number=4711000000").json()["items"][0]
    east, at = shop.signs_in("east"), f"/v1/cards/{card['card_id']}"
    answer = east.post(f"{at}/status", {"status": to, "why": "x"})
    assert (answer.status_code, problem(answer)) == (422, "setting-not-allowed")
    assert east.get(at).json()["status"] == "shipped"
    assert east.post(f"{at}/status", {"status": "active", "why": "sold"}).status_code == 200


def test_a_distributor_asks_nobody_to_approve_what_it_may_not_do() -> None:
    world = World(needed=(LOT_VOID,))
    world.post("/v1/distributors", {"name": "East"})
    world.person("east", Role.DISTRIBUTOR, "East")
    sent = {"cards": numbers(0, 3), "to": "void", "why": "x"}
    answer = world.signs_in("east").post("/v1/card-changes", sent)
    assert (answer.status_code, problem(answer)) == (422, "setting-not-allowed")
    assert world.get("/v1/approvals").json()["items"] == []


def test_a_distributor_names_no_lots_and_sees_no_change_of_others(shop: World) -> None:
    east, west = shop.signs_in("east"), shop.signs_in("west")
    lot_id = shop.get("/v1/lots").json()["items"][0]["lot_id"]
    for cards in ({"type": "lot", "lot_id": lot_id}, {"type": "batch", "run": "1", "batch": "2"}):
        answer = east.post("/v1/card-changes", {"cards": cards, "to": "active", "why": "x"})
        assert (answer.status_code, problem(answer)) == (403, "not-allowed")
    done = east.post("/v1/card-changes", {"cards": numbers(0, 1), "to": "active", "why": "x"})
    at = done.headers["location"]
    assert east.get(at).status_code == 200
    for path in (at, f"{at}/refused"):
        assert west.get(path).status_code == 404
    assert shop.get(at).status_code == 200


def test_no_route_tells_a_distributor_of_lots_approvals_or_other_distributors(shop: World) -> None:
    east = shop.signs_in("east")
    lot_id = shop.get("/v1/lots").json()["items"][0]["lot_id"]
    other = shop.get("/v1/distributors").json()["items"][1]["distributor_id"]
    for path in (
        "/v1/lots",
        f"/v1/lots/{lot_id}",
        f"/v1/lots/{lot_id}/packs",
        f"/v1/lots/{lot_id}/kept",
        f"/v1/lots/{lot_id}/statuses",
        "/v1/approvals",
        "/v1/distributors",
        f"/v1/distributors/{other}",
        f"/v1/distributors/{other}/cards",
        f"/v1/distributors/{other}/ranges",
        "/v1/pin-space?length=8",
    ):
        assert east.get(path).status_code == 403, path
    card = shop.get("/v1/cards?number=4711000015").json()["items"][0]
    adjust = {"amount": {"amount": "1", "unit": "USD"}, "why": "x"}
    path = f"/v1/cards/{card['card_id']}/adjustments"
    assert east.post(path, adjust).status_code == 403


def test_support_changes_one_card_at_a_time(shop: World) -> None:
    shop.person("sue", Role.SUPPORT)
    sue = shop.signs_in("sue")
    one = {"cards": numbers(3, 3), "to": "on hold", "why": "lost"}
    assert counts(sue.post("/v1/card-changes", one)) == (1, 0, 0, 0)
    many = sue.post("/v1/card-changes", {**one, "cards": ALL}, once="2")
    assert (many.status_code, problem(many)) == (403, "not-allowed")


def test_cards_have_one_distributor_at_a_time(shop: World) -> None:
    east, west = (
        f"/v1/distributors/{each['distributor_id']}"
        for each in shop.get("/v1/distributors").json()["items"]
    )
    cards = {"first": "4711000005", "last": "4711000012", "why": "moved"}
    taken = shop.post(f"{west}/ranges", cards)
    assert (taken.status_code, problem(taken)) == (409, "range-taken")
    assert taken.json()["holder"] == "East"
    back = shop.post(f"{east}/returns", cards, key=SHOP)
    assert (back.json()["ranges"], back.json()["numbers"]) == (1, 5)
    assert shop.post(f"{west}/ranges", cards).json()["numbers"] == 15
    listed = shop.get(f"{west}/ranges?limit=1").json()
    assert listed["items"][0]["first"] == "4711000005"
    page = shop.get(f"{west}/cards?limit=10").json()
    rest = shop.get(page["next"]).json()
    assert [each["number"] for each in page["items"] + rest["items"]] == [
        str(4711000000 + n) for n in range(5, 20)
    ]


def test_a_distributor_is_added_once(world: World) -> None:
    first = world.post("/v1/distributors", {"name": "East"})
    assert world.post("/v1/distributors", {"name": "East"}).json() == first.json()
    other = world.post("/v1/distributors", {"name": "EAST"})
    assert (other.status_code, problem(other)) == (409, "already-exists")
    assert world.get(first.headers["location"], key=ADMIN).json()["name"] == "East"
    assert world.get(f"/v1/distributors/{NOBODY}").status_code == 404
