"""Whatever happens to a card, in whatever order and however often, its money adds up.

A machine lets callers dial in parallel while top-ups and fees arrive, and brings leg records late,
shuffled and twice. Beside it runs a naive model in plain numbers, with a price of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import define, field
from attrs import evolve as changed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from application import kinds
from application.approvals import Approvals
from application.breakage import Breakage
from application.calling import Call
from application.dialling import Grant
from application.legs import LegRecord
from application.refunds import Refunds
from domain.accounts import (
    BalanceForfeited,
    ChargeCorrected,
    DailyFeeCharged,
    FundsAdded,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
)
from domain.call_sessions import AttemptSettled, AttemptStarted, SettlementDisputed
from domain.cards import Status
from domain.errors import (
    AlreadyExists,
    CallEndedAlready,
    CardNotUsable,
    InsufficientFunds,
    Refused,
    SettingNotAllowed,
    TooManyCalls,
)
from domain.rating import RateTerms, charge
from tests.support.bookkeeping import Bookkeeper
from tests.support.breakage import LeftOver
from tests.support.bulk import MemoryBulkAppends
from tests.support.corrections import MemoryCalls
from tests.support.examples import examples
from tests.support.story import ROME, WARSAW, Story, usd

MOST_CALLS = 3
HANOI = "842412345678"

prices = st.builds(
    RateTerms,
    st.just("USD"),
    st.sampled_from([100_000, 599_999, 2_000_000, 0]),
    connect_fee=st.sampled_from([0, 50_000]),
    initial_block=st.sampled_from([1, 6, 30, 60]),
    increment=st.sampled_from([1, 6, 60]),
    disconnect_fee=st.sampled_from([0, 7]),
    minimum_duration=st.sampled_from([0, 45]),
    minimum_charge=st.sampled_from([0, 333_333]),
    grace_seconds=st.sampled_from([0, 0, 5]),
)
anyone = st.integers(0, 99)
numbers = st.sampled_from([WARSAW, ROME, HANOI])
talked_ms = st.sampled_from([61_000, 30_001, 5_500, 1_000, 400_000, 0, None])


def naive_price(terms: RateTerms, seconds: int, setup_due: bool) -> int:
    """Counted block by block, as a clerk would."""
    if seconds <= terms.grace_seconds:
        return 0
    billed = terms.initial_block
    while billed < max(seconds, terms.minimum_duration):
        billed += terms.increment
    talk, rest = divmod(billed * terms.per_minute, 60)
    price = terms.connect_fee + talk + (1 if rest else 0) + terms.disconnect_fee
    return max(price, terms.minimum_charge) + (terms.setup_fee if setup_due else 0)


@define
class Tried:
    """What the model knows of one attempt."""

    started: AttemptStarted
    seen: int = 0
    settled: int | None = None
    disputed: bool = False
    charge: int = 0
    refunds: dict[int, int] = field(factory=dict)


@define
class Model:
    """The card in plain numbers."""

    added: dict[UUID, int] = field(factory=dict)
    fees: dict[date, int] = field(factory=dict)
    forfeited: int = 0
    expires_on: datetime | None = None
    charged: int = 0
    tried: dict[tuple[int, int], Tried] = field(factory=dict)
    ended: set[int] = field(factory=set)
    used: bool = False

    @property
    def open(self) -> dict[tuple[int, int], Tried]:
        return {key: tried for key, tried in self.tried.items() if tried.settled is None}

    @property
    def held(self) -> int:
        return sum(tried.started.held.micros for tried in self.open.values())

    @property
    def balance(self) -> int:
        return sum(self.added.values()) - self.charged - sum(self.fees.values()) - self.forfeited

    @property
    def available(self) -> int:
        return self.balance - self.held

    def settle(self, key: tuple[int, int], answered: bool, seconds: int) -> None:
        tried = self.tried[key]
        seconds = min(seconds, tried.started.limit_seconds)
        if tried.settled is not None:
            if answered and abs(tried.settled - seconds) > 1:
                tried.disputed = True
            return
        tried.settled = seconds
        if answered and seconds > tried.started.terms.grace_seconds:
            tried.charge = naive_price(tried.started.terms, seconds, not self.used)
            self.charged += tried.charge
            self.used = True


class OneCardManyCalls(RuleBasedStateMachine):
    """One card that may be used on three calls at once."""

    @initialize(
        price=prices,
        setup=st.sampled_from([0, 500_000]),
        face=st.sampled_from([20_000_000, 6_000_001, 1_500_000, 0]),
        longest=st.sampled_from([30, 120, 600]),
        most_held=st.sampled_from([2_000_000, 700_000, None]),
    )
    def begins(
        self, price: RateTerms, setup: int, face: int, longest: int, most_held: int | None
    ) -> None:
        self.story = Story(price=price)
        self.card = self.story.card(
            self.story.group(
                face_value=usd(face),
                setup_fee=usd(setup),
                longest_call=longest,
                most_held=None if most_held is None else usd(most_held),
                simultaneous_calls=MOST_CALLS,
            )
        )
        self.account_id = kinds.account_id_of_card(self.card.card_id)
        self.model = Model()
        self.keeper = Bookkeeper(self.story.units)
        if face:
            self.model.added[kinds.face_value_id_of_card(self.card.card_id)] = face
        self.most_held = most_held
        self.calls = [self.story.caller(self.card, None) for _ in range(MOST_CALLS)]
        self.records: list[tuple[tuple[int, int], LegRecord]] = []

    # Callers

    @precondition(lambda self: len(self.calls) < 8 and not self._expired)
    @rule()
    def somebody_calls(self) -> None:
        self.calls.append(self.story.caller(self.card, None))

    @rule(who=anyone, to=numbers, between=st.booleans())
    def dials(self, who: int, to: str, between: bool) -> None:
        number = who % len(self.calls)
        call = self.calls[number]
        if between and self.records:
            self._between(lambda: self._brings(who))
        grant = self._dial(call, to)
        self._alone()
        if isinstance(grant, TooManyCalls):
            assert len(self.model.open) >= MOST_CALLS
            return
        if isinstance(grant, InsufficientFunds):
            limited = self.model.available
            if self.most_held is not None:
                limited = min(limited, self.most_held)
            assert grant.available.micros == limited < grant.needed.micros
            assert len(self.model.open) < MOST_CALLS
            return
        if isinstance(grant, CallEndedAlready):
            assert number in self.model.ended
            return
        if isinstance(grant, CardNotUsable):
            assert self._expired
            return
        assert isinstance(grant, Grant)
        assert not self._expired
        assert number not in self.model.ended
        started = self.story.facts_of(call, AttemptStarted)[-1]
        key = (number, grant.attempt)
        assert started.held.micros <= self.model.available
        worst = naive_price(started.terms, grant.limit_seconds, not self.model.used)
        assert started.held.micros == worst
        assert key not in self.model.tried
        self.model.tried[key] = Tried(started)
        assert len(self.model.open) <= MOST_CALLS
        call.attempts -= 1
        again = self._changes_nothing(lambda: self.story.dialling.dial(call, to))
        assert again == grant

    @rule(who=anyone, to=numbers, talked=talked_ms, ringing=st.integers(0, 60), later=st.booleans())
    def talks(self, who: int, to: str, talked: int | None, ringing: int, later: bool) -> None:
        """Somebody dials, and the record of the leg is brought at once or later."""
        before = len(self.model.tried)
        self.dials(who, to, False)
        if len(self.model.tried) > before:
            self.a_leg_ends(before, talked, ringing, 1)
            if not later:
                self.a_record_is_brought(len(self.records) - 1, None)

    @precondition(lambda self: len(self.calls) > 5)
    @rule(who=anyone)
    def leaves(self, who: int) -> None:
        number = who % len(self.calls)
        self.story.calls.end(self.calls[number], "caller left")
        self.model.ended.add(number)

    # What Asterisk tells

    @precondition(lambda self: self.model.tried)
    @rule(which=anyone, talked=talked_ms, ringing=st.integers(0, 60), leg=st.integers(1, 2))
    def a_leg_ends(self, which: int, talked: int | None, ringing: int, leg: int) -> None:
        """Its record is written, and brought later, or never, or twice."""
        key, tried = self._attempt(which)
        placed = int(tried.started.placed_at.timestamp() * 1000)
        answered = None if talked is None else placed + ringing * 1000
        ended = placed + ringing * 1000 + (talked or 0)
        reference = self.calls[key[0]].reference
        record = LegRecord(reference, key[1], leg, answered, ended, 16, f"1.{which}")
        self.records.append((key, record))

    @precondition(lambda self: self.records)
    @rule(which=anyone, between=st.none() | anyone)
    def a_record_is_brought(self, which: int, between: int | None) -> None:
        if between is not None:
            self._between(lambda: self._brings(between))
        self._brings(which)
        self._alone()
        self._changes_nothing(lambda: self._brings(which))

    @precondition(lambda self: self.model.tried)
    @rule(which=anyone)
    def nobody_answered(self, which: int) -> None:
        key, _ = self._attempt(which)
        reference = self.calls[key[0]].reference

        def tells() -> None:
            self.story.settlement.not_connected(reference, key[1], 17)
            self.model.settle(key, answered=False, seconds=0)

        tells()
        self._changes_nothing(tells)

    @precondition(lambda self: self.model.tried)
    @rule(which=anyone, seconds=st.integers(-5, 700))
    def a_leg_is_seen_alive(self, which: int, seconds: int) -> None:
        key, tried = self._attempt(which)
        answered = int(tried.started.placed_at.timestamp() * 1000)
        reference = self.calls[key[0]].reference

        def tells() -> None:
            self.story.settlement.seen_alive(reference, key[1], answered, seconds)

        tells()
        if tried.settled is None:
            tried.seen = max(tried.seen, min(seconds, tried.started.limit_seconds))
        self._changes_nothing(tells)

    @precondition(lambda self: len(self.calls) > 4)
    @rule(who=anyone)
    def a_call_ends(self, who: int) -> None:
        number = who % len(self.calls)
        open_ones = [key for key in self.model.open if key[0] == number]
        reference = self.calls[number].reference
        assert self.story.settlement.call_ended(reference) == len(open_ones)
        for key in open_ones:
            self.model.settle(key, answered=False, seconds=0)
        self.model.ended.add(number)
        self._changes_nothing(lambda: self.story.settlement.call_ended(reference))

    @rule(seconds=st.sampled_from([1, 60, 200, 900]))
    def the_sweep_passes(self, seconds: int) -> None:
        self.story.clock.pass_by(seconds=seconds)
        now = self.story.clock.now()
        late = {key: one for key, one in self.model.open.items() if one.started.deadline <= now}

        def sweeps() -> int:
            give_up = self.story.settlement.give_up_waiting
            return sum(give_up(call.session_id) for call in self.calls)

        assert sweeps() == len(late)
        for key, tried in sorted(late.items()):
            self.model.settle(key, answered=tried.seen > 0, seconds=tried.seen)
        self._changes_nothing(sweeps)

    # Money from outside, and prices

    @rule(number=st.integers(1, 5), amount=st.integers(1, 2_000_000))
    def a_top_up_arrives(self, number: int, amount: int) -> None:
        top_up_id = UUID(int=number)
        amount = self.model.added.get(top_up_id, amount)

        def arrives() -> None:
            card_id = self.card.card_id
            self.story.admin.top_up_card(card_id, top_up_id, usd(amount), "cash", "ann")

        if self._expired and top_up_id not in self.model.added:
            self._is_refused(arrives, SettingNotAllowed)
            return
        arrives()
        self.model.added[top_up_id] = amount
        self._changes_nothing(arrives)

    @rule(number=st.integers(1, 5), less=st.integers(1, 1000))
    def one_id_is_never_two_top_ups(self, number: int, less: int) -> None:
        top_up_id = UUID(int=number)
        if top_up_id in self.model.added:
            other = usd(self.model.added[top_up_id] + less)
            top_up = self.story.admin.top_up_card
            self._is_refused(lambda: top_up(self.card.card_id, top_up_id, other, "cash", "ann"))

    @rule(day=st.integers(1, 9), fee=st.integers(0, 700_000))
    def a_day_is_charged(self, day: int, fee: int) -> None:
        moment = datetime(2026, 11, day, tzinfo=self.story.clock.now().tzinfo)

        def charges() -> None:
            self.story.daily_fee(self.card, moment, usd(fee))

        expected = min(fee, self.model.available)
        charges()
        if all(moment.date() > charged for charged in self.model.fees):
            self.model.fees[moment.date()] = expected
        self._changes_nothing(charges)

    @rule(price=prices, prefix=st.sampled_from(["", "48", "39"]))
    def prices_change(self, price: RateTerms, prefix: str) -> None:
        self.story.prices.by_prefix[prefix] = price

    @rule(setup=st.sampled_from([0, 250_000]))
    def the_terms_of_the_group_change(self, setup: int) -> None:
        terms = self.story.admin.group("Gold").terms
        self.story.admin.change_group("Gold", changed(terms, setup_fee=usd(setup)), "ann")

    @precondition(lambda self: self.model.tried)
    @rule(which=anyone, number=st.integers(1, 4), micros=st.integers(1, 900_000))
    def a_part_of_a_charge_is_refunded(self, which: int, number: int, micros: int) -> None:
        key, tried = self._attempt(which)
        reference, again = self.calls[key[0]].reference, number in tried.refunds
        micros = tried.refunds.get(number, micros)
        units, clock, chance = self.story.units, self.story.clock, self.story.admin.chance
        approvals = Approvals(units, clock, chance)
        bulk = MemoryBulkAppends(units)
        refunds = Refunds(units, bulk, MemoryCalls(units), approvals, clock)

        def refund() -> None:
            refunds.refund(reference, key[1], usd(micros), UUID(int=number), "ann", "bad line")

        # One id is one refund of a call, whichever of its attempts it is asked of.
        if any(
            number in other.refunds
            for (call, attempt), other in self.model.tried.items()
            if call == key[0] and attempt != key[1]
        ):
            self._is_refused(refund, AlreadyExists)
            return
        if not again and micros > tried.charge:
            self._is_refused(refund, SettingNotAllowed)
            return
        refund()
        if not again:
            tried.refunds[number] = micros
            tried.charge -= micros
            self.model.charged -= micros
        self._changes_nothing(refund)

    # What nobody can spend any more

    @rule(days=st.sampled_from([-1, 1, None]))
    def the_expiry_moves(self, days: int | None) -> None:
        terms = self.story.admin.group("Gold").terms
        end = None if days is None else self.story.clock.now() + timedelta(days=days)
        self.story.admin.change_group("Gold", changed(terms, expires_on=end), "ann")
        self.model.expires_on = end

    @rule(between=st.none() | anyone)
    def what_expired_is_taken(self, between: int | None) -> None:
        bulk = MemoryBulkAppends(self.story.units)
        job = Breakage(bulk, LeftOver(self.story.units), self.story.clock)
        if between is not None and self.records:

            def comes_first() -> None:
                bulk.before_storing = lambda: None
                self._brings(between)

            bulk.before_storing = comes_first
        taken = job.run().amounts.get("USD", 0)
        assert taken == (self.model.available if self._expired else 0)
        self.model.forfeited += taken
        self._changes_nothing(job.run)

    @property
    def _expired(self) -> bool:
        end = self.model.expires_on
        return end is not None and end <= self.story.clock.now()

    # What is always true

    @invariant()
    def the_account_is_what_the_model_counts(self) -> None:
        account = self.story.account(self.card)
        assert account.balance.micros == self.model.balance
        assert account.held.micros == self.model.held
        assert account.available.micros == self.model.available >= 0
        assert account.held.micros == sum(each.micros for each in account.holds.values())
        assert len(account.holds) <= MOST_CALLS

    @invariant()
    def the_account_is_its_facts_and_their_postings(self) -> None:
        added = charged = fees = forfeited = 0
        holds: dict[UUID, int] = {}
        placed: Counter[UUID] = Counter()
        for fact in self.story.units.facts(self.account_id):
            match fact:
                case FundsAdded(_, amount):
                    added += amount.micros
                case HoldPlaced(hold_id, amount):
                    placed[hold_id] += 1
                    holds[hold_id] = amount.micros
                case HoldCaptured(hold_id, cost):
                    assert 0 < cost.micros <= holds.pop(hold_id)
                    charged += cost.micros
                case HoldReleased(hold_id):
                    holds.pop(hold_id)
                case ChargeCorrected(_, _, before, after):
                    assert 0 <= after.micros < before.micros
                    charged -= before.micros - after.micros
                case DailyFeeCharged(_, amount):
                    fees += amount.micros
                case BalanceForfeited(amount):
                    forfeited += amount.micros
        account = self.story.account(self.card)
        assert account.balance.micros == added - charged - fees - forfeited
        assert {each: held.micros for each, held in account.holds.items()} == holds
        assert set(placed.values()) <= {1}
        self.keeper.catch_up()
        self.keeper.check(self.account_id, account)
        told = self.keeper.sums()
        revenue = sum(micros for name, micros in told.items() if name.startswith("Income:"))
        assert -revenue == charged + fees + forfeited
        assert told.get("Income:Fees:Daily", 0) == -fees
        assert told.get("Income:Breakage", 0) == -forfeited
        assert sum(told.values()) == 0

    @invariant()
    def sessions_and_account_tell_of_the_same_holds(self) -> None:
        holds = {
            attempt.started.hold_id: attempt.started.held
            for call in self.calls
            for attempt in self.story.session(call).attempts.values()
        }
        assert holds == self.story.account(self.card).holds

    @invariant()
    def every_charge_can_be_made_again_from_what_is_recorded(self) -> None:
        captured = {
            fact.hold_id: fact.charge
            for fact in self.story.units.facts(self.account_id)
            if isinstance(fact, HoldCaptured)
        }
        setup_fees = 0
        for number, call in enumerate(self.calls):
            started = {each.number: each for each in self.story.facts_of(call, AttemptStarted)}
            settled = self.story.facts_of(call, AttemptSettled)
            assert len({each.number for each in settled}) == len(settled)
            disputed = [each.number for each in self.story.facts_of(call, SettlementDisputed)]
            assert len(disputed) == len(set(disputed))
            for fact in settled:
                before = started[fact.number]
                again = usd(0)
                if fact.answered_at is not None:
                    price = charge(
                        before.terms, fact.answered_at, fact.seconds, setup_due=fact.setup_due
                    )
                    again = min(price.total, before.held)
                    setup_fees += any(line.what == "setup fee" for line in price.lines)
                assert fact.charge == again == captured.get(before.hold_id, usd(0))
                assert fact.seconds <= before.limit_seconds
                tried = self.model.tried[number, fact.number]
                assert (fact.seconds, fact.number in disputed) == (tried.settled, tried.disputed)
        assert setup_fees <= 1

    @invariant()
    def the_card_knows_whether_it_was_used_and_is_empty(self) -> None:
        card = self.story.card_state(self.card)
        assert (card.first_used_at is not None) == self.model.used
        if card.status is Status.EMPTY:
            assert self.model.balance == 0
        if card.status is Status.USED:
            assert self.model.used

    # How it is done

    def _attempt(self, which: int) -> tuple[tuple[int, int], Tried]:
        attempts = list(self.model.tried.items())
        return attempts[which % len(attempts)]

    def _brings(self, which: int) -> None:
        key, record = self.records[which % len(self.records)]
        self.story.settlement.record_leg(record)
        if record.answered_ms is not None:
            self.model.settle(key, answered=True, seconds=-(-record.talked_ms // 1000))

    def _dial(self, call: Call, to: str) -> Grant | Refused:
        try:
            return self.story.dialling.dial(call, to)
        except Refused as refusal:
            return refusal

    def _between(self, does: Callable[[], None]) -> None:
        self.story.come_between(does)

    def _alone(self) -> None:
        self.story.units.before_storing = lambda: None

    def _changes_nothing(self, asks: Callable[[], Any]) -> Any:
        before = len(self.story.units.log())
        answer = asks()
        assert len(self.story.units.log()) == before
        return answer

    def _is_refused(self, asks: Callable[[], Any], kind: type[Refused] = Refused) -> None:
        before = len(self.story.units.log())
        try:
            asks()
        except kind:
            assert len(self.story.units.log()) == before
        else:
            raise AssertionError("it was not refused")


TestOneCardManyCalls = OneCardManyCalls.TestCase
TestOneCardManyCalls.settings = examples(
    200, stateful_step_count=50, deadline=timedelta(seconds=20)
)
