"""How rates look in JSON: a prefix, its name, and the terms that calls to it are charged under."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.problems import asked_wrongly
from adapters.http.wire import MoneyTold, Text, told
from domain.decks import LONGEST_PREFIX
from domain.money import MICROS, MINUTES, Money, parse
from domain.rate_checks import PricedPrefix
from domain.rating import MOST_BANDS, Band, RateTerms

Digits = Annotated[
    str, Meta(pattern=rf"^[0-9]{{1,{LONGEST_PREFIX}}}\Z", description="E.164 digits, no plus.")
]
Amount = Annotated[
    str,
    Meta(
        max_length=20,
        pattern=r"^[0-9]{1,13}(\.[0-9]{1,6})?\Z",
        description="A plain decimal with at most six places, in the unit of the tariff.",
    ),
]
Seconds = Annotated[int, Meta(ge=0, le=86_400)]
Block = Annotated[int, Meta(ge=1, le=86_400, description="Seconds.")]
Zone = Annotated[
    str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+\Z", description="IANA, Europe/Warsaw.")
]


class BandTold(Struct, frozen=True, forbid_unknown_fields=True):
    """A price of its own for some hours of some weekdays (ISO 8601: Monday is 1); minutes are
    counted from midnight, and the end is not part of it."""

    weekdays: Annotated[list[Annotated[int, Meta(ge=1, le=7)]], Meta(min_length=1, max_length=7)]
    start_minute: Annotated[int, Meta(ge=0, le=1439)]
    end_minute: Annotated[int, Meta(ge=1, le=1440)]
    per_minute: Amount


class RateSent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rate of one prefix. ``per_minute`` may be left out in talk minutes alone."""

    prefix: Digits
    destination: Text
    per_minute: Amount | None = None
    connect_fee: Amount = "0"
    disconnect_fee: Amount = "0"
    minimum_charge: Amount = "0"
    initial_block: Block | None = None
    increment: Block | None = None
    minimum_duration: Seconds = 0
    grace_seconds: Seconds = 0
    bands: Annotated[list[BandTold], Meta(max_length=MOST_BANDS)] = msgspec.field(
        default_factory=list
    )
    time_zone: Zone = "UTC"

    def priced(self, unit: str, place: int) -> PricedPrefix:
        """Raises AskedWrongly that names the row."""
        in_minutes = unit == MINUTES
        block = 60 if in_minutes else 1

        def micros(amount: str) -> int:
            return parse(amount, unit).micros

        try:
            if self.per_minute is None and not in_minutes:
                raise ValueError("per_minute is left out in talk minutes alone")
            terms = RateTerms(
                unit,
                micros(self.per_minute) if self.per_minute is not None else MICROS,
                connect_fee=micros(self.connect_fee),
                initial_block=self.initial_block or block,
                increment=self.increment or block,
                disconnect_fee=micros(self.disconnect_fee),
                minimum_duration=self.minimum_duration,
                minimum_charge=micros(self.minimum_charge),
                grace_seconds=self.grace_seconds,
                bands=tuple(
                    Band(
                        tuple(each.weekdays),
                        each.start_minute,
                        each.end_minute,
                        micros(each.per_minute),
                    )
                    for each in self.bands
                ),
                time_zone=self.time_zone,
            )
        except ValueError as error:
            at = f"$.rates[{place}]"
            raise asked_wrongly(problems.BAD_FIELD, f"{at}: {error}", field=at) from error
        return PricedPrefix(self.prefix, self.destination, terms)


class BandShown(Struct, frozen=True):
    weekdays: list[int]
    start_minute: int
    end_minute: int
    per_minute: MoneyTold


class TermsShown(Struct, frozen=True):
    """Rates are for sixty seconds, blocks and durations in seconds."""

    per_minute: MoneyTold
    connect_fee: MoneyTold
    disconnect_fee: MoneyTold
    minimum_charge: MoneyTold
    initial_block: int
    increment: int
    minimum_duration: int
    grace_seconds: int
    bands: list[BandShown]
    time_zone: str


class RateShown(Struct, frozen=True):
    """``line`` is where its file said so; ``effective_on`` the day that the file gave."""

    prefix: str
    destination: str
    terms: TermsShown
    line: int
    effective_on: date | None


def terms_shown(terms: RateTerms) -> TermsShown:
    def money(micros: int) -> MoneyTold:
        return told(Money(micros, terms.unit))

    return TermsShown(
        money(terms.per_minute),
        money(terms.connect_fee),
        money(terms.disconnect_fee),
        money(terms.minimum_charge),
        terms.initial_block,
        terms.increment,
        terms.minimum_duration,
        terms.grace_seconds,
        [
            BandShown(
                list(each.weekdays), each.start_minute, each.end_minute, money(each.per_minute)
            )
            for each in terms.bands
        ],
        terms.time_zone,
    )


def rate_shown(row: PricedPrefix) -> RateShown:
    terms = terms_shown(row.terms)
    return RateShown(row.prefix, row.destination, terms, row.line, row.effective_on)
