"""No spelling of a blocked number is ever dialled, and no ordinary number is blocked by mistake."""

from __future__ import annotations

from contextlib import suppress

import phonenumbers
import pytest
from hypothesis import given as forall
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from application import numbers
from domain.blocked_ranges import BLOCKED_RANGES
from domain.errors import DestinationNotSold, NumberNotDialable
from domain.routing import RoutingPlan
from tests.support.carriers import Carriers
from tests.support.examples import examples
from tests.support.story import Story

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
ARABIC = str.maketrans("0123456789", "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669")
WIDE = str.maketrans("0123456789", "".join(chr(0xFF10 + each) for each in range(10)))


def example(region: str, kind: int) -> str | None:
    """Digits of a number of a kind in a region, with its country code."""
    found = phonenumbers.example_number_for_type(region, kind)
    if found is None or phonenumbers.number_type(found) != kind:
        return None
    return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164).lstrip("+")


PREMIUM = [digits for each in REGIONS if (digits := example(each, PhoneNumberType.PREMIUM_RATE))]
ORDINARY = [
    digits
    for each in REGIONS
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
    if (digits := example(each, kind))
]

BLOCKED = st.one_of(
    st.builds(
        str.__add__,
        st.sampled_from([each.prefix for each in BLOCKED_RANGES]),
        st.text("0123456789", min_size=2, max_size=12),
    ),
    st.sampled_from(PREMIUM),
)


@st.composite
def spelled(draw: st.DrawFn) -> str:
    """A blocked number as somebody might try to get it through."""
    digits = draw(BLOCKED)
    if draw(st.booleans()):
        digits += draw(st.text("0123456789", max_size=4))
    for junk in draw(st.lists(st.sampled_from(("&", " ", "-", ".", "\u00a0", "\t", "\n")))):
        at = draw(st.integers(0, len(digits)))
        digits = digits[:at] + junk + digits[at:]
    if (table := draw(st.sampled_from((None, ARABIC, WIDE)))) is not None:
        at = draw(st.integers(0, len(digits)))
        digits = digits[:at] + digits[at:].translate(table)
    return draw(st.sampled_from(("", "+", "00", "011", "0", "++", "tel:+"))) + digits


def is_denied(digits: str) -> bool:
    """What must not leave, told without the code under test."""
    if any(digits.startswith(each.prefix) for each in BLOCKED_RANGES):
        return True
    try:
        parsed = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.number_type(parsed) == PhoneNumberType.PREMIUM_RATE)


@pytest.fixture(scope="module")
def carriers() -> Carriers:
    made = Carriers(Story())
    made.line("acme", 1)
    return made


@forall(spelled())
@examples(2_000)
def test_no_spelling_of_a_blocked_number_is_dialled(carriers: Carriers, spelling: str) -> None:
    dialled: list[str] = []
    for number in (spelling, "+" + spelling):
        try:
            dialled += [route.number for route in carriers.routes.to(number)]
        except DestinationNotSold:
            continue
    with suppress(DestinationNotSold, NumberNotDialable):
        dialled += [route.number for route in carriers.routes.to(numbers.destination(spelling))]
    assert [each for each in dialled if is_denied(each)] == []


@pytest.mark.parametrize("digits", PREMIUM)
def test_premium_numbers_of_every_country_are_blocked_with_digits_too_many(
    carriers: Carriers, digits: str
) -> None:
    for more in ("", "7"):
        if phonenumbers.is_valid_number(phonenumbers.parse("+" + digits + more)) and more:
            continue  # with one digit more it is a number of another kind
        with pytest.raises(DestinationNotSold):
            carriers.routes.to("+" + digits + more)


@pytest.mark.parametrize("digits", ["480700123456", "4800700123456", "119005551234"])
def test_a_trunk_prefix_behind_the_country_code_hides_nothing(
    carriers: Carriers, digits: str
) -> None:
    with pytest.raises(DestinationNotSold):
        carriers.routes.to("+" + digits)


@pytest.mark.parametrize("digits", ORDINARY)
def test_ordinary_numbers_of_every_country_are_not_blocked(carriers: Carriers, digits: str) -> None:
    assert [route.number for route in carriers.routes.to("+" + digits)] == [digits]


def test_salernos_zero_belongs_to_its_numbers(carriers: Carriers) -> None:
    """39 89 is premium rate, 39 089 is a town."""
    assert carriers.trunks_to("+390899123456") == ["acme"]
    with pytest.raises(DestinationNotSold):
        carriers.routes.to("+39899123456")


def test_the_trunks_of_the_settings_dial_nothing_that_is_blocked_either() -> None:
    carriers = Carriers(Story())
    assert carriers.trunks_to("+48221234567") == ["carrier"]
    with pytest.raises(DestinationNotSold):
        carriers.routes.to("+881612345678")


def test_a_blocked_prefix_of_the_operator_has_no_other_spelling_either(
    carriers: Carriers,
) -> None:
    own = Carriers(Story())
    own.line("acme", 1)
    own.routing.block("4822", "Warsaw", "ann", "fraud")
    for spelling in ("48221234567", "480221234567", "4800221234567"):
        with pytest.raises(DestinationNotSold):
            own.routes.to("+" + spelling)
    assert own.trunks_to("+48122345678") == ["acme"]


@pytest.mark.parametrize("number", ["", "+", "48", "+48x", "+48&221234567", "+4822 1234567"])
def test_what_is_no_number_leads_nowhere(carriers: Carriers, number: str) -> None:
    with pytest.raises(DestinationNotSold):
        carriers.routes.to(number)


def test_a_country_without_a_numbering_plan_is_taken_as_it_stands() -> None:
    assert [each.digits for each in numbers.readings("+99912345678")] == ["99912345678"]
    assert RoutingPlan().blocked("99912345678") is None
