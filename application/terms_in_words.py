"""Terms and lengths of time in plain English, for those who check a bill."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.money import MINUTES, Money
from domain.rating import Band, ChargeLine, RateTerms

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FEES = (
    ("connect_fee", "to connect"),
    ("disconnect_fee", "to disconnect"),
    ("surcharge", "surcharge"),
    ("surcharge_per_minute", "surcharge a minute"),
    ("setup_fee", "setup fee"),
)


def terms_in_words(terms: RateTerms) -> str:
    """All that a price follows from, in one line."""
    if terms.unit == MINUTES:
        parts = ["a talk minute for every begun minute"]
    else:
        parts = [f"{Money(terms.per_minute, terms.unit)} a minute"]
        parts += [f"{Money(band.per_minute, terms.unit)} {_when(band)}" for band in terms.bands]
        if terms.bands:
            parts.append(f"by the clock of {terms.time_zone}")
        parts.append(f"first {terms.initial_block} s, then each {terms.increment} s begun")
    for name, words in _FEES:
        if micros := getattr(terms, name):
            parts.append(f"{Money(micros, terms.unit)} {words}")
    if terms.minimum_duration:
        parts.append(f"at least {terms.minimum_duration} s")
    if terms.minimum_charge:
        parts.append(f"at least {Money(terms.minimum_charge, terms.unit)}")
    if terms.grace_seconds:
        parts.append(f"free up to {terms.grace_seconds} s")
    return ", ".join(parts)


def _when(band: Band) -> str:
    days = " ".join(_DAYS[day - 1] for day in band.weekdays)
    return f"on {days} from {_time(band.start_minute)} to {_time(band.end_minute)}"


def _time(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def line_in_words(line: ChargeLine, unit: str) -> str:
    amount = Money(line.micros, unit)
    if line.what != "talk" or line.since is None or line.until is None:
        return f"{line.what}: {amount}"
    rate = Money(line.per_minute, unit)
    return (
        f"talk from {clock_in_words(line.since)} to {clock_in_words(line.until)}:"
        f" {line.seconds} s at {rate} a minute: {amount}"
    )


def seconds_in_words(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{seconds} s" if not minutes else f"{seconds} s ({minutes} min {rest} s)"


def clock_in_words(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
