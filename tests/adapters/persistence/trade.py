"""A trade with all that reports tell of: lots, distributors, routes with costs, bad logins."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from adapters.persistence.bulk import LedgerBulkAppends
from adapters.persistence.correction_views import LedgerCallPages
from adapters.persistence.lot_views import LedgerLotViews
from adapters.persistence.report_views import LedgerReportViews
from application import kinds
from application.administration import Chance
from application.approvals import Approvals
from application.calling import Call
from application.card_changes import CardChanges
from application.dialling import Dialling
from application.distribution import Distributors
from application.exchange import ExchangeRates
from application.lots import Lots
from application.margins import MarginGuard
from application.ports import Route
from application.settlement import PaidBy
from domain.access_numbers import AccessTerms
from domain.distributors import NumberRange
from domain.lots import Numbering
from domain.money import MINUTES, Money
from domain.rating import RateTerms, talk_minutes
from tests.adapters.persistence.product import History, Product, mapper
from tests.support.corrections import Corrector
from tests.support.shop import Drawer, Envelopes
from tests.support.story import ALICE, BOB, ROME, WARSAW, PrintedCard, dollars

OTHER_ACCESS = "18005550177"
EURO = RateTerms("EUR", 60_000)
DOLLAR = RateTerms("USD", 45_000, connect_fee=10_000)
YEN = RateTerms("JPY", 9_000_000)
WAYS = (
    Route("acme1", "1", "acme", EURO),
    Route("bell1", "2", "bell", DOLLAR),
    Route("nippon", "3", "tokyo", YEN),
    Route("bare", "4"),
)
"""A cost in another unit, in the own one, in one that nothing converts, and none."""


class ManyRoutes:
    """The port ``Routes``: so many ways, from this one on."""

    def __init__(self) -> None:
        self.first, self.count = 0, 1

    def to(self, number: str) -> Sequence[Route]:
        ways = WAYS[self.first :] + WAYS[: self.first]
        return ways[: self.count]


class Trade(History):
    """A history of a card business. Groups differ in unit and in what they announce."""

    def __init__(self, product: Product) -> None:
        super().__init__(product)
        recorder, units, clock = product.recorder, product.ledger, product.clock
        product.change("Tin", ghost_percent=130)
        product.group("Mute", say_time=False, simultaneous_calls=5, most_held=dollars(1))
        product.group(
            "Minutes", unit=MINUTES, face_value=Money(90_000_000, MINUTES), ghost_percent=80
        )
        product.access_numbers.add(OTHER_ACCESS, AccessTerms(surcharge=dollars(0, 3)))
        self.group_names = ("Gold", "Tin", "Mute", "Minutes")
        self.ways = ManyRoutes()
        guard = MarginGuard(ExchangeRates({("EUR", "USD"): 1_100_000}))
        product.dialling = Dialling(units, product.prices, self.ways, clock, margins=guard)
        chance = Chance(product.random.randrange, product.random.randbytes)
        bulk = LedgerBulkAppends(recorder, mapper(), clock)
        views = LedgerLotViews(recorder)
        approvals = Approvals(units, clock, chance, frozenset())
        pins, seals = product.pins, Envelopes()
        self.lots = Lots(units, bulk, pins, seals, Drawer(), clock, chance, approvals, chunk=3)
        self.changes_of_many = CardChanges(units, bulk, self.lots, views, approvals, chunk=2)
        self.distributors = Distributors(units, views)
        self.reports = LedgerReportViews(recorder, mapper(), product.persons)
        self.adjustments = 0
        calls = LedgerCallPages(recorder)
        self.corrector = Corrector(units, bulk, calls, approvals, clock)
        for name in ("Kiosk", "Petrol"):
            self.distributors.add(name, "ann")
        self._does = (
            *self._does,
            self.dials,
            self.talks,
            self.fails_over,
            self.fails_over,
            self.is_cut_off,
            self.gives_up,
            self.mistypes,
            self.orders_a_lot,
            self.sells_many,
            self.takes_back,
            self.gives_cards_to,
            self.takes_cards_from,
            self.adjusts,
            self.sleeps,
            self.is_refunded,
            self.is_rerated,
        )

    # The same as in any history, in more groups, units and routes.

    def sells(self, how: int) -> None:
        self.cards.append(self.product.card(self._group(how)))

    def prints(self, how: int) -> None:
        self.cards.append(self.product.new_card(self._group(how)))

    def tops_up(self, how: int) -> None:
        unit = self.product.card_state(self._card(how)).face_value.unit
        self.product.top_up(self._card(how), Money((1 + how % 7) * 1_000_000, unit))

    def calls_in(self, how: int) -> None:
        access = ("18005550100", OTHER_ACCESS)[how % 5 == 1]
        call = self.product.call((ALICE, BOB, None)[how % 3], access_number=access)
        self.calls.append(call)
        if self.product.calls.login_by_caller_id(call) is None:
            self.product.login(call, self._card(how))

    def dials(self, how: int) -> None:
        call = self._call(how)
        if call.payer is None:
            return
        minutes = call.payer.terms.unit == MINUTES
        self.product.prices.by_prefix[""] = (
            talk_minutes() if minutes else RateTerms("USD", 600_000 + how % 5 * 1_000)
        )
        self.ways.first, self.ways.count = how % 4, 1 + how % 3
        self.product.dialling.dial(call, (WARSAW, ROME, "48600316058")[how % 3])

    def pays_a_fee(self, how: int) -> None:
        if self.product.card_state(self._card(how)).face_value.unit != MINUTES:
            super().pays_a_fee(how)

    # What only reports care for.

    def fails_over(self, how: int) -> None:
        """The first legs fail; the last one answers, or the conversation gives up."""
        call, attempt = self._open(how)
        last = 1 + how % 3
        for leg in range(1, last):
            record = self.product.leg(call, None, attempt, leg, cause=34)
            self.product.settlement.record_leg(record)
        if how % 2:
            leg_record = self.product.leg(call, how % 300, attempt, last)
            self.product.settlement.record_leg(leg_record, paid_by=self._paid_by(call))
        else:
            self.product.settlement.not_connected(call.reference, attempt, 34, leg=last)

    def is_cut_off(self, how: int) -> None:
        call, attempt = self._open(how)
        cause = (16, 27, 38, 41, 127, 31, None)[how % 7]
        record = self.product.leg(call, how % 200, attempt, cause=cause)
        self.product.settlement.record_leg(record)

    def gives_up(self, how: int) -> None:
        call = self._call(how)
        self.product.clock.pass_by(hours=how % 4)
        self.product.settlement.give_up_waiting(call.session_id)

    def mistypes(self, how: int) -> None:
        call = self.product.call((ALICE, BOB, None)[how % 3])
        card = self._card(how)
        keyed: dict[str, str] = {"number": "0000000000"} if how % 2 else {"pin": "00000000"}
        self.product.login(call, card, **keyed)

    def orders_a_lot(self, how: int) -> None:
        name = f"lot {how % 3}"
        numbering = (
            Numbering("4711000000")
            if how % 3 == 0
            else Numbering("", str(how % 3), "07", 1, 3, 4, 3)
        )
        length = numbering.length
        if length != 10:
            numbering = Numbering("", str(how % 3), "0007", 1, 3, 3, 2)
        lot_id = self.lots.order(name, self._group(how), numbering, 5, "age1key", "ann", "sale")
        self.lots.generate(lot_id)
        for place in range(5):
            card_id = kinds.card_id_of_lot(lot_id, place)
            if how % 2:
                self.product.admin.issue_card(card_id, "ann", "sold")
            number = self.product.admin.card(card_id).number
            self.cards.append(PrintedCard(card_id, number, "unknown"))

    def sells_many(self, how: int) -> None:
        lot = self.changes_of_many.lot(f"lot {how % 3}")
        card = self.changes_of_many.card(self._card(how).number)
        self.changes_of_many.sell(lot if how % 2 else card, "ann", "shop")

    def takes_back(self, how: int) -> None:
        card = self.changes_of_many.card(self._card(how).number)
        self.changes_of_many.sell(card, "ann", "unsold", back=True)

    def gives_cards_to(self, how: int) -> None:
        self.distributors.assign(*self._share(how), "ann", "for sale")

    def takes_cards_from(self, how: int) -> None:
        self.distributors.take_back(*self._share(how), "ann", "returned")

    def adjusts(self, how: int) -> None:
        card = self._card(how)
        unit = self.product.card_state(card).face_value.unit
        self.adjustments += 1
        amount = Money((how % 9 - 4) * 1_000_000, unit)
        self.changes_of_many.adjust_balance(
            card.card_id, UUID(int=1 << 64 | self.adjustments), amount, "ann", "a mistake"
        )

    def is_refunded(self, how: int) -> None:
        self.corrector.refunds_a_part(self._call(how), how)

    def is_rerated(self, how: int) -> None:
        self.corrector.rerates(self._call(how), how)

    def sleeps(self, how: int) -> None:
        self.product.clock.pass_by(minutes=how % 4_000)

    def _share(self, how: int) -> tuple[str, NumberRange]:
        numbers = sorted(self._card(each).number for each in (how, how // 3))
        return ("Kiosk", "Petrol")[how % 2], NumberRange(numbers[0], numbers[-1])

    def _open(self, how: int) -> tuple[Call, int]:
        """An attempt that was just started."""
        self.dials(how)
        call = self._call(how)
        return call, max(call.attempts, 1)

    @staticmethod
    def _paid_by(call: Call) -> PaidBy | None:
        payer = call.payer
        return PaidBy(payer.account_id, payer.card_id) if payer else None

    def _group(self, how: int) -> str:
        return self.group_names[how % len(self.group_names)]
