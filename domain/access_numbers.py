"""An access number: the number a customer dials in, and what answers there."""

from __future__ import annotations

from typing import assert_never

from attrs import Attribute, field, frozen, validators
from attrs import evolve as changed

from domain.errors import AlreadyExists
from domain.login import LoginMode
from domain.money import MICROS, MINUTES, Money
from domain.rating import MOST_RATE


def _surcharge(_: object, field_: Attribute[Money | None], amount: Money | None) -> None:
    if amount is None:
        return
    if not 0 <= amount.micros <= MOST_RATE:
        most = Money(MOST_RATE, amount.unit)
        raise ValueError(f"{field_.name} is from zero to {most}, not {amount}")
    if amount.unit == MINUTES and amount.micros % MICROS:
        raise ValueError(f"{field_.name} in talk minutes is whole minutes, not {amount}")


def _surcharge_per_minute(_: object, field_: Attribute[Money | None], amount: Money | None) -> None:
    _surcharge(_, field_, amount)
    if amount is not None and amount.unit == MINUTES:
        raise ValueError("surcharge_per_minute is in a currency: talk minutes have one price")


@frozen
class AccessTerms:
    """What a caller of this number meets."""

    service: str = field(default="card", validator=validators.in_(("card",)))
    login_mode: LoginMode = LoginMode.NUMBER_AND_PIN
    language: str = "en"
    first_announcement: str | None = None
    """The sound that is played first, before anything else."""
    surcharge: Money | None = field(default=None, validator=_surcharge)
    """Added to each connected call made through this number."""
    surcharge_per_minute: Money | None = field(default=None, validator=_surcharge_per_minute)
    country: str = field(default="US", validator=validators.matches_re(r"[A-Z]{2}"))
    """Whose callers' numbers arrive here without a country code (ISO 3166-1, two letters)."""
    open: bool = True


# Facts.


@frozen
class AccessNumberAdded:
    number: str
    terms: AccessTerms


@frozen
class AccessNumberChanged:
    terms: AccessTerms
    by: str


@frozen
class AccessNumberExplained:
    """Why the number was added or changed by the fact before this one."""

    by: str
    why: str


AccessNumberFact = AccessNumberAdded | AccessNumberChanged | AccessNumberExplained

# State and decisions.


@frozen
class AccessNumber:
    number: str
    terms: AccessTerms

    def change(self, terms: AccessTerms, by: str, why: str = "") -> list[AccessNumberFact]:
        if terms == self.terms:
            return []
        return [AccessNumberChanged(terms, by), *_explained(by, why)]


def add(
    access: AccessNumber | None, number: str, terms: AccessTerms, by: str = "", why: str = ""
) -> list[AccessNumberFact]:
    if access is None:
        return [AccessNumberAdded(number, terms), *_explained(by, why)]
    if access.terms != terms:
        raise AlreadyExists("access number", number)
    return []


def _explained(by: str, why: str) -> list[AccessNumberFact]:
    return [AccessNumberExplained(by, why)] if why else []


def evolve(access: AccessNumber | None, fact: AccessNumberFact) -> AccessNumber:
    if isinstance(fact, AccessNumberAdded):
        return AccessNumber(fact.number, fact.terms)
    assert access is not None, "an access number begins with AccessNumberAdded"
    match fact:
        case AccessNumberChanged(terms):
            return changed(access, terms=terms)
        case AccessNumberExplained():
            return access
        case _:
            assert_never(fact)
