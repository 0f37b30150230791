"""An operator adds, changes, closes and opens access numbers; a wrong one is refused at once."""

from __future__ import annotations

import pytest
from attrs import evolve

from application.access_numbers import AccessNumbers
from domain.access_numbers import AccessNumberChanged, AccessTerms
from domain.errors import AlreadyExists, NotFound, SettingNotAllowed
from domain.login import LoginMode
from tests.support.story import ACCESS, Story, dollars

OTHER = "442079460000"


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def numbers(story: Story) -> AccessNumbers:
    return AccessNumbers(story.units)


def test_a_number_is_added_once_and_changed_by_somebody(
    story: Story, numbers: AccessNumbers
) -> None:
    terms = AccessTerms(language="es", surcharge=dollars(0, 25))
    numbers.add(OTHER, terms)
    numbers.add(OTHER, terms)
    with pytest.raises(AlreadyExists):
        numbers.add(OTHER, AccessTerms())
    wanted = numbers.change(OTHER, lambda now: evolve(now, login_mode=LoginMode.PIN_ONLY), "ann")
    assert wanted == evolve(terms, login_mode=LoginMode.PIN_ONLY)
    assert numbers.get(OTHER).terms == wanted
    assert story.call(access_number=OTHER).access == wanted


def test_a_closed_number_takes_no_calls_until_it_is_opened_again(
    story: Story, numbers: AccessNumbers
) -> None:
    for _ in range(2):
        numbers.close(ACCESS, "ann")
    with pytest.raises(NotFound):
        story.call()
    numbers.reopen(ACCESS, "ann")
    assert story.call().access.open
    facts = [each.fact for each in story.units.log() if isinstance(each.fact, AccessNumberChanged)]
    assert [fact.terms.open for fact in facts] == [False, True]


def test_a_change_keeps_what_somebody_else_changed_meanwhile(
    story: Story, numbers: AccessNumbers
) -> None:
    story.come_between(
        lambda: numbers.change(ACCESS, lambda now: evolve(now, language="fr"), "bob")
    )
    numbers.change(ACCESS, lambda now: evolve(now, country="MX"), "ann")
    terms = numbers.get(ACCESS).terms
    assert (terms.language, terms.country) == ("fr", "MX")


@pytest.mark.parametrize("number", ["", "12", "1 800", "18005550100&1", "\u0661\u0662\u0663", "x"])
def test_a_number_is_digits(numbers: AccessNumbers, number: str) -> None:
    with pytest.raises(SettingNotAllowed, match="access number"):
        numbers.add(number, AccessTerms())


@pytest.mark.parametrize(
    ("terms", "named"),
    [
        (AccessTerms(language="English"), "language"),
        (AccessTerms(first_announcement="../secret"), "first announcement"),
        (AccessTerms(first_announcement="a&b"), "first announcement"),
    ],
)
def test_what_would_fail_at_the_first_call_is_refused_now(
    numbers: AccessNumbers, terms: AccessTerms, named: str
) -> None:
    with pytest.raises(SettingNotAllowed, match=named):
        numbers.add(OTHER, terms)
    with pytest.raises(SettingNotAllowed, match=named):
        numbers.change(ACCESS, lambda _: terms, "ann")


def test_what_is_not_there_is_not_found(numbers: AccessNumbers) -> None:
    with pytest.raises(NotFound):
        numbers.get(OTHER)
    with pytest.raises(NotFound):
        numbers.close(OTHER, "ann")
