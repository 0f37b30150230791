"""A call tells step by step why it cost what it did, and whether the recorded terms agree."""

from __future__ import annotations

import pytest
from attrs import evolve as changed
from hypothesis import given as forall
from hypothesis import strategies as st

from application.exchange import ExchangeRates
from application.explaining import Explanation, Explanations
from application.log import Logged
from application.margins import MarginGuard
from application.terms_in_words import terms_in_words
from domain.call_sessions import AttemptSettled
from domain.errors import NotFound
from domain.rating import Band, RateTerms, talk_minutes
from tests.support.bookkeeping import MemoryLog
from tests.support.examples import examples
from tests.support.history import PRICE, Routed, Stories
from tests.support.story import WARSAW, Story, dollars, usd


def story() -> Story:
    told = Story(price=PRICE)
    told.group("Gold", setup_fee=dollars(0, 5), longest_call=600)
    told.dialling = changed(
        told.dialling,
        routes=Routed(),
        margins=MarginGuard(ExchangeRates({("EUR", "USD"): 1_100_000})),
    )
    return told


def words(told: Explanation) -> str:
    return "\n".join("\n".join((step.told, *step.because)) for step in told.steps)


def test_a_call_is_told_from_the_first_ring_to_the_last_millionth() -> None:
    shop = story()
    card = shop.card()
    call = shop.caller(card)
    shop.dialling.dial(call, WARSAW)
    shop.settlement.record_leg(shop.leg(call, 61.5))
    shop.settlement.call_ended(call.reference)
    told = Explanations(MemoryLog(shop.units)).explain(call.reference)
    (attempt,) = told.attempts
    # 62 s begun, 66 billed: 0.66, connecting 0.05, ending 0.000007, setup 0.05.
    assert attempt.charge == usd(760_007)
    assert attempt.price is not None
    assert attempt.price.billed_seconds == 66
    assert told.charged == [usd(760_007)]
    assert told.agrees
    # The carrier bills a second and then six at a time: 67 s at 0.04 EUR, for 1.10 USD each.
    assert attempt.margin == usd(760_007) - usd(49_134)
    text = words(told)
    for piece in (
        f"card {card.number} pays",
        "attempt 1 to +48221234567",
        "is held for",
        "its setup fee of 0.05 USD is held for",
        "connect fee: 0.05 USD",
        "66 s at 0.60 USD a minute: 0.66 USD",
        "disconnect fee: 0.000007 USD",
        "setup fee: 0.05 USD",
        "attempt 1 is charged 0.760007 USD",
        "trunk acme1, at a cost of 0.044667 EUR",
        "the call ends",
    ):
        assert piece in text, text
    positions = [step.position for step in told.steps]
    assert positions == sorted(positions)


def test_a_call_that_nobody_answered_cost_nothing_and_says_why() -> None:
    shop = story()
    call = shop.caller(shop.card())
    shop.dialling.dial(call, WARSAW)
    shop.settlement.not_connected(call.reference, 1, 17)
    told = Explanations(MemoryLog(shop.units)).explain(call.reference)
    assert told.charged == [usd(0)]
    assert told.agrees
    assert "was not answered (dial status, cause 17): nothing is charged" in words(told)


def test_what_the_limit_and_the_hold_cut_off_is_told() -> None:
    shop = story()
    call = shop.caller(shop.card())
    shop.dialling.dial(call, WARSAW)
    shop.settlement.record_leg(shop.leg(call, 9_000))
    shop.settlement.record_leg(shop.leg(call, 9))
    told = Explanations(MemoryLog(shop.units)).explain(call.reference)
    assert "never more than the limit of 600 s is charged" in words(told)
    assert "put up for review" in words(told)


def test_a_charge_that_the_terms_do_not_make_is_told_to_be_wrong() -> None:
    shop = story()
    call = shop.caller(shop.card())
    shop.dialling.dial(call, WARSAW)
    shop.settlement.record_leg(shop.leg(call, 61))

    class Edited(MemoryLog):
        def stream(self, stream_id: object, *, until: int | None = None) -> list[Logged]:
            facts = super().stream(stream_id, until=until)  # type: ignore[arg-type]
            return [
                changed(each, fact=changed(each.fact, charge=usd(1)))
                if isinstance(each.fact, AttemptSettled)
                else each
                for each in facts
            ]

    told = Explanations(Edited(shop.units)).explain(call.reference)
    assert not told.agrees
    assert "BUT 0.000001 USD was recorded" in words(told)


def test_a_call_that_is_not_known_is_not_found() -> None:
    shop = story()
    explanations = Explanations(MemoryLog(shop.units))
    with pytest.raises(NotFound):
        explanations.explain("pbx1-1763765000.99")
    with pytest.raises(ValueError, match="reference"):
        explanations.explain("nonsense")


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        (PRICE, "0.60 USD a minute, first 30 s, then each 6 s begun, 0.05 USD to connect"),
        (talk_minutes(grace_seconds=3), "a talk minute for every begun minute, free up to 3 s"),
        (
            RateTerms("USD", 60_000, bands=(Band((6, 7), 0, 480, 30_000),), time_zone="Asia/Tokyo"),
            "0.03 USD on Sat Sun from 00:00 to 08:00, by the clock of Asia/Tokyo",
        ),
        (RateTerms("USD", 0, minimum_duration=9, minimum_charge=7), "at least 9 s"),
    ],
)
def test_terms_are_told_in_words(terms: RateTerms, told: str) -> None:
    assert told in terms_in_words(terms)


@examples(40)
@forall(st.integers(0, 10**9), st.integers(0, 120))
def test_whatever_a_call_was_it_can_be_explained_and_agrees(seed: int, steps: int) -> None:
    stories = Stories()
    stories.play_at_random(seed, steps)
    explanations = Explanations(MemoryLog(stories.shop.units))
    for call in stories.calls:
        if not stories.shop.units.facts(call.session_id):
            continue
        told = explanations.explain(call.reference)
        assert told.agrees
        assert len(told.steps) == len(stories.shop.units.facts(call.session_id))
        session = stories.shop.session(call)
        assert sum(each.micros for each in told.charged) == sum(
            settled.charge.micros for settled in session.settled.values()
        )
        for attempt in told.attempts:
            if attempt.charged_now is not None:
                assert attempt.charged_now == session.settled[attempt.number].charge
