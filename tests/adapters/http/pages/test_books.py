"""What auditors look at: calls explained, moments of the past, the books, the seals."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from adapters.http.explanations import CorrectedShown, ExplanationShown
from adapters.http.pages.explanations import receipts
from adapters.http.wire import MoneyTold
from domain.people import Role
from tests.adapters.http.pages.conftest import Visits
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.test_books import SlowBooks, works
from tests.adapters.http.test_explanations import called as call_of
from tests.adapters.http.test_explanations import top_up
from tests.adapters.http.world import World, usd
from tests.support.bookkeeping import MemoryLog


def called(world: World, card: dict[str, Any], talked: int | None = 61) -> str:
    """The path of the page of a call."""
    return call_of(world, card, talked).removeprefix("/v1")


# ---- why it cost this


def test_a_call_has_a_page_that_explains_it_to_the_customer(world: World, owner: Visitor) -> None:
    card = world.card()
    path = called(world, card)
    assert f'href="/admin{path}/explanation"' in owner.get(path).text
    text = owner.get(f"{path}/explanation").text
    for piece in (
        "Why this call cost 0.12 USD",
        "0.06 USD a minute, first 60 s, then each 60 s begun",
        "Put aside before dialling",
        "1:01 from",
        "paid as 2:00",
        "120 s at 0.06 USD a minute",
        "Free again",
        card["number"],
        "it is what was charged, to the millionth",
        "data-print",
    ):
        assert piece in text, piece


def test_what_is_for_the_office_is_not_printed(world: World, owner: Visitor) -> None:
    text = owner.get(f"{called(world, world.card())}/explanation").text
    rows = re.findall(r"<tr( class=\"tt-internal\")?><td><time.*?</tr>", text, re.DOTALL)
    steps = re.findall(r"<tr[^>]*><td><time.*?</tr>", text, re.DOTALL)
    assert len(steps) == len(rows) > 4
    for step in steps:
        office = "trunk" in step or "may go through" in step
        assert ('class="tt-internal"><td>' in step) == office, step
    css = owner.get("/static/books.css").text
    printed = css.partition("@media print {")[2]
    assert re.search(r"\.tt-internal, \.tt-r-internal.*display: none", printed)


def test_the_lines_of_a_receipt_add_up_to_its_sum(world: World) -> None:
    answer = world.get(f"{call_of(world, world.card(), 100)}/explanation")
    found = msgspec.json.decode(answer.content, type=ExplanationShown)
    for one in receipts(found):
        amounts = {
            weight: [row.amount.micros for row in one.rows if row.weight == weight and row.amount]
            for weight in ("part", "sum")
        }
        assert sum(amounts["part"]) == sum(amounts["sum"])


def test_what_was_corrected_later_is_on_the_receipt(world: World) -> None:
    answer = world.get(f"{call_of(world, world.card(), 61)}/explanation")
    found = msgspec.json.decode(answer.content, type=ExplanationShown)
    (attempt,) = found.attempts
    assert attempt.price is not None
    back = CorrectedShown(
        found.steps[-1].at,
        found.session_id,
        "refund",
        MoneyTold("0.12", "USD"),
        MoneyTold("0.02", "USD"),
        attempt.rate,
        attempt.price,
        MoneyTold("0", "USD"),
        "ann",
        "cut off",
    )
    now = MoneyTold("0.02", "USD")
    attempt = msgspec.structs.replace(attempt, corrections=[back], charged_now=now)
    (one,) = receipts(msgspec.structs.replace(found, attempts=[attempt]))
    told = [(row.what, row.amount) for row in one.rows if row.weight in ("part", "sum")]
    assert told[-3:] == [
        ("Charged", usd("0.12")),
        ("Refunded", usd("0.02") - usd("0.12")),
        ("Charged now", usd("0.02")),
    ]


def test_a_call_that_goes_on_says_so(world: World, owner: Visitor) -> None:
    call, _ = world.dial(world.card())
    page = owner.get(f"/find?q={call.reference}").headers["location"].removeprefix("/admin")
    text = owner.get(f"{page}/explanation").text
    assert "What happened in this call" in text
    assert "Not over yet" in text
    assert "it is what was charged" in text


# ---- as of a moment


def test_a_card_is_shown_as_it_was_beside_what_it_is(world: World, owner: Visitor) -> None:
    card = world.card()
    then = world.clock.now()
    world.clock.pass_by(minutes=10)
    world.post(f"/v1/cards/{card['card_id']}/top-ups", top_up("2.00"))
    path = f"/cards/{card['card_id']}"
    assert f'action="/admin{path}/as-of"' in owner.get(path).text
    for text in (f"{then:%Y-%m-%dT%H:%M:%S}", f"{then:%Y-%m-%dT%H:%M}", then.isoformat()):
        page = owner.get(f"{path}/as-of", params={"at": text})
        (balance,) = re.findall(r"<tr class=\"tt-other\"><td>Balance.*?</tr>", page.text, re.DOTALL)
        assert "5.00 USD" in balance
        assert "7.00 USD" in balance
        assert re.search(r"<tr><td>Status", page.text)
    for later in ("", "?at=9000-01-01"):
        now = owner.get(f"{path}/as-of{later}").text
        assert "tt-other" not in now
        assert f"as of {world.clock.now():%-d %b %Y}" in now


def test_one_walks_from_change_to_change(world: World, owner: Visitor) -> None:
    card = world.card()
    for _ in range(3):
        world.clock.pass_by(minutes=5)
        world.post(f"/v1/cards/{card['card_id']}/top-ups", top_up("1.00"))
    path = f"/cards/{card['card_id']}/as-of"
    seen = []
    while True:
        text = owner.get(path).text
        seen += re.findall(r"Could be spent</span><strong>([^<]*)<", text)
        earlier = re.findall(r"href=\"/admin([^\"]*)\">[^/]*</i>One change earlier", text)
        if not earlier:
            break
        path = earlier[0].replace("&amp;", "&")
    assert seen == ["8.00 USD", "7.00 USD", "6.00 USD", "5.00 USD"]
    assert "One change later" in text


@pytest.mark.parametrize("what", ["cards", "accounts"])
def test_before_it_was_there_it_was_not_there(world: World, owner: Visitor, what: str) -> None:
    card = world.card()
    path = f"/{what}/{card['card_id' if what == 'cards' else 'account_id']}/as-of"
    page = owner.get(f"{path}?at=2020-01-01T00:00:00")
    assert "was not there yet" in page.text
    assert "Look when it began" in page.text
    assert "This is no moment" in owner.get(f"{path}?at=soon").text


def test_an_account_shows_the_call_that_money_is_held_for(world: World, owner: Visitor) -> None:
    card = world.card()
    world.dial(card)
    text = owner.get(f"/accounts/{card['account_id']}/as-of").text
    assert "Held at that moment" in text
    assert "442071838750" in text


# ---- books


def test_the_trial_balance_is_even_and_leads_to_statements(world: World, owner: Visitor) -> None:
    called(world, world.card())
    text = owner.get("/books").text
    assert "debit and credit are even" in text
    for kind in ("Assets", "Liabilities", "Income"):
        assert f">{kind}<small>" in text
    (link,) = re.findall(r'href="/admin(/books/statement\?account=Income[^"]*)"', text)
    statement = owner.get(link).text
    assert "Opening balance" in statement
    assert "0.12 USD" in statement
    assert "Capture" in statement


def test_the_books_of_an_earlier_moment(world: World, owner: Visitor) -> None:
    card = world.card()
    world.clock.pass_by(minutes=10)
    called(world, card)
    at = world.clock.now() - timedelta(minutes=5)
    text = owner.get(f"/books?at={at:%Y-%m-%dT%H:%M}&depth=3").text
    assert "Income" not in text.partition("<table")[2].partition("</table>")[0]
    assert f"&amp;until={at:%Y-%m-%d}" in text


def test_an_empty_ledger_has_empty_books_that_say_so(owner: Visitor) -> None:
    assert "No money had moved" in owner.get("/books").text
    assert "Nothing was owed to anybody" in owner.get("/books/liability").text
    assert "Nothing moved" in owner.get("/books/statement?account=Income").text


def test_a_statement_has_pages_and_a_file(world: World, owner: Visitor) -> None:
    card = world.card()
    world.post(f"/v1/cards/{card['card_id']}/top-ups", top_up("10.00"))
    for _ in range(120):
        called(world, card, talked=9)
    path = "/books/statement?account=Liabilities:Held"
    first = owner.get(path).text
    assert "1–100 of 240" in first
    assert "Closing balance" not in first
    assert "Opening balance" in first
    (following,) = re.findall(r'rel="next" href="(\?[^"]*)"', first)
    second = owner.get(f"/books/statement{following.replace('&amp;', '&')}").text
    assert "101–200 of 240" in second
    answer = owner.get("/books/statement/csv?account=Liabilities:Held")
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(lines) == 242
    assert (lines[0]["what"], lines[-1]["what"]) == ("opening", "closing")
    assert "attachment" in answer.headers["content-disposition"]


def test_an_account_of_a_card_leads_to_its_statement(world: World, owner: Visitor) -> None:
    card = world.card()
    called(world, card)
    gone = owner.get(f"/accounts/{card['account_id']}/statement")
    assert gone.headers["location"] == f"/admin/books/statement?card={card['number']}"
    assert "4.88 USD" in owner.follow(gone).text


def test_what_is_owed_is_drawn_and_told(world: World, owner: Visitor) -> None:
    world.card()
    world.clock.pass_by(days=2)
    owner.signs_in(Role.OWNER.value)
    text = owner.get("/books/liability").text
    (picture,) = re.findall(r"<svg class=\"tt-c\".*?</svg>", text, re.DOTALL)
    svg = ElementTree.fromstring(picture)
    assert svg[0].text == "Owed to cardholders, USD"
    assert "5.00 USD on the last day" in (svg[1].text or "")
    lines = list(csv.DictReader(io.StringIO(owner.get("/books/liability/csv").text)))
    assert {line["total"] for line in lines} == {"5.00"}
    assert owner.get("/books/liability?since=2026-02-02&until=2026-02-01").status_code == 422
    assert owner.get("/books/liability?until=nonsense").status_code == 400


def test_files_of_the_books_are_for_spreadsheets(world: World, owner: Visitor) -> None:
    world.card()
    lines = list(csv.DictReader(io.StringIO(owner.get("/books/csv").text)))
    assert [line["balance"] for line in lines] == ["5.00", "-5.00"]
    assert owner.get("/books/statement/csv").headers["location"] == "/admin/books/statement"


def test_a_long_log_is_read_while_the_page_waits(world: World, owner: Visitor) -> None:
    SlowBooks.world = world
    world.services.books.books = SlowBooks(MemoryLog(world.units))
    world.services.books.at_once = 0
    world.card()
    for path in ("/books", "/books/statement?account=Income", "/books/liability"):
        page = owner.get(path)
        assert page.status_code == 200
        assert "The books are being read" in page.text
        assert 'http-equiv="refresh"' in page.text
        file = path.partition("?")[0] + "/csv?" + path.partition("?")[2]
        assert owner.follow(owner.get(file)).status_code == 200
        works(world)
        assert 'http-equiv="refresh"' not in owner.get(path).text
        assert owner.get(file).headers["content-type"].startswith("text/csv")


def test_hostile_names_stay_text_in_the_books(world: World, owner: Visitor) -> None:
    for query in ("account=%3Cscript%3E", "card=%3Cscript%3E", "account=Income&after=x"):
        page = owner.get(f"/books/statement?{query}")
        assert page.status_code == 400
        assert "<script>alert" not in page.text


# ---- seals


def test_the_newest_checkpoint_is_shown_with_its_time_and_count(owner: Visitor) -> None:
    text = owner.get("/seals").text
    assert "21 Nov 2026, 12:00:02" in text
    assert "example.com/ledger" in text
    assert "talktime seal verify" in text
    assert re.search(r"Facts under seal</span><strong>10<", text)
    kept = owner.get("/seals/checkpoint")
    assert kept.text.startswith("example.com/ledger\n3\n")


def test_a_log_without_seals_says_how_to_begin(world: World, owner: Visitor) -> None:
    world.services.checkpoints.sealed.clear()  # type: ignore[attr-defined]
    assert "talktime seal keys new" in owner.get("/seals").text
    assert owner.get("/seals/checkpoint").status_code == 404


def test_support_sees_cards_of_the_past_and_no_books(world: World, visits: Visits) -> None:
    card = world.card()
    sam = visits(Role.SUPPORT)
    assert sam.get(f"/cards/{card['card_id']}/as-of").status_code == 200
    account = sam.get(f"/accounts/{card['account_id']}").text
    assert "/statement" not in account
    assert sam.get("/books").status_code == 403
    assert "/admin/books" not in account
