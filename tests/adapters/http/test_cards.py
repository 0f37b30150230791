"""Operators make cards, look at them, change them and put money on them."""

from __future__ import annotations

from collections import Counter
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from domain.accounts import FundsAdded
from domain.card_groups import GroupTerms
from domain.cards import CardStatusChanged
from domain.top_ups import TopUpReceived
from tests.adapters.http.world import READER, SHOP, World, usd

NOBODY = "00000000-0000-8000-8000-000000000000"


def money(amount: str, unit: str = "USD") -> dict[str, str]:
    return {"amount": amount, "unit": unit}


def balance(world: World, card: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = world.get(f"/v1/accounts/{card['account_id']}").json()["balance"]
    return found


def test_a_new_card_tells_its_pin_once(world: World) -> None:
    made = world.post("/v1/cards", {"group": "world"})
    card = made.json()

    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert made.headers["location"] == f"/v1/cards/{card['card_id']}"
    assert (len(card["number"]), len(card["pin"])) == (10, 8)
    assert card["status"] == "generated"
    assert card["face_value"] == money("5.00")
    seen = world.get(made.headers["location"])
    assert seen.json()["number"] == card["number"]
    for path in ("", "/events"):
        told = world.get(made.headers["location"] + path).text
        assert card["pin"] not in told
        assert world.administration.pins.digest(card["pin"]) not in told


def test_a_card_can_be_made_with_a_chosen_number_and_pin_and_activated(world: World) -> None:
    card = world.card(number="4711000042", pin="12345678")

    assert (card["number"], card["pin"], card["status"]) == ("4711000042", "12345678", "active")
    assert balance(world, card) == money("5.00")


def test_asking_again_for_the_same_card_makes_no_second_one_and_tells_no_pin(world: World) -> None:
    wanted = {"group": "world", "activate": True}
    first = world.post("/v1/cards", wanted, once="order-1")
    again = world.post("/v1/cards", wanted, once="order-1")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["card_id"] == first.json()["card_id"]
    assert again.json()["pin"] is None
    assert "earlier request" in again.json()["note"]
    assert len(world.get("/v1/cards").json()["items"]) == 1
    assert balance(world, first.json()) == money("5.00")


def test_a_quoted_idempotency_key_is_the_same_as_a_bare_one(world: World) -> None:
    first = world.post("/v1/cards", {"group": "world"}, once='"order-1"')
    again = world.post("/v1/cards", {"group": "world"}, once="order-1")

    assert again.json()["card_id"] == first.json()["card_id"]


def test_a_card_whose_answer_was_lost_is_found_again(world: World) -> None:
    world.units.lose_next_answer = True
    lost = world.post("/v1/cards", {"group": "world", "activate": True}, once="order-1")
    again = world.post("/v1/cards", {"group": "world", "activate": True}, once="order-1")

    assert lost.status_code == 503
    assert again.status_code == 200
    assert again.json()["status"] == "active"
    assert len(world.get("/v1/cards").json()["items"]) == 1


def test_one_request_that_comes_twice_at_once_makes_one_card(world: World) -> None:
    answers = []

    def the_other_one() -> None:
        world.units.before_storing = lambda: None
        answers.append(world.post("/v1/cards", {"group": "world"}, once="order-1"))

    # Not the look for the group, but the recording of the card.
    hooks = iter([lambda: None, the_other_one])
    world.units.before_storing = lambda: next(hooks, lambda: None)()
    answers.append(world.post("/v1/cards", {"group": "world"}, once="order-1"))

    assert [each.status_code for each in answers] == [201, 200]
    assert answers[0].json()["card_id"] == answers[1].json()["card_id"]
    assert answers[1].json()["pin"] is None
    assert len(world.get("/v1/cards").json()["items"]) == 1


def test_a_late_retry_does_not_take_a_card_off_hold(world: World) -> None:
    wanted = {"group": "world", "activate": True}
    card = world.post("/v1/cards", wanted, once="order-1").json()
    world.post(f"/v1/cards/{card['card_id']}/status", {"status": "on hold", "why": "stolen"})

    assert world.post("/v1/cards", wanted, once="order-1").json()["status"] == "on hold"


@pytest.mark.parametrize(
    "other", [{"group": "other"}, {"number": "4711000042"}, {"pin": "87654321"}]
)
def test_an_idempotency_key_makes_one_kind_of_card_only(
    world: World, other: dict[str, str]
) -> None:
    world.administration.create_group("other", GroupTerms("USD", usd("9.00"), "retail"))
    world.post("/v1/cards", {"group": "world"}, once="order-1")
    answer = world.post("/v1/cards", {"group": "world", **other}, once="order-1")

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/idempotency-key-used"


def test_a_number_and_a_pin_belong_to_one_card(world: World) -> None:
    world.card(number="4711000042", pin="12345678")
    same_number = world.post("/v1/cards", {"group": "world", "number": "4711000042"})
    same_pin = world.post("/v1/cards", {"group": "world", "pin": "12345678"})

    assert (same_number.status_code, same_number.json()["key"]) == (409, "4711000042")
    assert same_pin.status_code == 409
    assert "12345678" not in same_pin.text


@pytest.mark.parametrize("once", [None, "\x7f", '""', "x" * 201, "a b", 'a"b'])
def test_money_and_cards_need_an_idempotency_key(world: World, once: str | None) -> None:
    card = world.card()
    facts = len(world.units.log())
    for path, body in (
        ("/v1/cards", {"group": "world"}),
        (f"/v1/cards/{card['card_id']}/top-ups", {"amount": money("1"), "channel": "cash"}),
    ):
        answer = world.post(path, body, once=once)
        assert answer.status_code == 400
        assert "Idempotency-Key" in answer.json()["detail"]
    assert len(world.units.log()) == facts


def test_a_top_up_counts_once_however_often_it_is_sent(world: World) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}/top-ups"
    sent = {"amount": money("12.500001"), "channel": "cash", "by": "anna"}
    answers = [world.post(path, sent, once="till-7").json() for _ in range(3)]

    assert all(each == answers[0] for each in answers)
    assert answers[0]["available"] == money("17.500001")
    assert balance(world, card) == money("17.500001")
    (received,) = world.units.facts(UUID(answers[0]["top_up_id"]))
    assert isinstance(received, TopUpReceived)
    assert (received.channel, received.by) == ("cash", "anna (office)")


def test_many_tills_that_repeat_themselves_at_once_add_each_top_up_once(world: World) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}/top-ups"
    sent = {"amount": money("1.00"), "channel": "cash"}
    statuses: Counter[int] = Counter()

    def till() -> None:
        for number in range(5):
            statuses[world.post(path, sent, once=f"till-{number}").status_code] += 1

    tills = [Thread(target=till) for _ in range(4)]
    for each in tills:
        each.start()
    for each in tills:
        each.join()

    # A 503 says that others were first too often and that nothing was stored.
    assert set(statuses) <= {200, 503}
    for number in range(5):
        world.post(path, sent, once=f"till-{number}")
    assert balance(world, card) == money("10.00")


def test_a_top_up_whose_answer_was_lost_counts_once(world: World) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}/top-ups"
    sent = {"amount": money("1.00"), "channel": "cash"}
    world.units.lose_next_answer = True

    assert world.post(path, sent, once="till-7").status_code == 503
    assert world.post(path, sent, once="till-7").status_code == 200
    assert balance(world, card) == money("6.00")


def test_an_idempotency_key_stands_for_one_top_up(world: World) -> None:
    card, other = world.card(), world.card()
    sent = {"amount": money("1.00"), "channel": "cash"}
    path = f"/v1/cards/{card['card_id']}/top-ups"
    world.post(path, sent, once="till-7")

    more = world.post(path, {**sent, "amount": money("2.00")}, once="till-7")
    elsewhere = world.post(f"/v1/cards/{other['card_id']}/top-ups", sent, once="till-7")

    for answer in (more, elsewhere):
        assert answer.status_code == 422
        assert answer.json()["type"] == "/problems/idempotency-key-used"
    assert (balance(world, card), balance(world, other)) == (money("6.00"), money("5.00"))


def test_one_key_may_name_a_card_and_a_top_up(world: World) -> None:
    card = world.post("/v1/cards", {"group": "world", "activate": True}, once="order-1").json()
    path = f"/v1/cards/{card['card_id']}/top-ups"

    answer = world.post(path, {"amount": money("1.00"), "channel": "cash"}, once="order-1")
    assert answer.json()["available"] == money("6.00")


@pytest.mark.parametrize(
    ("amount", "problem"),
    [
        (money("0"), "setting-not-allowed"),
        (money("-1"), "setting-not-allowed"),
        (money("1", "EUR"), "setting-not-allowed"),
        (money("1", "usd"), "bad-field"),
        (money("1", "USD\n"), "bad-field"),
        (money("1.0000001"), "bad-field"),
        (money("1e3"), "bad-field"),
        (money("+1"), "bad-field"),
        (money(" 1"), "bad-field"),
        (money("1\n"), "bad-field"),
        (money("NaN"), "bad-field"),
        (money("١٢"), "bad-field"),
        (money("１２"), "bad-field"),
        (money("1,50"), "bad-field"),
        (money("9" * 13), "bad-field"),
        (money("9" * 4_000), "bad-field"),
        ({"amount": 12.5, "unit": "USD"}, "bad-field"),
        ({"amount": "1"}, "bad-field"),
        ({"amount": "1", "unit": "USD", "cents": 3}, "bad-field"),
        ("1 USD", "bad-field"),
        (None, "bad-field"),
    ],
)
def test_money_is_a_plain_positive_decimal_in_the_units_of_the_card(
    world: World, amount: object, problem: str
) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}/top-ups"
    answer = world.post(path, {"amount": amount, "channel": "cash"})

    assert answer.status_code == 422
    assert answer.json()["type"] == f"/problems/{problem}"
    if problem == "bad-field":
        assert answer.json()["detail"].startswith("$.amount")
        assert answer.json()["field"].startswith("$.amount")
    assert balance(world, card) == money("5.00")


def test_the_largest_amount_there_is_arrives_exactly(world: World) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}/top-ups"
    answer = world.post(path, {"amount": money("999999999994.999999"), "channel": "bank"})

    assert answer.json()["available"] == money("999999999999.999999")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "$"),
        ({"group": ""}, "$.group"),
        ({"group": "x" * 101}, "$.group"),
        ({"group": "world\u0000"}, "$.group"),
        ({"group": "world", "number": "123"}, "$.number"),
        ({"group": "world", "number": "1" * 21}, "$.number"),
        ({"group": "world", "number": "٤٧١١٠٠٠٠٤٢"}, "$.number"),
        ({"group": "world", "number": 4711000042}, "$.number"),
        ({"group": "world", "pin": "1234567a"}, "$.pin"),
        ({"group": "world", "pin": "12345678\n"}, "$.pin"),
        ({"group": "world", "activate": "yes"}, "$.activate"),
        ({"group": "world", "colour": "red"}, "$"),
        ([], "$"),
    ],
)
def test_a_card_that_is_asked_for_wrongly_names_the_field(
    world: World, body: object, field: str
) -> None:
    answer = world.post("/v1/cards", body)

    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert answer.json()["detail"].startswith(f"{field}: ")


def test_an_unknown_field_is_named(world: World) -> None:
    answer = world.post("/v1/cards", {"group": "world", "colour": "red"})
    assert "`colour`" in answer.json()["detail"]


def test_a_card_of_the_wrong_length_is_refused_by_its_group(world: World) -> None:
    answer = world.post("/v1/cards", {"group": "world", "pin": "1234"})

    assert answer.status_code == 422
    assert answer.json()["accepted"] == "8 digits, as its card group says"
    assert "1234" not in answer.text


def test_a_card_of_a_group_that_does_not_exist_is_not_found(world: World) -> None:
    answer = world.post("/v1/cards", {"group": "moon"})
    assert (answer.status_code, answer.json()["key"]) == (404, "moon")


def test_a_change_of_status_records_who_and_why(world: World) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}"
    answer = world.post(f"{path}/status", {"status": "on hold", "why": "lost", "by": "anna"})

    assert answer.json()["status"] == "on hold"
    assert answer.json()["allowed"] == ["active", "void"]
    changes = [
        each
        for each in world.units.facts(UUID(card["card_id"]))
        if isinstance(each, CardStatusChanged)
    ]
    assert (changes[-1].by, changes[-1].why) == ("anna (office)", "lost")


def test_a_status_that_cannot_follow_says_which_can(world: World) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}/status"
    answer = world.post(path, {"status": "printed", "why": "again"})

    assert answer.status_code == 409
    assert answer.json()["allowed"] == ["on hold", "void"]
    assert world.post(path, {"status": "golden", "why": "x"}).json()["field"] == "$.status"


@pytest.mark.parametrize("path", ["", "/events", "/status", "/top-ups"])
@pytest.mark.parametrize("card", [NOBODY, "4711000042", "x" * 300, "%D9%A1", NOBODY + "%0A"])
def test_a_card_that_is_not_there_is_not_found(world: World, card: str, path: str) -> None:
    if path == "/status":
        answer = world.post(f"/v1/cards/{card}{path}", {"status": "void", "why": "x"})
    elif path == "/top-ups":
        answer = world.post(f"/v1/cards/{card}{path}", {"amount": money("1"), "channel": "cash"})
    else:
        answer = world.get(f"/v1/cards/{card}{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_id_of_an_account_is_not_the_id_of_a_card(world: World) -> None:
    card = world.card()
    assert world.get(f"/v1/cards/{card['account_id']}").status_code == 404
    assert world.get(f"/v1/accounts/{card['card_id']}").status_code == 404


def test_cards_are_found_by_number_group_and_status(world: World) -> None:
    world.administration.create_group("other", GroupTerms("USD", usd("9.00"), "retail"))
    world.card(number="4711000042")
    world.post("/v1/cards", {"group": "other", "number": "4711000043"})

    def numbers(query: str) -> list[str]:
        items = world.get(f"/v1/cards?{query}", key=READER).json()["items"]
        return [each["number"] for each in items]

    assert numbers("number=4711000042") == ["4711000042"]
    assert numbers("number=4711000044") == []
    assert numbers("number=4711000042&group=other") == []
    assert numbers("group=other") == ["4711000043"]
    assert numbers("status=active") == ["4711000042"]
    assert numbers("status=active&group=other") == []


def test_a_list_is_read_to_its_end_page_by_page(world: World) -> None:
    for _ in range(7):
        world.card()
    seen: list[str] = []
    url: str | None = "/v1/cards?limit=3&status=active"
    pages = 0
    while url:
        answer = world.get(url)
        seen += [each["card_id"] for each in answer.json()["items"]]
        url = answer.json()["next"]
        assert (url is not None) == ("link" in answer.headers)
        pages += 1
    assert seen == sorted(seen)
    assert (len(set(seen)), len(seen), pages) == (7, 7, 3)


def test_the_facts_of_a_card_and_of_its_account_are_read_page_by_page(world: World) -> None:
    card = world.card()
    first = world.get(f"/v1/cards/{card['card_id']}/events?limit=2").json()
    rest = world.get(first["next"]).json()

    events = first["items"] + rest["items"]
    assert [each["version"] for each in events] == [1, 2, 3, 4]
    assert events[0]["name"] == "CardGenerated"
    assert events[0]["recorded_at"] == "2026-03-02T12:00:00Z"
    assert events[3]["fact"]["status"] == "active"
    assert rest["next"] == f"/v1/cards/{card['card_id']}/events?limit=2&after=4"
    assert world.get(rest["next"]).json() == {"items": [], "next": None}
    account = world.get(f"/v1/accounts/{card['account_id']}/events").json()["items"]
    assert [each["name"] for each in account] == ["AccountOpened", FundsAdded.__name__]
    assert account[1]["fact"]["amount"] == money("5.00")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=٣",
        "limit=1e1",
        "limit=",
        "limit=" + "9" * 5_000,
        "limit=1&limit=2",
        "after=1",
        "after=" + NOBODY + "%0a",
        "status=golden",
        "number=47a",
        "number=٤٧",
        "colour=red",
    ],
)
def test_a_parameter_that_is_not_accepted_is_named(world: World, query: str) -> None:
    answer = world.get(f"/v1/cards?{query}")

    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/bad-parameter"
    assert query.partition("=")[0] in answer.json()["detail"]


def test_a_change_takes_no_parameters(world: World) -> None:
    card = world.card()
    path = f"/v1/cards/{card['card_id']}"
    sent = {"amount": money("1"), "channel": "cash"}
    for answer in (
        world.post("/v1/cards?dry_run=true", {"group": "world"}),
        world.post(f"{path}/status?dry_run=true", {"status": "void", "why": "x"}),
        world.post(f"{path}/top-ups?dry_run=true", sent),
    ):
        assert (answer.status_code, answer.json()["name"]) == (400, "dry_run")
    assert world.get(path).json()["status"] == "active"


def test_an_account_says_what_is_available_beside_what_is_held(world: World) -> None:
    card = world.card()
    world.dial(card)
    account = world.get(f"/v1/accounts/{card['account_id']}").json()

    assert account["balance"] == money("5.00")
    assert account["held"] == money("4.98")
    assert account["available"] == money("0.02")
    assert account["holder"] == card["card_id"]
    listed = world.get("/v1/accounts", key=READER).json()["items"]
    assert listed == [account]


def test_the_requests_of_two_api_keys_never_meet(world: World) -> None:
    office = world.post("/v1/cards", {"group": "world"}, once="order-1")
    shop = world.post("/v1/cards", {"group": "world"}, once="order-1", key=SHOP)

    assert (office.status_code, shop.status_code) == (201, 201)
    assert office.json()["card_id"] != shop.json()["card_id"]
