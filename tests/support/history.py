"""Histories of a card business that follow from a list of numbers, with everything money can do."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from attrs import evolve as changed

from application.breakage import Breakage
from application.calling import Call
from application.exchange import ExchangeRates
from application.margins import MarginGuard
from application.ports import Route
from domain.cards import Status
from domain.errors import Refused
from domain.rating import RateTerms
from tests.support.breakage import LeftOver
from tests.support.corrections import Corrector, MemoryCalls
from tests.support.shop import Shop
from tests.support.story import ALICE, BOB, ROME, WARSAW, PrintedCard, dollars, usd

PRICE = RateTerms(
    "USD", 600_000, connect_fee=50_000, disconnect_fee=7, initial_block=30, increment=6
)


class Routed:
    """Two routes to everywhere, of a provider that bills in euros, and of one without rates."""

    def to(self, number: str) -> Sequence[Route]:
        digits = number.removeprefix("+")
        cheap = Route("acme1", digits, "acme", RateTerms("EUR", 40_000, increment=6))
        return [cheap, Route("bravo1", digits, "bravo")]


class Stories:
    """Every number of a script decides what is done and how; what is refused is refused."""

    def __init__(self) -> None:
        self.shop = shop = Shop(
            setup_fee=dollars(0, 5), simultaneous_calls=3, most_held=dollars(2), valid_days=3
        )
        shop.prices.by_prefix[""] = PRICE
        shop.prices.by_prefix["39"] = changed(PRICE, minimum_charge=900_000, grace_seconds=4)
        shop.dialling = changed(
            shop.dialling,
            routes=Routed(),
            margins=MarginGuard(ExchangeRates({("EUR", "USD"): 1_100_000})),
        )
        shop.group("Tin", deny_double_use=True)
        self.breakage = Breakage(shop.bulk, LeftOver(shop.units), shop.clock)
        self.corrector = Corrector(
            shop.units, shop.bulk, MemoryCalls(shop.units), shop.approvals, shop.clock
        )
        self.cards: list[PrintedCard] = []
        self.calls: list[Call] = []
        self._ids = itertools.count(1_000)
        self._does: Sequence[Callable[[int], object]] = (
            self.sells,
            self.changes,
            self.tops_up,
            self.adjusts,
            self.calls_in,
            self.calls_in,
            self.keys_star_32,
            self.dials,
            self.dials,
            self.talks,
            self.talks,
            self.is_seen,
            self.nobody_answers,
            self.leaves,
            self.passes,
            self.pays_a_fee,
            self.expires,
            self.takes_what_is_left,
            self.sweeps,
            self.is_sold,
            self.is_refunded,
            self.is_rerated,
            self.is_rerated,
        )

    def play(self, script: Sequence[int]) -> None:
        if not self.cards:
            self.sells(0)
            self.calls_in(0)
        for step in script:
            what, how = step % len(self._does), step // len(self._does)
            try:
                self._does[what](how)
            except Refused:
                continue

    def play_at_random(self, seed: int, steps: int) -> None:
        """A script that follows from a number: longer ones than a generator of examples likes."""
        chance = random.Random(seed)
        self.play([chance.randrange(1_000_000) for _ in range(steps)])

    def sells(self, how: int) -> None:
        group = ("Gold", "Tin")[how % 2]
        make = self.shop.new_card if how % 5 == 4 else self.shop.card
        self.cards.append(make(group))

    def is_sold(self, how: int) -> None:
        cards = self.shop.changes.card(self._card(how).number)
        self.shop.changes.sell(cards, "ann", "shop", back=how % 3 == 2)

    def is_refunded(self, how: int) -> None:
        self.corrector.refunds_a_part(self._call(how), how)

    def is_rerated(self, how: int) -> None:
        self.corrector.rerates(self._call(how), how)

    def changes(self, how: int) -> None:
        status = list(Status)[how % len(Status)]
        self.shop.admin.change_status(self._card(how).card_id, status, "ann", "history")

    def tops_up(self, how: int) -> None:
        self.shop.top_up(self._card(how), dollars(1 + how % 7))

    def adjusts(self, how: int) -> None:
        adjustment_id = UUID(int=next(self._ids))
        amount = usd(how % 4_000_003 - 3_000_000)
        card_id = self._card(how).card_id
        self.shop.changes.adjust_balance(card_id, adjustment_id, amount, "ann", "history")

    def calls_in(self, how: int) -> None:
        call = self.shop.call((ALICE, BOB, None)[how % 3])
        self.calls.append(call)
        if self.shop.calls.login_by_caller_id(call) is None:
            keyed = {"pin": "00000000"} if how % 11 == 7 else {}
            self.shop.login(call, self._card(how), **keyed)

    def keys_star_32(self, how: int) -> None:
        call = self._call(how)
        if call.payer is not None:
            self.shop.bindings.toggle(call, call.payer)

    def dials(self, how: int) -> None:
        call = self._call(how)
        if call.payer is not None:
            self.shop.dialling.dial(call, (WARSAW, ROME)[how % 2])

    def talks(self, how: int) -> None:
        dialled = [call for call in self.calls if call.attempts]
        if not dialled:
            return
        call = dialled[how % len(dialled)]
        seconds = (0, 3, 65, 400.5, 9_000, None)[how % 6]
        attempt = call.attempts if how % 5 else 1
        leg = self.shop.leg(call, seconds, attempt, 1 + how % 2)
        self.shop.settlement.record_leg(leg)

    def is_seen(self, how: int) -> None:
        call = self._call(how)
        now = int(self.shop.clock.now().timestamp() * 1000)
        attempt = max(call.attempts, 1)
        self.shop.settlement.seen_alive(call.reference, attempt, now, how % 90)

    def nobody_answers(self, how: int) -> None:
        call = self._call(how)
        self.shop.settlement.not_connected(call.reference, max(call.attempts, 1), 17)

    def leaves(self, how: int) -> None:
        call = self._call(how)
        if how % 2:
            self.shop.calls.end(call, "caller left")
        else:
            self.shop.settlement.call_ended(call.reference)

    def passes(self, how: int) -> None:
        self.shop.clock.pass_by(seconds=how % 90_000, milliseconds=how % 1_000)
        self.sweeps(how)

    def pays_a_fee(self, how: int) -> None:
        card = self._card(how)
        if self.shop.card_state(card).activated:
            self.shop.daily_fee(card, self.shop.clock.now(), dollars(0, how % 50))

    def expires(self, how: int) -> None:
        end = self.shop.clock.now() + timedelta(hours=how % 9 - 4) if how % 3 else None
        self.shop.change(("Gold", "Tin")[how % 2], expires_on=end)

    def takes_what_is_left(self, _: int) -> None:
        self.breakage.run()

    def sweeps(self, _: int) -> None:
        for call in self.calls:
            self.shop.settlement.give_up_waiting(call.session_id)

    def _card(self, how: int) -> PrintedCard:
        return self.cards[how % len(self.cards)]

    def _call(self, how: int) -> Call:
        return self.calls[how % len(self.calls)]
