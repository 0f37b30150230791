"""The numbers that customers dial in: added, changed, closed and opened again."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import evolve, frozen

from application import kinds
from application.ports import Unit, UnitsOfWork
from domain import access_numbers
from domain.access_numbers import AccessNumber, AccessTerms
from domain.errors import NotFound, SettingNotAllowed

_NUMBER = re.compile(r"\+?[0-9]{3,20}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?", re.ASCII)
_SOUND = re.compile(r"(?!.*\.\.)/?[A-Za-z0-9][A-Za-z0-9_./-]{0,199}", re.ASCII)


@frozen
class AccessNumbers:
    units: UnitsOfWork

    def add(self, number: str, terms: AccessTerms) -> None:
        """Raises SettingNotAllowed for a number, language or sound of the wrong form,
        AlreadyExists for a number that is there with other terms."""
        if not _NUMBER.fullmatch(number):
            accepted = "3 to 20 digits as Asterisk receives them, perhaps after a plus"
            raise SettingNotAllowed("access number", number[:40], accepted)
        _check(terms)
        access_id = kinds.access_number_id(number)

        def decide(unit: Unit) -> None:
            access = unit.get(kinds.ACCESS_NUMBERS, access_id)
            facts = access_numbers.add(access, number, terms)
            unit.record(kinds.ACCESS_NUMBERS, access_id, facts)

        self.units.run(decide, writes=(access_id,))

    def change(
        self, number: str, change: Callable[[AccessTerms], AccessTerms], by: str
    ) -> AccessTerms:
        """``change`` turns the terms of now into those wanted. Calls that are up keep theirs.

        Raises NotFound, SettingNotAllowed.
        """
        access_id = kinds.access_number_id(number)

        def decide(unit: Unit) -> AccessTerms:
            access = unit.get(kinds.ACCESS_NUMBERS, access_id)
            if access is None:
                raise NotFound("access number", number)
            terms = change(access.terms)
            _check(terms)
            unit.record(kinds.ACCESS_NUMBERS, access_id, access.change(terms, by))
            return terms

        return self.units.run(decide, writes=(access_id,))

    def close(self, number: str, by: str) -> None:
        """Callers are told to try later, and nothing is sold. The number keeps its history."""
        self.change(number, lambda terms: evolve(terms, open=False), by)

    def reopen(self, number: str, by: str) -> None:
        self.change(number, lambda terms: evolve(terms, open=True), by)

    def get(self, number: str) -> AccessNumber:
        access_id = kinds.access_number_id(number)
        access = self.units.run(
            lambda unit: unit.get(kinds.ACCESS_NUMBERS, access_id), writes=(), reads=(access_id,)
        )
        if access is None:
            raise NotFound("access number", number)
        return access


def _check(terms: AccessTerms) -> None:
    """What would only fail when somebody calls."""
    if not _LANGUAGE.fullmatch(terms.language):
        raise SettingNotAllowed("language", terms.language[:40], "a code such as en or zh_CN")
    sound = terms.first_announcement
    if sound is not None and not _SOUND.fullmatch(sound):
        accepted = "a path of letters, digits, _, - and ., without `..`"
        raise SettingNotAllowed("first announcement", sound[:80], accepted)
