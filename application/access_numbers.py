"""The numbers that customers dial in: added, changed, closed and opened again."""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import evolve, frozen

from application import kinds
from application.administration import Check, accept
from application.announcements import check_first_announcement, check_language
from application.audit import act_id_of, record_act
from application.looking import look_up
from application.ports import Unit, UnitsOfWork
from domain import access_numbers
from domain.access_numbers import AccessNumber, AccessTerms
from domain.errors import NotFound, SettingNotAllowed

_ADDED = "add access number"
_NUMBER = re.compile(r"\+?[0-9]{3,20}", re.ASCII)


@frozen
class AccessNumbers:
    units: UnitsOfWork

    def add(self, number: str, terms: AccessTerms, by: str | None = None, why: str = "") -> None:
        """Raises SettingNotAllowed for a number, language or sound of the wrong form,
        AlreadyExists for a number that is there with other terms."""
        if not _NUMBER.fullmatch(number):
            accepted = "3 to 20 digits as Asterisk receives them, perhaps after a plus"
            raise SettingNotAllowed("access number", number[:40], accepted)
        _check(terms)
        access_id = kinds.access_number_id(number)
        act_id = act_id_of(_ADDED, access_id)

        def decide(unit: Unit) -> None:
            access = unit.get(kinds.ACCESS_NUMBERS, access_id)
            facts = access_numbers.add(access, number, terms, by or "", why)
            unit.record(kinds.ACCESS_NUMBERS, access_id, facts)
            if facts and by is not None:
                record_act(unit, by, _ADDED, access_id)

        self.units.run(decide, writes=(access_id, act_id))

    def change(
        self,
        number: str,
        change: Callable[[AccessTerms], AccessTerms],
        by: str,
        why: str = "",
        *,
        check: Check[AccessNumber] = accept,
    ) -> AccessTerms:
        """``change`` turns the terms of now into those wanted. Calls that are up keep theirs.

        Raises NotFound, SettingNotAllowed.
        """
        access_id = kinds.access_number_id(number)

        def decide(unit: Unit) -> AccessTerms:
            access = unit.get(kinds.ACCESS_NUMBERS, access_id)
            if access is None:
                raise NotFound("access number", number)
            check(access)
            terms = change(access.terms)
            _check(terms)
            unit.record(kinds.ACCESS_NUMBERS, access_id, access.change(terms, by, why))
            return terms

        return self.units.run(decide, writes=(access_id,))

    def close(self, number: str, by: str, why: str = "") -> None:
        """Callers are told to try later, and nothing is sold. The number keeps its history."""
        self.change(number, lambda terms: evolve(terms, open=False), by, why)

    def reopen(self, number: str, by: str, why: str = "") -> None:
        self.change(number, lambda terms: evolve(terms, open=True), by, why)

    def get(self, number: str) -> AccessNumber:
        return look_up(self.units, kinds.ACCESS_NUMBERS, kinds.access_number_id(number), number)


def _check(terms: AccessTerms) -> None:
    """What would only fail when somebody calls."""
    check_language(terms.language)
    check_first_announcement(terms.first_announcement)
