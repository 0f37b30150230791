"""Exact money: whole millionths of one unit, because call rates are fractions of a cent.

A unit is a currency by its ISO 4217 code, or ``MIN``: talk minutes, where one minute is one unit.
This module holds the only rounding in the product.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from attrs import field, frozen

MICROS = 1_000_000
"""Millionths in one unit."""

MINUTES = "MIN"
"""The unit of an account that is kept in talk minutes instead of a currency."""

MOST = 10**12
"""No amount is larger than this many units: an upper bound for every field of money."""

_UNIT = re.compile(r"[A-Z]{3}")


def _whole(_: object, __: object, value: int) -> None:
    if type(value) is not int:
        raise TypeError(f"money is a whole number of millionths, not {value!r}")


def check_unit(unit: str) -> str:
    """The unit, if it is one. Raises ValueError for anything but three capital letters."""
    if not _UNIT.fullmatch(unit):
        raise ValueError(f"a unit is three capital letters such as USD or {MINUTES}, not {unit!r}")
    return unit


@frozen(order=False)
class Money:
    """An amount in one unit. Amounts of different units are never added or compared."""

    micros: int = field(validator=_whole)
    unit: str

    def __add__(self, other: Money) -> Money:
        return Money(self.micros + self._micros_of(other), self.unit)

    def __sub__(self, other: Money) -> Money:
        return Money(self.micros - self._micros_of(other), self.unit)

    def __lt__(self, other: Money) -> bool:
        return self.micros < self._micros_of(other)

    def __le__(self, other: Money) -> bool:
        return self.micros <= self._micros_of(other)

    def __gt__(self, other: Money) -> bool:
        return self.micros > self._micros_of(other)

    def __ge__(self, other: Money) -> bool:
        return self.micros >= self._micros_of(other)

    def __bool__(self) -> bool:
        return self.micros != 0

    def __str__(self) -> str:
        sign, micros = ("-" if self.micros < 0 else ""), abs(self.micros)
        whole, fraction = divmod(micros, MICROS)
        digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
        return f"{sign}{whole}.{digits} {self.unit}"

    @property
    def zero(self) -> Money:
        return Money(0, self.unit)

    def _micros_of(self, other: Money) -> int:
        if other.unit != self.unit:
            raise ValueError(
                f"{other.unit} is not {self.unit}: amounts of one account share a unit"
            )
        return other.micros


def parse(text: str, unit: str) -> Money:
    """An amount as a person writes it, ``12.50``, in a unit.

    Raises ValueError for anything but a plain decimal of at most six places.
    """
    expected = f"an amount is a plain decimal with at most six places such as 12.50, not {text!r}"
    if not re.fullmatch(r"-?[0-9]{1,13}(\.[0-9]{1,6})?", text):
        raise ValueError(expected)
    try:
        micros = int(Decimal(text) * MICROS)
    except InvalidOperation as error:  # pragma: no cover - the pattern admits no such text
        raise ValueError(expected) from error
    if abs(micros) > MOST * MICROS:
        raise ValueError(f"an amount is at most {MOST} {unit}, not {text}")
    return Money(micros, check_unit(unit))


def divided_up(numerator: int, denominator: int) -> int:
    """The quotient, rounded up to the next whole number: every rounding here goes up, once."""
    return -(-numerator // denominator)
