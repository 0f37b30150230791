"""What a charge is made of: the price's lines, as revenue from calls, fees and surcharges."""

from __future__ import annotations

from datetime import datetime

from domain.call_sessions import AttemptSettled
from domain.ledger import CALLS, SURCHARGES, fees
from domain.money import Money
from domain.rating import ChargeLine, RateTerms, charge

_FEES = {
    "connect fee": fees("connect"),
    "disconnect fee": fees("disconnect"),
    "setup fee": fees("setup"),
    "minimum charge": fees("minimum"),
}


def revenue(terms: RateTerms, settled: AttemptSettled) -> dict[str, int]:
    """The recorded charge of an attempt by ledger account of revenue, in micros above zero."""
    return parts(
        terms, settled.answered_at, settled.seconds, settled.charge, setup_due=settled.setup_due
    )


def parts(
    terms: RateTerms,
    answered_at: datetime | None,
    seconds: int,
    charged: Money,
    *,
    setup_due: bool,
) -> dict[str, int]:
    """What was charged for some seconds by ledger account of revenue, in micros above zero.

    The lines are those of the price made again from the recorded terms. What a hold did not cover,
    or was given back, is missing from the last lines; what a price made again does not explain is
    revenue from calls.
    """
    left = charged.micros
    found: dict[str, int] = {}
    for account, micros in _lines(terms, answered_at, seconds, setup_due):
        part = min(micros, left)
        if part > 0:
            found[account] = found.get(account, 0) + part
            left -= part
    if left:
        found[CALLS] = found.get(CALLS, 0) + left
    return found


def _lines(
    terms: RateTerms, answered_at: datetime | None, seconds: int, setup_due: bool
) -> list[tuple[str, int]]:
    if answered_at is None:
        return []
    price = charge(terms, answered_at, seconds, setup_due=setup_due)
    found: list[tuple[str, int]] = []
    for line in price.lines:
        if line.what == "talk":
            surcharge = _surcharge(terms, line)
            found += [(CALLS, line.micros - surcharge), (SURCHARGES, surcharge)]
        else:
            found.append((_FEES.get(line.what, SURCHARGES), line.micros))
    return found


def _surcharge(terms: RateTerms, line: ChargeLine) -> int:
    """The surcharge inside a line of talk. Rounded down, so the rounding stays with the talk."""
    return min(line.micros, terms.surcharge_per_minute * line.seconds // 60)
