"""What if: the same calls by other prices, and what of it would be left. Nothing is written."""

from __future__ import annotations

from uuid import UUID

import pytest
from attrs import evolve as changed
from hypothesis import given as forall
from hypothesis import strategies as st

from application.correction_totals import Totals
from application.exchange import ExchangeRates
from application.margins import MarginGuard
from application.what_if import MOST_TOP, By, Row, WhatIf
from domain.corrections import Pricing, Selected
from domain.distributors import NumberRange
from domain.errors import NotFound, SettingNotAllowed
from domain.rating import RateTerms
from tests.application.test_corrections import ALL, HALF, Desk
from tests.support.corrections import CHEAP, DEAR, EVER
from tests.support.examples import examples
from tests.support.history import Routed, Stories
from tests.support.shop import Shop
from tests.support.story import ALICE, BOB, ROME, WARSAW, usd


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.dialling = changed(made.dialling, prices=Shop().prices)
    return made


def asked(desk: Desk, selected: Selected = ALL, pricing: Pricing = HALF, top: int = 20) -> WhatIf:
    return desk.corrector.what_ifs.ask(selected, pricing, top)


def figures(rows: list[Row]) -> dict[str, tuple[int, int, int]]:
    return {row.name: (row.charged.micros, row.would.micros, row.difference.micros) for row in rows}


def test_each_row_tells_what_was_and_what_would_be(desk: Desk) -> None:
    desk.group("Tin")
    desk.distributors.add("Kiosk", "ann")
    gold, tin = desk.card(), desk.card("Tin")
    desk.distributors.assign("Kiosk", NumberRange(tin.number, tin.number), "ann", "sale")
    desk.called(gold, (WARSAW, 60), (ROME, 30))
    desk.called(tin, (WARSAW, 60), caller=BOB)
    before = len(desk.units.log())
    told = asked(desk)
    assert figures(list(told.by(By.TOTAL))) == {"": (1_500_000, 750_000, -750_000)}
    assert figures(list(told.by(By.GROUP))) == {
        "Gold": (900_000, 450_000, -450_000),
        "Tin": (600_000, 300_000, -300_000),
    }
    assert figures(list(told.by(By.DISTRIBUTOR))) == {
        "": (900_000, 450_000, -450_000),
        "Kiosk": (600_000, 300_000, -300_000),
    }
    assert [row.name for row in told.by(By.CUSTOMER)] == [gold.number, tin.number]
    (total,) = told.by(By.TOTAL)
    assert (total.attempts, total.seconds) == (3, 150)
    assert len(desk.units.log()) == before


def test_only_so_many_customers_are_named_those_for_whom_it_changes_most(desk: Desk) -> None:
    cards = [desk.card() for _ in range(4)]
    for place, card in enumerate(cards):
        desk.called(card, (WARSAW, 60 * (place + 1)))
    told = asked(desk, top=2)
    assert [row.name for row in told.by(By.CUSTOMER)] == [cards[3].number, cards[2].number]
    assert asked(desk, top=0).by(By.CUSTOMER) == []


def test_the_margin_is_of_what_has_a_known_cost(desk: Desk) -> None:
    guard = MarginGuard(ExchangeRates({("EUR", "USD"): 1_100_000}))
    desk.dialling = changed(desk.dialling, routes=Routed(), margins=guard)
    call = desk.caller(desk.card())
    for attempt, leg in ((1, 1), (2, 2)):
        desk.dialling.dial(call, WARSAW)
        desk.settlement.record_leg(desk.leg(call, 60, attempt, leg))
    (total,) = asked(desk).by(By.TOTAL)
    assert total.cost == usd(44_734), "61 seconds in euro; what the second route asks nobody knows"
    assert (total.charged, total.would) == (usd(1_200_000), usd(600_000))
    assert (total.charged_at_cost, total.would_at_cost) == (usd(600_000), usd(300_000))
    assert (total.margin_before, total.margin_after) == (usd(555_266), usd(255_266))
    assert total.unknown_costs == 1


def test_what_has_no_price_there_is_named_and_in_no_figure(desk: Desk) -> None:
    desk.corrector.prices.sheets[CHEAP] = {"48": RateTerms("USD", 300_000)}
    desk.called(desk.card(), (WARSAW, 60), (ROME, 30))
    told = asked(desk)
    (total,) = told.by(By.TOTAL)
    assert (total.attempts, total.charged) == (1, usd(600_000))
    (unpriced,) = told.unpriced
    assert (unpriced.attempts, unpriced.charged) == (1, usd(300_000))


def test_what_was_corrected_counts_as_it_is_charged_now(desk: Desk) -> None:
    call = desk.called(desk.card(), (WARSAW, 60))
    desk.refunds.refund(call.reference, 1, usd(500_000), UUID(int=7), "ann", "bad line")
    (total,) = asked(desk).by(By.TOTAL)
    assert (total.charged, total.would) == (usd(100_000), usd(300_000))


def test_calls_to_the_operator_stay_free(desk: Desk) -> None:
    desk.change(operator_number="+18005550199")
    call = desk.caller(desk.card())
    desk.dialling.dial_operator(call)
    desk.settlement.record_leg(desk.leg(call, 60))
    (total,) = asked(desk).by(By.TOTAL)
    assert (total.attempts, total.would) == (1, usd(0))


def test_calls_of_one_group_or_prefix_or_tariff_alone_are_priced(desk: Desk) -> None:
    desk.group("Tin", tariff="wholesale")
    desk.called(desk.card(), (WARSAW, 60), (ROME, 30))
    desk.called(desk.card("Tin"), (WARSAW, 30), caller=ALICE)
    for selected, charged in (
        (Selected(*EVER, group="Tin"), 300_000),
        (Selected(*EVER, prefix="39"), 300_000),
        (Selected(*EVER, tariff="retail"), 900_000),
    ):
        (total,) = asked(desk, selected).by(By.TOTAL)
        assert total.charged == usd(charged)


def test_a_tariff_a_version_or_a_number_of_customers_that_cannot_be_is_refused(desk: Desk) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        desk.corrector.what_ifs.version("nowhere", None)
    with pytest.raises(SettingNotAllowed, match=f"0 to {MOST_TOP}"):
        asked(desk, top=MOST_TOP + 1)
    with pytest.raises(SettingNotAllowed, match="either days"):
        asked(desk, Selected())


@examples(20)
@forall(st.integers(0, 10**9), st.booleans())
def test_the_rows_of_any_history_agree_with_each_other_and_with_a_correction(
    seed: int, dear: bool
) -> None:
    stories = Stories()
    stories.play_at_random(seed, 120)
    pricing = Pricing(DEAR if dear else CHEAP, "other", charge_more=True)
    before = len(stories.shop.units.log())
    told = stories.corrector.what_ifs.ask(ALL, pricing, MOST_TOP)
    assert len(stories.shop.units.log()) == before
    total = {row.charged.unit: row for row in told.by(By.TOTAL)}
    for by in By:
        for unit in total:
            rows = [row for row in told.by(by) if row.charged.unit == unit]
            for name in ("charged", "would", "cost", "charged_at_cost", "would_at_cost"):
                summed = sum(getattr(row, name).micros for row in rows)
                assert summed == getattr(total[unit], name).micros, (by, name)
            assert sum(row.attempts for row in rows) == total[unit].attempts
    totals = Totals()
    for line in stories.corrector.corrections.preview(ALL, pricing, totals):
        assert line.moved or line.untaken
    assert totals.looked_at == sum(row.attempts for row in total.values()) + totals.unpriced
    assert totals.unpriced == sum(each.attempts for each in told.unpriced)
