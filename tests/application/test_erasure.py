"""What is known of a number is told to who asks, and forgotten without anything else being lost."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest
from attrs import frozen

from application import kinds
from application.erasure import PersonsDesk
from application.persons import OpenedLog, opened
from application.views import CallRow, CardRow, RecordedEvent
from domain.caller_ids import CallerIdBound, CallerIdUnbound, PersonErased
from domain.cards import CardCallerIdChanged
from domain.errors import CallerIdNotUsable, LoginFailed, NotFound, SettingNotAllowed
from domain.sealed_numbers import read
from tests.support.bookkeeping import MemoryLog
from tests.support.persons import MemoryPersons, sealed
from tests.support.story import ALICE, BOB, WARSAW, Story

WHY = ("ann", "asked by letter")


@frozen
class NoViews:
    """The lists, which have tests of their own."""

    story: Story

    def card(self, card_id: UUID) -> CardRow | None:
        return None

    def calls_from(self, sealed: str, after: UUID | None, limit: int) -> Sequence[CallRow]:
        return []

    def history(self, stream_id: UUID, after_version: int, limit: int) -> Sequence[RecordedEvent]:
        log = OpenedLog(MemoryLog(self.story.units), self.story.persons)
        return [
            RecordedEvent(stream_id, each.version, each.recorded_at, each.name, each.fact)
            for each in log.stream(stream_id)[after_version:]
        ]


@pytest.fixture
def story() -> Story:
    story = Story()
    story.group()
    return story


def desk_of(story: Story) -> PersonsDesk:
    return PersonsDesk(story.units, story.persons, NoViews(story))


def test_an_erasure_unbinds_the_number_and_says_who_did_it_and_why(story: Story) -> None:
    card = story.card()
    story.bindings.bind(story.persons.seal(ALICE), card.card_id)
    erased = desk_of(story).erase(ALICE, *WHY)
    person_id = read(sealed(ALICE)).person_id
    assert (erased.person_id, erased.card_id) == (person_id, card.card_id)
    assert story.units.facts(kinds.caller_id_id(sealed(ALICE))) == [
        CallerIdBound(sealed(ALICE), card.card_id),
        CallerIdUnbound(sealed(ALICE), card.card_id),
        PersonErased(person_id, *WHY),
    ]
    assert story.units.facts(card.card_id)[-1] == CardCallerIdChanged(None)
    assert opened(story.persons, sealed(ALICE)) == erased.pseudonym


def test_who_never_bound_a_number_is_erased_as_well(story: Story) -> None:
    call = story.call(ALICE)
    desk_of(story).erase(ALICE, *WHY)
    assert opened(story.persons, call.caller_id) != ALICE
    assert story.persons.find(ALICE) is None


@pytest.mark.parametrize("known", ["never called", "erased before"])
def test_a_number_that_is_not_known_is_not_erased(story: Story, known: str) -> None:
    if known == "erased before":
        story.call(ALICE)
        desk_of(story).erase(ALICE, *WHY)
    for ask in (lambda: desk_of(story).erase(ALICE, *WHY), lambda: desk_of(story).known(ALICE)):
        with pytest.raises(NotFound):
            ask()


@pytest.mark.parametrize("number", ["", "48600316058", "+0", "+48 600", "anonymous", "*" * 500])
def test_a_number_is_told_with_its_country(story: Story, number: str) -> None:
    with pytest.raises(SettingNotAllowed, match="country code"):
        desk_of(story).known(number)


@pytest.mark.parametrize(
    ("by", "why"),
    [
        ("", "x"),
        ("ann", ""),
        ("ann", "forget +48 600-316-058"),
        ("ann", "600 316 058 asked"),
        (ALICE, "asked"),
    ],
)
def test_a_reason_is_needed_and_must_not_tell_the_number(story: Story, by: str, why: str) -> None:
    story.call(ALICE)
    with pytest.raises(SettingNotAllowed) as refused:
        desk_of(story).erase(ALICE, by, why)
    assert story.persons.find(ALICE) is not None
    assert "600" not in str(refused.value)


class _Crash(Exception):
    pass


class _CrashingPersons(MemoryPersons):
    def forget(self, sealed: str) -> None:
        raise _Crash


def test_an_erasure_that_was_cut_off_is_done_again(story: Story) -> None:
    card = story.card()
    story.bindings.bind(story.persons.seal(ALICE), card.card_id)
    known = {ALICE: sealed(ALICE)}
    with pytest.raises(_Crash):
        PersonsDesk(story.units, _CrashingPersons(known=known), NoViews(story)).erase(ALICE, *WHY)
    before = story.units.facts(kinds.caller_id_id(sealed(ALICE)))
    assert desk_of(story).erase(ALICE, *WHY).card_id is None
    assert story.units.facts(kinds.caller_id_id(sealed(ALICE))) == before
    assert story.persons.find(ALICE) is None


def test_a_call_that_is_up_goes_on_and_stores_its_number_no_more(story: Story) -> None:
    card = story.card()
    call = story.caller(card, ALICE)
    desk_of(story).erase(ALICE, *WHY)
    assert call.payer is not None
    assert story.dialling.dial(call, WARSAW).limit_seconds > 0
    with pytest.raises(CallerIdNotUsable):
        story.bindings.toggle(call, call.payer)
    assert story.card_state(card).caller_id is None


def test_a_login_that_would_store_an_erased_number_goes_on_without_it() -> None:
    story = Story()
    card = story.card(story.group(store_caller_id_at_login=True))
    call = story.call(ALICE)
    desk_of(story).erase(ALICE, *WHY)
    assert story.login(call, card).card_id == card.card_id
    assert story.card_state(card).caller_id is None


def test_an_erased_number_that_calls_again_is_somebody_new() -> None:
    story = Story()
    card = story.card(story.group(deny_double_use=True))
    story.bindings.bind(story.persons.seal(ALICE), card.card_id)
    with pytest.raises(LoginFailed):
        story.login(story.call(BOB), card)
    desk_of(story).erase(ALICE, *WHY)
    assert story.calls.login_by_caller_id(story.call(ALICE)) is None
    # The card is free again, for the same number or for another.
    story.login(story.call(BOB), card)
    story.bindings.bind(story.persons.seal(ALICE), card.card_id)
    assert story.calls.login_by_caller_id(story.call(ALICE)) is not None
    assert story.owner_of(ALICE) == card.card_id


def test_bindings_are_told_with_the_number_in_clear(story: Story) -> None:
    card = story.card()
    story.bindings.bind(story.persons.seal(ALICE), card.card_id)
    known = desk_of(story).known(ALICE)
    assert [each.fact for each in known.bindings] == [CallerIdBound(ALICE, card.card_id)]
    assert known.pseudonym == read(sealed(ALICE)).pseudonym
