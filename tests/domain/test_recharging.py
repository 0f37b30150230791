"""Corrections of one attempt: what each makes of the charge, in whatever order they come."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain import call_sessions
from domain.attempts import Evidence
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptSettled,
    AttemptStarted,
    CallSession,
    CallSessionFact,
    CallStarted,
)
from domain.errors import AlreadyExists, NotFound, SettingNotAllowed
from domain.money import Money
from domain.rating import RateTerms, charge
from domain.recharging import (
    MOST_BEFORE_REFUND,
    MOST_CORRECTIONS,
    Signed,
    Talk,
    refund,
    rerate,
    talk_of,
)
from tests.support.examples import examples
from tests.support.story import NOON, dollars, given, usd

SESSION, HOLD, ACCOUNT, CARD = (UUID(int=n) for n in range(1, 5))
MINUTE = 60
CENT_A_SECOND = RateTerms("USD", 600_000, setup_fee=50_000)
"""A minute is 0.60, and the first call 0.05 more."""
HALF, DOUBLE = RateTerms("USD", 300_000), RateTerms("USD", 1_200_000)
PLENTY = dollars(1_000)


def started(terms: RateTerms = CENT_A_SECOND, held: Money = PLENTY) -> AttemptStarted:
    return AttemptStarted(
        1, "+48221234567", "Poland", HOLD, ACCOUNT, CARD, held, 3_600, terms, NOON,
        NOON + timedelta(hours=2), True,
    )  # fmt: skip


def settled(charged: Money, seconds: int = MINUTE, *, setup: bool = False) -> AttemptSettled:
    answered = NOON if seconds else None
    return AttemptSettled(
        1, answered, seconds * 1_000, seconds, charged, setup, Evidence.LEG_RECORD, 16
    )


def signed(number: int, why: str = "wrong sheet") -> Signed:
    return Signed(UUID(int=1_000 + number), "ann", why)


class Call:
    """One call with a settled attempt, and the corrections made to it."""

    def __init__(self, seconds: int = MINUTE, terms: RateTerms = CENT_A_SECOND) -> None:
        price = charge(terms, NOON, seconds).total
        begun, ended = started(terms), settled(price, seconds)
        call = CallStarted("pbx1-1763765000.42", "pbx1", "18005550100", None)
        self.state: CallSession = given(call_sessions.evolve, call, begun, ended)
        talk = talk_of(begun, ended)
        assert talk is not None, "somebody talked"
        self.talk: Talk = talk

    def record(self, facts: list[CallSessionFact]) -> list[CallSessionFact]:
        for fact in facts:
            self.state = call_sessions.evolve(self.state, fact)
        return facts

    def rerate(
        self, terms: RateTerms, number: int = 1, available: Money = PLENTY, *, more: bool = False
    ) -> list[CallSessionFact]:
        told = rerate(self.state, self.talk, terms, available, signed(number), charge_more=more)
        return self.record(told)

    def refund(self, amount: Money | None, number: int = 1) -> list[CallSessionFact]:
        return self.record(refund(self.state, self.talk, amount, signed(number, "bad line")))

    @property
    def charge(self) -> Money:
        return self.state.settled[1].charge


def test_a_call_that_was_too_dear_costs_less_and_says_why() -> None:
    call = Call()
    (fact,) = call.rerate(HALF)
    assert isinstance(fact, AttemptRerated)
    assert (fact.charge_before, fact.charge, fact.due) == (usd(600_000), usd(300_000), usd(300_000))
    assert (fact.terms_before, fact.terms, fact.untaken) == (CENT_A_SECOND, HALF, usd(0))
    assert (fact.seconds, fact.by, fact.why) == (60, "ann", "wrong sheet")
    assert call.charge == usd(300_000)


def test_a_call_that_was_too_cheap_stays_so_unless_more_is_asked_for() -> None:
    call = Call()
    assert call.rerate(DOUBLE) == []
    (fact,) = call.rerate(DOUBLE, 2, more=True)
    assert isinstance(fact, AttemptRerated)
    assert (fact.charge, fact.untaken) == (usd(1_200_000), usd(0))


def test_only_what_is_available_is_taken_and_the_rest_is_told() -> None:
    call = Call()
    (fact,) = call.rerate(DOUBLE, available=usd(100_000), more=True)
    assert isinstance(fact, AttemptRerated)
    assert (fact.charge, fact.untaken) == (usd(700_000), usd(500_000))
    nothing = Call()
    (told,) = nothing.rerate(DOUBLE, available=usd(0), more=True)
    assert isinstance(told, AttemptRerated)
    assert (told.charge, told.untaken) == (usd(600_000), usd(600_000))
    assert nothing.state.settled[1].terms is None, "nothing moved by the other terms"


def test_the_same_correction_is_made_once() -> None:
    call = Call()
    assert call.rerate(HALF)
    assert call.rerate(HALF) == []
    assert call.rerate(RateTerms("USD", 1)) == [], "even with other terms"
    assert call.charge == usd(300_000)


def test_a_price_that_is_the_same_records_nothing() -> None:
    assert Call().rerate(RateTerms("USD", 600_000, initial_block=60)) == []


def test_a_second_correction_starts_from_what_is_charged_now() -> None:
    call = Call()
    call.rerate(HALF, 1)
    (fact,) = call.rerate(RateTerms("USD", 100_000), 2)
    assert isinstance(fact, AttemptRerated)
    assert (fact.charge_before, fact.terms_before) == (usd(300_000), HALF)
    assert call.charge == usd(100_000)


def test_a_refund_gives_back_a_part_or_all_that_is_left() -> None:
    call = Call()
    (part,) = call.refund(usd(200_000), 1)
    assert isinstance(part, AttemptRefunded)
    assert (part.charge_before, part.charge, part.terms) == (
        usd(600_000),
        usd(400_000),
        CENT_A_SECOND,
    )
    call.refund(None, 2)
    assert call.charge == usd(0)
    with pytest.raises(SettingNotAllowed, match=r"at most the 0\.00 USD that is still charged"):
        call.refund(usd(1), 3)


@pytest.mark.parametrize("amount", [usd(0), usd(-1), usd(600_001), Money(1, "EUR")])
def test_a_refund_of_nothing_or_of_too_much_is_refused(amount: Money) -> None:
    with pytest.raises(SettingNotAllowed, match=r"above zero and at most the 0\.60 USD"):
        Call().refund(amount)


def test_the_same_refund_again_gives_nothing_and_another_amount_is_refused() -> None:
    call = Call()
    call.refund(usd(200_000))
    assert call.refund(usd(200_000)) == []
    assert call.refund(None) == []
    with pytest.raises(AlreadyExists, match=r"of 0\.20 USD"):
        call.refund(usd(100_000))


def test_a_refund_names_who_and_why() -> None:
    call = Call()
    with pytest.raises(SettingNotAllowed):
        refund(call.state, call.talk, None, Signed(UUID(int=9), "ann", " "))


def test_what_a_refund_gave_back_counts_towards_a_lower_price() -> None:
    call = Call()
    call.refund(usd(200_000), 1)
    (fact,) = call.rerate(HALF, 2)
    assert isinstance(fact, AttemptRerated)
    assert (fact.charge_before, fact.charge) == (usd(400_000), usd(300_000))


def test_charging_more_takes_no_refund_back() -> None:
    call = Call()
    call.refund(usd(200_000), 1)
    assert call.rerate(CENT_A_SECOND, 2, more=True) == []
    (fact,) = call.rerate(DOUBLE, 3, more=True)
    assert isinstance(fact, AttemptRerated)
    assert (fact.charge, fact.untaken) == (usd(1_000_000), usd(0))


def test_a_setup_fee_that_was_not_charged_is_in_no_other_price() -> None:
    free = RateTerms("USD", 600_000, setup_fee=50_000, grace_seconds=60)
    begun, ended = started(free), settled(usd(0), setup=True)
    talk = talk_of(begun, ended)
    assert talk is not None
    assert not talk.setup_due
    paid = talk_of(started(), settled(usd(650_000), setup=True))
    assert paid is not None
    assert paid.setup_due


def test_an_attempt_that_nobody_answered_has_no_price() -> None:
    assert talk_of(started(), settled(usd(0), 0)) is None


def test_what_was_never_settled_is_not_corrected() -> None:
    call = Call()
    call.state = given(
        call_sessions.evolve, CallStarted("pbx1-1763765000.42", "pbx1", "18005550100", None)
    )
    with pytest.raises(NotFound, match="settled attempt"):
        call.refund(None)


def test_an_attempt_is_corrected_a_bounded_number_of_times() -> None:
    call = Call()
    for number in range(MOST_BEFORE_REFUND):
        call.refund(usd(1), number)
    with pytest.raises(SettingNotAllowed, match="at most 50 of one attempt"):
        call.refund(usd(1), MOST_CORRECTIONS)
    for number in range(MOST_BEFORE_REFUND, MOST_CORRECTIONS):
        call.rerate(RateTerms("USD", 100_000 - number), number)
    with pytest.raises(SettingNotAllowed, match="at most 100 of one attempt"):
        call.rerate(RateTerms("USD", 1), MOST_CORRECTIONS)


CORRECTIONS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.one_of(st.none(), st.integers(1, 900_000)),
        st.integers(0, 2_000_000),
        st.integers(0, 1_500_000),
        st.booleans(),
    ),
    max_size=12,
)
"""Which correction; a refund of so much, or of all; or a price, what is available, whether more."""


@examples(300)
@forall(CORRECTIONS)
def test_in_any_order_and_repetition_the_charge_stays_within_its_bounds(
    script: list[tuple[int, int | None, int, int, bool]],
) -> None:
    call = Call()
    highest, seen = call.charge.micros, set[int]()
    for number, back, price, available, more in script:
        before, made = call.charge, call.state.settled[1].made(signed(number).correction_id)
        try:
            if price % 2:
                facts = call.refund(None if back is None else usd(back), number)
            else:
                terms = RateTerms("USD", price)
                facts = call.rerate(terms, number, usd(available), more=more)
        except (SettingNotAllowed, AlreadyExists):
            assert call.charge == before
            continue
        assert not (facts and made), "no correction is made twice"
        assert len(facts) <= 1
        assert facts or call.charge == before
        assert call.charge.micros >= 0
        assert call.charge.micros - before.micros <= available
        if not more or price % 2:
            assert call.charge <= before
        highest = max(highest, price)
        assert call.charge.micros <= highest
        seen |= {number} if facts else set()
    assert len(call.state.settled[1].corrections) == len(seen)
    for one, next_ in zip(
        call.state.settled[1].corrections, call.state.settled[1].corrections[1:], strict=False
    ):
        assert one.after == next_.before
