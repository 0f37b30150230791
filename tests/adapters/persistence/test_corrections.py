"""Corrections on a stored ledger: found by time, priced by stored sheets, reported on their day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from adapters.persistence.bulk import LedgerBulkAppends
from adapters.persistence.connecting import connect
from adapters.persistence.correction_views import LedgerCallPages, SheetDecks
from adapters.persistence.rebuild_check import RebuildCheck
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.report_views import LedgerReportViews
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from application import kinds
from application.approvals import Approvals
from application.calling import Call
from application.corrections import Corrections
from application.reports import Period, SalesAsked, UsageAsked, UsageBy
from application.views import MOST_ROWS
from domain.call_sessions import AttemptRerated
from domain.corrections import Pricing, Selected
from domain.decks import LONGEST_PREFIX
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from tests.adapters.persistence.product import Product, mapper
from tests.support.corrections import CHEAP, EVER, Corrector
from tests.support.story import NOON, ROME, WARSAW, PrintedCard, dollars, usd

CALLED_ON = date(2026, 11, 21)
HALF = Pricing(CHEAP, "retail version 2")


@pytest.fixture
def product(recorder: EventRecorder) -> Product:
    made = Product(recorder)
    made.group("Gold")
    return made


def corrector(product: Product, units: LedgerUnitsOfWork | None = None) -> Corrector:
    recorder, clock = product.recorder, product.clock
    ledger = units or product.ledger
    bulk = LedgerBulkAppends(recorder, mapper(), clock)
    approvals = Approvals(ledger, clock, product.admin.chance)
    return Corrector(ledger, bulk, LedgerCallPages(recorder), approvals, clock)


def talked(product: Product, card: PrintedCard, number: str = WARSAW, seconds: int = 60) -> Call:
    call = product.caller(card)
    product.dialling.dial(call, number)
    product.settlement.record_leg(product.leg(call, seconds))
    product.settlement.call_ended(call.reference)
    return call


def test_calls_are_found_by_the_second_they_began_in_pages(product: Product) -> None:
    calls = [talked(product, product.card()) for _ in range(5)]
    silent = product.caller(product.card())
    product.settlement.call_ended(silent.reference)
    product.catch_up()
    pages = LedgerCallPages(product.recorder)
    found: list[UUID] = []
    while page := pages.talked(*EVER, found[-1] if found else None, 2):
        found += page
    assert found == [each.session_id for each in calls]
    second = timedelta(seconds=1)
    began = datetime.fromtimestamp(1_763_765_003, UTC)
    assert pages.talked(began, began + second, None, MOST_ROWS) == [calls[2].session_id]
    assert pages.talked(began - second, began, None, MOST_ROWS) == [calls[1].session_id]


def test_any_sheet_has_prices_in_force_or_not(product: Product) -> None:
    sheets, wanted = product.stored_sheets, {}
    for number in range(5):
        sheet_id = UUID(int=100 + number)
        terms = RateTerms("USD", 1_000 + number)
        rows = [PricedPrefix("48", "Poland", terms), PricedPrefix("4822", "Warsaw", terms)]
        sheets.keep(sheet_id, "USD", rows, NOON)
        wanted[sheet_id] = terms
    decks = SheetDecks(sheets)
    for _ in range(2):
        for sheet_id, terms in wanted.items():
            price = decks.price(sheet_id, WARSAW)
            assert price is not None
            assert (price.prefix, price.destination, price.terms) == ("4822", "Warsaw", terms)
            assert decks.price(sheet_id, ROME) is None
    assert decks.price(UUID(int=999), "4" * LONGEST_PREFIX) is None


def test_a_correction_is_in_the_reports_of_the_day_it_was_made(product: Product) -> None:
    card = product.card()
    call = talked(product, card)
    product.catch_up()
    product.clock.pass_by(days=3)
    corrector(product).corrections.run("CORR-1", Selected(*EVER), HALF, "ann", "wrong sheet")
    product.catch_up()
    reports = LedgerReportViews(product.recorder, mapper(), product.persons)
    period = Period(CALLED_ON, CALLED_ON + timedelta(days=3))
    assert [(row.day, row.revenue) for row in reports.usage(UsageAsked(period))] == [
        (CALLED_ON, usd(600_000)),
        (CALLED_ON + timedelta(days=3), usd(-300_000)),
    ]
    by_name = reports.usage(UsageAsked(period, UsageBy.DESTINATION, daily=False))
    assert [(row.name, row.attempts, row.revenue) for row in by_name] == [("to ", 1, usd(300_000))]
    sold = {row.day: row.calls for row in reports.sales(SalesAsked(period))}
    assert sold == {CALLED_ON: usd(600_000), CALLED_ON + timedelta(days=3): usd(-300_000)}
    row = product.views.call(call.session_id)
    assert row is not None
    assert row.charged == usd(300_000)
    (attempt,) = product.views.attempts(call.session_id)
    assert attempt.charge == usd(300_000)
    account = product.views.account(kinds.account_id_of_card(card.card_id))
    assert account is not None
    assert account.balance == dollars(10) - usd(300_000)
    assert RebuildCheck(product.recorder, mapper()).run().difference is None


def test_however_many_run_it_at_once_each_attempt_moves_once(
    product: Product, ledger_url: str
) -> None:
    cards = [product.card() for _ in range(6)]
    calls = [talked(product, card) for card in cards]
    product.catch_up()

    def run(_: int) -> object:
        with connect(ledger_url) as recorder:
            units = LedgerUnitsOfWork(recorder, mapper(), product.clock)
            others = corrector(product, units).corrections
            return others.run("CORR-1", Selected(*EVER), HALF, "ann", "wrong sheet")

    with ThreadPoolExecutor(3) as threads:
        outcomes = list(threads.map(run, range(3)))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    made = [each for each in product.log() if isinstance(each.fact, AttemptRerated)]
    assert sorted(each.originator_id for each in made) == sorted(c.session_id for c in calls)
    states = product.ledger.run(
        lambda unit: [
            unit.get(kinds.ACCOUNTS, kinds.account_id_of_card(card.card_id)) for card in cards
        ],
        writes=(),
    )
    assert {each.balance for each in states if each} == {dollars(10) - usd(300_000)}


def test_a_version_is_named_by_its_tariff(product: Product) -> None:
    rows = [PricedPrefix("48", "Poland", RateTerms("USD", 300_000))]
    product.tariffs.publish_rows("retail", "USD", rows, NOON - timedelta(days=1), "ann")
    talked(product, product.card())
    product.catch_up()
    kit = corrector(product)
    corrections = Corrections(
        kit.corrections.units,
        kit.corrections.bulk,
        kit.corrections.calls,
        SheetDecks(product.stored_sheets),
        kit.corrections.approvals,
        product.clock,
    )
    for number, pricing in enumerate(
        (corrections.version("retail", 1), corrections.published_since())
    ):
        outcome = corrections.run(f"CORR-{number}", Selected(*EVER), pricing, "ann", "w")
        assert outcome.given_back == ((usd(300_000),) if not number else ())
