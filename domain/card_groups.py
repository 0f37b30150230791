"""A card group: the terms a card is sold under. Changing them never changes what a call cost."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from attrs import evolve as changed
from attrs import field, frozen, validators

from domain.errors import AlreadyExists
from domain.login import LoginMode
from domain.money import MICROS, MINUTES, Money, check_unit
from domain.rating import MOST_RATE

MOST_SIMULTANEOUS_CALLS = 100
LONGEST_CALL = 24 * 3600
"""Seconds. No call is longer, whatever its terms say."""


def _between(low: int, high: int) -> list[object]:
    return [validators.instance_of(int), validators.ge(low), validators.le(high)]


def _limited(low: int, high: int, default: int) -> int:
    return field(default=default, validator=_between(low, high))  # type: ignore[arg-type]


@frozen
class GroupTerms:
    """Every term a card is sold under."""

    unit: str = field(converter=check_unit)
    face_value: Money
    tariff: str
    """The name of the tariff its calls are priced by."""
    login_mode: LoginMode = LoginMode.NUMBER_AND_PIN
    number_length: int = _limited(4, 20, 10)
    pin_length: int = _limited(4, 20, 8)
    setup_fee: Money | None = None
    """Charged once, with the first connected call of a card."""
    daily_fee: Money | None = None
    """Charged each calendar day from first use."""
    expires_on: datetime | None = None
    valid_days: int = _limited(0, 36_500, 0)
    """Days after first use at which a card expires; 0: it does not."""
    simultaneous_calls: int = _limited(1, MOST_SIMULTANEOUS_CALLS, 1)
    most_held: Money | None = None
    """What one attempt may hold at most, so that something is left for calls beside it."""
    longest_call: int = _limited(1, LONGEST_CALL, 2 * 3600)
    """Seconds."""
    pinless_allowed: bool = True
    store_caller_id_at_login: bool = False
    """A right PIN binds the caller ID by itself, without ``*32``."""
    deny_double_use: bool = False
    """A bound card is refused to every other caller ID, even with the right PIN."""
    minimum_balance: Money | None = None
    """A card with less than this to spend is treated as empty."""
    say_balance: bool = True
    say_time: bool = True
    ghost_percent: int = _limited(1, 1_000, 100)
    """For speech only: what part of the real talk time is announced."""
    first_announcement: str | None = None
    languages: tuple[str, ...] = ("en",)
    operator_number: str | None = None
    """What ``0#`` calls, in E.164."""

    def __attrs_post_init__(self) -> None:
        for name in ("face_value", "setup_fee", "daily_fee", "most_held", "minimum_balance"):
            amount: Money | None = getattr(self, name)
            if amount is not None and amount.micros < 0:
                raise ValueError(f"{name} is zero or more, not {amount}")
            if amount is not None and amount.unit != self.unit:
                raise ValueError(f"{name} is in {self.unit}, the unit of the group, not {amount}")
        if self.setup_fee is not None:
            if self.setup_fee.micros > MOST_RATE:
                most = Money(MOST_RATE, self.unit)
                raise ValueError(f"setup_fee is at most {most}, not {self.setup_fee}")
            if self.unit == MINUTES and self.setup_fee.micros % MICROS:
                raise ValueError(f"setup_fee is whole talk minutes, not {self.setup_fee}")
        if self.expires_on is not None and self.expires_on.tzinfo is None:
            raise ValueError(f"expires_on is a moment with a time zone, not {self.expires_on}")
        if not self.languages:
            raise ValueError("languages names at least one language")

    @property
    def least_balance(self) -> Money:
        return self.minimum_balance or Money(0, self.unit)


# Facts.


@frozen
class CardGroupCreated:
    name: str
    terms: GroupTerms


@frozen
class CardGroupTermsChanged:
    terms: GroupTerms
    by: str


CardGroupFact = CardGroupCreated | CardGroupTermsChanged

# State and decisions.


@frozen
class CardGroup:
    name: str
    terms: GroupTerms

    def change_terms(self, terms: GroupTerms, by: str) -> list[CardGroupFact]:
        """Raises AlreadyExists for another unit: accounts of the group are kept in this one."""
        if terms.unit != self.terms.unit:
            raise AlreadyExists("card group", f"{self.name} in {self.terms.unit}")
        return [] if terms == self.terms else [CardGroupTermsChanged(terms, by)]


def create(group: CardGroup | None, name: str, terms: GroupTerms) -> list[CardGroupFact]:
    if group is None:
        return [CardGroupCreated(name, terms)]
    if (group.name, group.terms) != (name, terms):
        raise AlreadyExists("card group", name)
    return []


def evolve(group: CardGroup | None, fact: CardGroupFact) -> CardGroup:
    if isinstance(fact, CardGroupCreated):
        return CardGroup(fact.name, fact.terms)
    assert group is not None, "a card group begins with CardGroupCreated"
    match fact:
        case CardGroupTermsChanged(terms):
            return changed(group, terms=terms)
        case _:
            assert_never(fact)
