"""What is known of a caller's number: told, and forgotten, when its owner asks (ADR 0027)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from attrs import frozen

from application import kinds
from application.numbers import is_e164
from application.persons import Numbers, Persons
from application.ports import ConcurrencyConflict, Unit, UnitsOfWork
from application.views import MOST_ROWS, CallRow, CardRow, RecordedEvent
from domain.caller_ids import CallerId
from domain.cards import check_words
from domain.errors import NotFound, SettingNotAllowed
from domain.sealed_numbers import read

_MOST_TRIES = 5

_TELLING = 7
"""Digits at the end of a number that are taken for the number."""


class CallerViews(Protocol):
    def card(self, card_id: UUID) -> CardRow | None: ...

    def calls_from(self, sealed: str, after: UUID | None, limit: int) -> Sequence[CallRow]:
        """Calls from a number, oldest first. There is no index for it: nobody asks often."""
        ...

    def history(
        self, stream_id: UUID, after_version: int, limit: int
    ) -> Sequence[RecordedEvent]: ...


@frozen
class KnownPerson:
    """``pseudonym`` is what stands for the number once it is erased; ``card`` is the one that it
    opens; ``bindings`` are the facts of the number itself, the newest 500 at most."""

    number: str
    person_id: UUID
    pseudonym: str
    card: CardRow | None
    bindings: Sequence[RecordedEvent]


@frozen
class Erased:
    """``card_id``: the card that the number opened until now."""

    person_id: UUID
    pseudonym: str
    card_id: UUID | None


@frozen
class PersonsDesk:
    """Answers those who ask what is known of them, and those who want to be forgotten."""

    units: UnitsOfWork
    persons: Persons
    views: CallerViews

    @property
    def numbers(self) -> Numbers:
        return self.persons

    def known(self, number: str) -> KnownPerson:
        """Raises NotFound for a number that the ledger does not know or has forgotten, and
        SettingNotAllowed for one that is not in E.164."""
        sealed = self._sealed(number)
        stream_id = kinds.caller_id_id(sealed)
        card_id = self._card_of(sealed)
        events: list[RecordedEvent] = []
        while page := self.views.history(stream_id, len(events), MOST_ROWS):
            events += page
        person = read(sealed)
        card = self.views.card(card_id) if card_id is not None else None
        return KnownPerson(number, person.person_id, person.pseudonym, card, events[-MOST_ROWS:])

    def calls(self, number: str, after: UUID | None, limit: int) -> Sequence[CallRow]:
        """Raises what ``known`` raises."""
        return self.views.calls_from(self._sealed(number), after, limit)

    def erase(self, number: str, by: str, why: str) -> Erased:
        """Forgets whose number it is. What was paid and talked stays, under a pseudonym.

        A number that calls again is that of somebody new. Cut off in the middle, it is done again.
        Raises what ``known`` raises, and SettingNotAllowed if nobody or no reason is named, or if
        the reason tells the number.
        """
        check_words(by, why)
        # The end of it, because people leave the country code out.
        told = _digits(number)[-_TELLING:]
        if told in _digits(why) or told in _digits(by):
            raise SettingNotAllowed("why", "a text with the number in it", "a reason without it")
        return self.erase_sealed(self._sealed(number), by, why)

    def erase_sealed(self, sealed: str, by: str, why: str) -> Erased:
        """The same for a number that nobody can open, because its master key is lost."""
        check_words(by, why)
        person = read(sealed)
        for _ in range(_MOST_TRIES):
            card_id = self._card_of(sealed)
            if self._unbind(sealed, card_id, by, why):
                # The facts first: whoever is about to bind the number sees that it is erased.
                self.persons.forget(sealed)
                return Erased(person.person_id, person.pseudonym, card_id)
        raise ConcurrencyConflict("the binding of the number kept changing")

    def _unbind(self, sealed: str, card_id: UUID | None, by: str, why: str) -> bool:
        number_id = kinds.caller_id_id(sealed)

        def decide(unit: Unit) -> bool:
            caller_id = unit.get(kinds.CALLER_IDS, number_id) or CallerId(sealed)
            if caller_id.card_id != card_id:
                return False
            facts = caller_id.erase(read(sealed).person_id, by, why)
            unit.record(kinds.CALLER_IDS, number_id, facts)
            if card_id is not None:
                card = unit.get(kinds.CARDS, card_id)
                if card is not None and card.caller_id == sealed:
                    unit.record(kinds.CARDS, card_id, card.store_caller_id(None))
            return True

        writes = {number_id} if card_id is None else {number_id, card_id}
        return self.units.run(decide, writes=writes)

    def _card_of(self, sealed: str) -> UUID | None:
        number_id = kinds.caller_id_id(sealed)
        found = self.units.run(
            lambda unit: unit.get(kinds.CALLER_IDS, number_id), writes=(), reads=(number_id,)
        )
        return found.card_id if found is not None else None

    def _sealed(self, number: str) -> str:
        if not is_e164(number):
            accepted = "a number with its country code, such as +48600316058"
            raise SettingNotAllowed("number", number[:40], accepted)
        sealed = self.persons.find(number)
        if sealed is None:
            raise NotFound("person with the number", number)
        return sealed


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isascii() and each.isdigit())
