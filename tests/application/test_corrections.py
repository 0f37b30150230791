"""Corrections and refunds: looked at before, made once, and as far as the money goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from attrs import evolve as changed
from hypothesis import given as forall
from hypothesis import strategies as st

from application import kinds
from application.approvals import CORRECTION
from application.breakage import Breakage
from application.calling import Call
from application.correction_totals import Line, Totals
from domain.access_numbers import AccessTerms
from domain.accounts import ChargeCorrected
from domain.call_sessions import AttemptRefunded, AttemptRerated
from domain.cards import Status
from domain.corrections import Pricing, Selected
from domain.errors import (
    AlreadyExists,
    ApprovalNeeded,
    ApprovalNotUsable,
    NotFound,
    SettingNotAllowed,
)
from domain.money import Money
from domain.rating import RateTerms
from domain.tariffs import TariffCreated, TariffPublished
from tests.support.bookkeeping import Bookkeeper
from tests.support.breakage import LeftOver
from tests.support.corrections import CHEAP, DEAR, EVER, Corrector, MemoryCalls
from tests.support.examples import examples
from tests.support.history import Stories
from tests.support.shop import Shop
from tests.support.story import ALICE, BOB, NOON, ROME, WARSAW, PrintedCard, dollars, usd

HALF = Pricing(CHEAP, "retail version 2")
"""Half of what a call of the story costs."""
TRIPLE = Pricing(DEAR, "retail version 3", charge_more=True)
ALL = Selected(*EVER)
KEY = UUID(int=77)


class Desk(Shop):
    """A card business, and somebody who corrects charges in it."""

    def __init__(self, *needed: str) -> None:
        super().__init__(*needed)
        calls = MemoryCalls(self.units)
        self.corrector = Corrector(self.units, self.bulk, calls, self.approvals, self.clock)
        self.corrections = self.corrector.corrections
        self.refunds = self.corrector.refunds
        self.prices = self.corrector.prices  # type: ignore[assignment]
        self.breakage = Breakage(self.bulk, LeftOver(self.units), self.clock)

    def called(
        self, card: PrintedCard, *talks: tuple[str, int], caller: str | None = ALICE
    ) -> Call:
        """One call with an attempt for each number and its seconds."""
        call = self.caller(card, caller)
        for attempt, (number, seconds) in enumerate(talks, 1):
            self.dialling.dial(call, number)
            self.settlement.record_leg(self.leg(call, seconds, attempt))
        self.settlement.call_ended(call.reference)
        return call

    def charged(self, call: Call, attempt: int = 1) -> Money:
        return self.session(call).settled[attempt].charge

    def previewed(self, selected: Selected = ALL, pricing: Pricing = HALF) -> list[Line]:
        return list(self.corrections.preview(selected, pricing, Totals()))

    def books(self) -> dict[str, int]:
        keeper = Bookkeeper(self.units)
        keeper.check_all()
        return keeper.sums("Income")


@pytest.fixture
def desk() -> Desk:
    """The prices of the story stay as they are: corrections have prices of their own."""
    made = Desk()
    made.dialling = changed(made.dialling, prices=Shop().prices)
    return made


def test_a_preview_tells_what_would_move_and_moves_nothing(desk: Desk) -> None:
    call = desk.called(desk.card(), (WARSAW, 60), (ROME, 30))
    before = len(desk.units.log())
    totals = Totals()
    lines = list(desk.corrections.preview(ALL, HALF, totals))
    assert [(each.attempt, each.charge, each.after, each.moved) for each in lines] == [
        (1, usd(600_000), usd(300_000), usd(300_000)),
        (2, usd(300_000), usd(150_000), usd(150_000)),
    ]
    assert {each.reference for each in lines} == {call.reference}
    assert (totals.looked_at, totals.outcome.given_back) == (2, (usd(450_000),))
    assert len(desk.units.log()) == before


def test_a_correction_gives_the_difference_back_and_records_who_and_why(desk: Desk) -> None:
    card = desk.card()
    call = desk.called(card, (WARSAW, 60))
    outcome = desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    assert (outcome.attempts, outcome.given_back) == (1, (usd(300_000),))
    assert desk.account(card).balance == dollars(10) - usd(300_000)
    (fact,) = desk.facts_of(call, AttemptRerated)
    assert (fact.by, fact.why) == ("ann", "wrong sheet")
    assert fact.correction_id == kinds.correction_id("CORR-1")
    assert desk.books() == {"Income:Calls": -300_000}


def test_the_same_name_again_does_nothing_and_another_selection_is_refused(desk: Desk) -> None:
    card = desk.card()
    desk.called(card, (WARSAW, 60))
    first = desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    before = len(desk.units.log())
    assert desk.corrections.run("CORR-1", ALL, HALF, "bob", "again") == first
    assert len(desk.units.log()) == before
    with pytest.raises(AlreadyExists):
        desk.corrections.run("CORR-1", Selected(*EVER, prefix="48"), HALF, "ann", "more")


def test_an_attempt_settled_after_a_correction_began_is_not_in_it(desk: Desk) -> None:
    card = desk.card()
    first = desk.called(card, (WARSAW, 60))
    desk.corrections.begin("CORR-1", ALL, HALF, "ann", "wrong sheet")
    desk.clock.pass_by(hours=1)
    later = desk.called(card, (WARSAW, 60))
    assert desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet").attempts == 1
    assert desk.charged(first) == usd(300_000)
    assert desk.charged(later) == usd(600_000)


def test_killed_in_the_middle_it_does_the_rest_and_nothing_twice(desk: Desk) -> None:
    cards = [desk.card() for _ in range(5)]
    calls = [desk.called(card, (WARSAW, 60)) for card in cards]

    class Killed(Exception):
        """The end of a process."""

    def killed_after(moves: int) -> None:
        stored = len(desk.units.log())

        def before_storing() -> None:
            told = desk.units.log()[stored:]
            if sum(isinstance(each.fact, ChargeCorrected) for each in told) >= moves:
                raise Killed

        desk.units.before_storing = before_storing

    for moves in (2, 1, 0):
        killed_after(moves)
        with pytest.raises(Killed):
            desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    desk.units.before_storing = lambda: None
    assert [desk.charged(call) for call in calls].count(usd(300_000)) == 3
    desk.clock.pass_by(minutes=1)
    outcome = desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    assert (outcome.attempts, outcome.given_back) == (5, (usd(1_500_000),))
    assert [desk.charged(call) for call in calls] == [usd(300_000)] * 5
    moved = [each for each in desk.units.log() if isinstance(each.fact, ChargeCorrected)]
    assert len(moved) == 5
    assert desk.books() == {"Income:Calls": -1_500_000}


def test_two_who_run_it_at_once_move_the_money_once(desk: Desk) -> None:
    card = desk.card()
    call = desk.called(card, (WARSAW, 60))
    desk.come_between(
        lambda: desk.corrections.run("CORR-1", ALL, HALF, "bob", "wrong sheet"), after=1
    )
    outcome = desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    assert outcome.given_back == (usd(300_000),)
    assert len(desk.facts_of(call, AttemptRerated)) == 1
    assert desk.account(card).balance == dollars(10) - usd(300_000)


def test_charging_more_stops_at_what_is_available_and_leaves_held_money_alone(desk: Desk) -> None:
    desk.change(most_held=dollars(1), simultaneous_calls=2)
    card = desk.card()
    call = desk.called(card, (WARSAW, 60))
    up = desk.caller(card)
    desk.dialling.dial(up, WARSAW)
    desk.changes.adjust_balance(card.card_id, KEY, usd(-8_100_000), "ann", "for the test")
    available = desk.account(card).available
    outcome = desk.corrections.run("CORR-1", ALL, TRIPLE, "ann", "too cheap")
    assert outcome.taken == (available,)
    assert outcome.untaken == (usd(1_210_000) - available,)
    account = desk.account(card)
    assert (account.available, account.held) == (usd(0), dollars(1))
    assert desk.charged(call) == usd(600_000) + available


def test_without_being_asked_to_nothing_dearer_is_taken(desk: Desk) -> None:
    desk.called(desk.card(), (WARSAW, 60))
    outcome = desk.corrections.run(
        "CORR-1", ALL, changed(TRIPLE, charge_more=False), "ann", "too cheap"
    )
    assert outcome.attempts == 0


def test_attempts_are_selected_by_group_tariff_prefix_and_call(desk: Desk) -> None:
    desk.group("Tin", tariff="wholesale")
    gold = desk.called(desk.card(), (WARSAW, 60), (ROME, 60))
    desk.called(desk.card("Tin"), (WARSAW, 60), caller=BOB)
    numbers = {
        name: [(each.destination, each.attempt) for each in desk.previewed(selected)]
        for name, selected in {
            "group": Selected(*EVER, group="Tin"),
            "tariff": Selected(*EVER, tariff="retail"),
            "prefix": Selected(*EVER, group="Gold", prefix="39"),
            "call": Selected(reference=gold.reference),
        }.items()
    }
    warsaw, rome = f"+{WARSAW}", f"+{ROME}"
    assert numbers == {
        "group": [(warsaw, 1)],
        "tariff": [(warsaw, 1), (rome, 2)],
        "prefix": [(rome, 2)],
        "call": [(warsaw, 1), (rome, 2)],
    }


def test_a_group_that_changed_its_tariff_sold_by_the_one_it_had_then(desk: Desk) -> None:
    desk.called(desk.card(), (WARSAW, 60))
    desk.clock.pass_by(hours=1)
    desk.change(tariff="dearer")
    assert len(desk.previewed(Selected(*EVER, tariff="retail"))) == 1
    assert desk.previewed(Selected(*EVER, tariff="dearer")) == []


@pytest.mark.parametrize(
    ("selected", "told"),
    [
        (Selected(), "either days or the reference"),
        (Selected(*EVER, reference="pbx1-1763765000.42"), "either days or the reference"),
        (Selected(*EVER, prefix="+48"), "1 to 15 digits"),
        (Selected(*EVER, prefix="1234567890123456"), "1 to 15 digits"),
    ],
)
def test_a_selection_of_nothing_is_refused(desk: Desk, selected: Selected, told: str) -> None:
    with pytest.raises(SettingNotAllowed, match=told):
        desk.previewed(selected)
    with pytest.raises(SettingNotAllowed, match=told):
        desk.corrections.run("CORR-1", selected, HALF, "ann", "wrong sheet")


def test_a_call_that_nobody_knows_is_not_corrected(desk: Desk) -> None:
    nowhere = Selected(reference="pbx1-1763765999.1")
    with pytest.raises(NotFound):
        desk.previewed(nowhere)
    with pytest.raises(NotFound):
        desk.corrections.run("CORR-1", nowhere, HALF, "ann", "wrong sheet")
    with pytest.raises(NotFound):
        desk.corrections.known("CORR-1")


def test_numbers_without_a_price_there_are_counted_and_named(desk: Desk) -> None:
    desk.prices.sheets[CHEAP] = {"48": RateTerms("USD", 300_000)}  # type: ignore[attr-defined]
    desk.called(desk.card(), (WARSAW, 60), (ROME, 60))
    totals = Totals()
    assert [each.attempt for each in desk.corrections.preview(ALL, HALF, totals)] == [1]
    assert (totals.unpriced, totals.unpriced_names) == (1, {"to ": 1})
    euro = {"": RateTerms("EUR", 300_000)}
    desk.prices.sheets[CHEAP] = euro  # type: ignore[attr-defined]
    assert desk.previewed() == [], "a price in another unit is none"


def test_the_operator_stays_free(desk: Desk) -> None:
    desk.change(operator_number="+18005550199")
    call = desk.caller(desk.card())
    desk.dialling.dial_operator(call)
    desk.settlement.record_leg(desk.leg(call, 60))
    assert desk.previewed(pricing=TRIPLE) == []


def test_surcharges_and_setup_fees_stay_as_they_were_recorded(desk: Desk) -> None:
    desk.change(setup_fee=dollars(0, 5))
    card = desk.card()
    call = desk.called(card, (WARSAW, 60))
    assert desk.charged(call) == usd(650_000)
    desk.change(setup_fee=dollars(1))
    desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    assert desk.charged(call) == usd(350_000)
    assert desk.books() == {"Income:Calls": -300_000, "Income:Fees:Setup": -50_000}


def test_what_an_access_number_added_stays_in_the_price(desk: Desk) -> None:
    desk.access_numbers.add(
        "18005550177", AccessTerms(surcharge=usd(30_000), surcharge_per_minute=usd(20_000))
    )
    card = desk.card()
    call = desk.call(ALICE, access_number="18005550177")
    desk.login(call, card)
    desk.dialling.dial(call, WARSAW)
    desk.settlement.record_leg(desk.leg(call, 60))
    assert desk.charged(call) == usd(650_000)
    desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    assert desk.charged(call) == usd(350_000)
    assert desk.books() == {"Income:Calls": -300_000, "Income:Surcharges": -50_000}


def test_prices_that_were_published_later_for_that_time_count(desk: Desk) -> None:
    call = desk.called(desk.card(), (WARSAW, 60))
    tariff_id = kinds.tariff_id("retail")

    def published(version: int, sheet_id: UUID, since: datetime) -> TariffPublished:
        return TariffPublished(version, sheet_id, since, 1, "digest", "ann")

    def record(*facts: object) -> None:
        desk.units.run(
            lambda unit: unit.record(kinds.TARIFFS, tariff_id, facts),  # type: ignore[arg-type]
            writes=(tariff_id,),
        )

    pricing = desk.corrections.published_since()
    record(TariffCreated("retail", "USD"), published(1, DEAR, NOON - timedelta(days=9)))
    assert desk.previewed(pricing=pricing) == [], "it is dearer, and more is not asked for"
    record(published(2, CHEAP, NOON - timedelta(days=1)), published(3, DEAR, NOON + timedelta(1)))
    desk.corrections.run("CORR-1", ALL, pricing, "ann", "the carrier told us late")
    assert desk.charged(call) == usd(300_000)


def test_a_second_person_agrees_to_the_prices_of_that_moment() -> None:
    desk = Desk(CORRECTION)
    call = desk.called(desk.card(), (WARSAW, 60))
    tariff_id = kinds.tariff_id("retail")

    def publishes(*facts: TariffCreated | TariffPublished) -> None:
        desk.units.run(
            lambda unit: unit.record(kinds.TARIFFS, tariff_id, facts), writes=(tariff_id,)
        )

    def version(number: int, sheet_id: UUID) -> TariffPublished:
        return TariffPublished(number, sheet_id, NOON - timedelta(days=9), 1, "digest", "ann")

    publishes(TariffCreated("retail", "USD"), version(1, DEAR))
    pricing = desk.corrections.published_since()
    desk.clock.pass_by(hours=1)
    with pytest.raises(ApprovalNeeded) as needed:
        desk.corrections.run("CORR-1", ALL, pricing, "ann", "late")
    approval_id = UUID(needed.value.approval_id)
    desk.clock.pass_by(hours=1)
    desk.approvals.approve(approval_id, "bob")
    publishes(version(2, CHEAP))
    desk.corrections.run("CORR-1", ALL, pricing, "ann", "late", approval_id=approval_id)
    assert desk.charged(call) == usd(600_000), "what was published behind bob's back counts not"


def test_a_card_that_was_empty_is_active_again(desk: Desk) -> None:
    desk.change(face_value=usd(600_000))
    card = desk.card()
    desk.called(card, (WARSAW, 60))
    assert desk.card_state(card).status is Status.EMPTY
    desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    assert desk.card_state(card).status is Status.ACTIVE
    assert desk.account(card).available == usd(300_000)
    desk.corrections.run("CORR-2", ALL, TRIPLE, "ann", "too cheap")
    assert desk.card_state(card).status is Status.EMPTY


def test_what_goes_back_to_a_void_card_is_told_and_falls_to_the_operator(desk: Desk) -> None:
    card = desk.card()
    call = desk.called(card, (WARSAW, 60))
    desk.admin.change_status(card.card_id, Status.VOID, "ann", "stolen")
    desk.breakage.run()
    (line,) = desk.previewed()
    assert line.forfeits == "void"
    outcome = desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    assert outcome.unspendable == outcome.given_back == (usd(300_000),)
    assert desk.refunds.refund(call.reference, 1, usd(1), KEY, "ann", "line").forfeits == "void"
    assert desk.account(card).available == usd(300_001)
    desk.breakage.run()
    assert desk.account(card).balance == usd(0)
    assert desk.books() == {"Income:Calls": -299_999, "Income:Breakage": -9_700_001}


# Refunds


def test_a_refund_gives_back_once_and_tells_what_is_left(desk: Desk) -> None:
    card = desk.card()
    call = desk.called(card, (WARSAW, 60))
    for _ in range(2):
        told = desk.refunds.refund(call.reference, None, usd(200_000), KEY, "ann", "bad line")
        assert (told.attempt, told.amount, told.charge) == (1, usd(200_000), usd(400_000))
        assert told.available == dollars(10) - usd(400_000)
    assert len(desk.facts_of(call, AttemptRefunded)) == 1
    with pytest.raises(AlreadyExists):
        desk.refunds.refund(call.reference, 1, usd(1), KEY, "ann", "bad line")


def test_an_id_that_gave_back_once_gives_nothing_back_of_another_attempt(desk: Desk) -> None:
    call = desk.caller(desk.card(), ALICE)
    desk.dialling.dial(call, WARSAW)
    desk.settlement.record_leg(desk.leg(call, 60, 1))
    first = desk.refunds.refund(call.reference, None, None, KEY, "ann", "cut off")
    desk.dialling.dial(call, ROME)
    desk.settlement.record_leg(desk.leg(call, 30, 2))
    assert desk.charged(call, 2) == usd(300_000)
    again = desk.refunds.refund(call.reference, None, None, KEY, "ann", "cut off")
    assert (again.attempt, again.amount) == (1, first.amount)
    with pytest.raises(AlreadyExists, match="attempt 1"):
        desk.refunds.refund(call.reference, 2, None, KEY, "ann", "cut off")
    assert desk.charged(call, 2) == usd(300_000)


def test_all_of_an_attempt_is_given_back_and_asked_again_it_is_the_same(desk: Desk) -> None:
    call = desk.called(desk.card(), (WARSAW, 60), (ROME, 30))
    for _ in range(2):
        told = desk.refunds.refund(call.reference, 2, None, KEY, "ann", "bad line")
        assert (told.amount, told.charge) == (usd(300_000), usd(0))
    assert desk.books() == {"Income:Calls": -600_000}


def test_which_attempt_has_to_be_said_unless_one_alone_is_charged(desk: Desk) -> None:
    call = desk.called(desk.card(), (WARSAW, 60), (ROME, 30))
    with pytest.raises(SettingNotAllowed, match="one of 1, 2"):
        desk.refunds.refund(call.reference, None, None, KEY, "ann", "bad line")
    with pytest.raises(SettingNotAllowed, match="one of 1, 2"):
        desk.refunds.refund(call.reference, 3, None, KEY, "ann", "bad line")
    desk.refunds.refund(call.reference, 1, None, KEY, "ann", "bad line")
    other = UUID(int=78)
    assert desk.refunds.refund(call.reference, None, None, other, "ann", "too").attempt == 2
    with pytest.raises(SettingNotAllowed, match="none is"):
        desk.refunds.refund(call.reference, None, None, UUID(int=79), "ann", "more")


def test_a_second_person_agrees_where_the_settings_say_so() -> None:
    desk = Desk(CORRECTION)
    desk.dialling = changed(desk.dialling, prices=Shop().prices)
    card = desk.card()
    call = desk.called(card, (WARSAW, 60))
    with pytest.raises(ApprovalNeeded) as needed:
        desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet")
    approval_id = UUID(needed.value.approval_id)
    with pytest.raises(ApprovalNotUsable):
        desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet", approval_id=approval_id)
    desk.approvals.approve(approval_id, "bob")
    with pytest.raises(ApprovalNotUsable):
        desk.corrections.run("CORR-1", ALL, TRIPLE, "ann", "wrong", approval_id=approval_id)
    desk.corrections.run("CORR-1", ALL, HALF, "ann", "wrong sheet", approval_id=approval_id)
    assert desk.charged(call) == usd(300_000)
    with pytest.raises(ApprovalNeeded) as needed:
        desk.refunds.refund(call.reference, 1, usd(100_000), KEY, "ann", "bad line")
    approval_id = UUID(needed.value.approval_id)
    desk.approvals.approve(approval_id, "bob")
    for number in range(3):
        told = desk.refunds.refund(
            call.reference, 1, usd(100_000), UUID(int=number), "ann", "bad line", approval_id
        )
        assert told.charge == usd(200_000), "an approval is for one refund"


@examples(60)
@forall(
    st.lists(
        st.tuples(st.sampled_from(["half", "triple", "part", "all", "call"]), st.integers(0, 5)),
        max_size=10,
    )
)
def test_in_any_order_and_repetition_the_money_agrees_everywhere(
    script: list[tuple[str, int]],
) -> None:
    desk = Desk()
    desk.dialling = changed(desk.dialling, prices=Shop().prices)
    card = desk.card()
    call = desk.called(card, (WARSAW, 60), (ROME, 30))
    for what, number in script:
        try:
            match what:
                case "half":
                    desk.corrections.run(f"half {number}", ALL, HALF, "ann", "w")
                case "triple":
                    desk.corrections.run(f"triple {number}", ALL, TRIPLE, "ann", "w")
                case "call":
                    one = Selected(reference=call.reference, prefix="39")
                    desk.corrections.run(f"call {number}", one, HALF, "ann", "w")
                case _:
                    amount = None if what == "all" else usd(70_000 * (number + 1))
                    key = UUID(int=number)
                    attempt = 1 + number % 2
                    desk.refunds.refund(call.reference, attempt, amount, key, "ann", "w")
        except (SettingNotAllowed, AlreadyExists):
            continue
    session, account = desk.session(call), desk.account(card)
    charged = sum(each.charge.micros for each in session.settled.values())
    assert account.balance.micros + charged == dollars(10).micros
    assert all(each.charge.micros >= 0 for each in session.settled.values())
    assert sum(desk.books().values()) == -charged


def test_the_whole_of_a_history_can_be_priced_again_and_back() -> None:
    stories = Stories()
    stories.play_at_random(11, 150)
    corrections = stories.corrector.corrections
    corrections.run("down", ALL, HALF, "ann", "w")
    outcome = corrections.run("down again", ALL, HALF, "ann", "w")
    assert outcome.attempts == 0, "what is corrected is not corrected again"
    Bookkeeper(stories.shop.units).check_all()


def test_a_day_begins_and_ends_where_it_should(desk: Desk) -> None:
    desk.called(desk.card(), (WARSAW, 60))
    began = datetime.fromtimestamp(1_763_765_001, UTC)
    second = timedelta(seconds=1)
    assert len(desk.previewed(Selected(began, began + second))) == 1
    assert desk.previewed(Selected(began - second, began)) == []
    assert desk.previewed(Selected(began + second, began + 2 * second)) == []
