"""Which column of a provider's sheet means what, and how a row of cells becomes prices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from application.rate_files import Reading
from domain.decks import LONGEST_PREFIX
from domain.money import MICROS, MINUTES, parse
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms

ALIASES: Mapping[str, tuple[str, ...]] = {
    "prefix": ("code", "codes", "dial code", "dialcode", "dial codes", "dialing code", "area code",
               "area codes", "city code", "city codes", "breakout", "prefixes", "digits"),
    "country_code": ("country prefix", "cc"),
    "destination": ("description", "country", "name", "destination name", "location", "area",
                    "country name", "zone"),
    "per_minute": ("rate", "price", "rate per minute", "price per minute", "per min", "ppm", "cost",
                   "sell rate", "rate min", "price min", "rate usd", "charge"),
    "connect_fee": ("connection fee", "connect", "setup", "call setup", "connect charge",
                    "connection charge", "call setup fee"),
    "disconnect_fee": ("disconnect charge", "disconnection fee"),
    "minimum_charge": ("min charge", "minimum price"),
    "billing": ("billing increment", "billing increments", "billing terms", "increments",
                "rounding", "interval", "billing block"),
    "initial_block": ("initial", "initial increment", "initial interval", "first interval",
                      "first increment", "interval 1", "first block"),
    "increment": ("next interval", "subsequent increment", "subsequent", "interval n",
                  "next increment", "step", "following interval"),
    "minimum_duration": ("minimum time", "min duration", "min time", "minimum seconds"),
    "grace_seconds": ("grace", "grace period", "grace time", "free seconds"),
    "effective_on": ("effective", "effective date", "valid from", "start date", "date",
                     "effective from"),
    "unit": ("currency",),
}  # fmt: skip
"""What each column may be called; case, spaces and punctuation make no difference."""

COLUMNS = tuple(ALIASES)
MOST_CELL = 20_000
"""Characters in one cell: a list of prefixes may be long, nothing else is."""

MOST_COUNTED = 10_000
"""Prefixes that one cell may stand for."""

_NEEDED = ("prefix", "destination", "per_minute")
_AMOUNTS = ("per_minute", "connect_fee", "disconnect_fee", "minimum_charge")
_SECONDS = ("initial_block", "increment", "minimum_duration", "grace_seconds")
_NAMES = {
    re.sub(r"[\W_]+", " ", alias).strip(): name
    for name, aliases in ALIASES.items()
    for alias in (name, *aliases)
}
_PREFIX = re.compile(r"(?:\+|00)?([0-9]{1,15})(?: ?- ?([0-9]{1,15}))?", re.ASCII)
_BILLING = re.compile(r"([0-9]{1,5}) ?[/+:x-] ?([0-9]{1,5})", re.ASCII)
_FORMULA = ("=", "@")
_GUARDED = re.compile(r"'(?=[=+\-@\t\r])")
_DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y-%m-%d %H:%M:%S",
    "%d.%m.%Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
)
_EXCEL_EPOCH = date(1899, 12, 30)
_MOST_KNOWN = 200_000


class Place(Protocol):
    """Says where a cell is, such as ``line 7`` or ``cell C7``."""

    def __call__(self, column: int | None = None) -> str: ...


class Columns:
    """The header of a file, understood. Raises ValueError for a header that is not."""

    def __init__(self, header: Sequence[str], reading: Reading) -> None:
        self._reading = reading
        self._places: dict[str, int] = {}
        self._width = len(header)
        ignored = {_plain(each) for each in reading.ignore}
        unknown = []
        for number, cell in enumerate(header):
            name = _NAMES.get(_plain(cell))
            if _plain(cell) in ignored or not cell.strip():
                continue
            if name is None:
                unknown.append(cell)
            elif name in self._places:
                first = header[self._places[name]]
                raise ValueError(f"the columns {first!r} and {cell!r} both mean {name}")
            else:
                self._places[name] = number
        if unknown and "*" not in reading.ignore:
            raise ValueError(
                f"unknown columns {', '.join(map(repr, unknown))}; known are {', '.join(COLUMNS)}"
                " and their usual names; tell which to ignore"
            )
        needed = [n for n in _NEEDED if not (n == "per_minute" and reading.unit == MINUTES)]
        if missing := [name for name in needed if name not in self._places]:
            raise ValueError(f"the columns {', '.join(missing)} are missing")
        if "billing" in self._places and {"initial_block", "increment"} & self._places.keys():
            raise ValueError("billing and initial_block or increment say the same thing twice")
        self._terms_at = [
            (name, self._places[name])
            for name in (*_AMOUNTS, "billing", *_SECONDS, "unit")
            if name in self._places
        ]
        self._known: dict[tuple[str, ...], RateTerms] = {}
        self._dates: dict[str, date | None] = {}

    @staticmethod
    def begin(cells: Sequence[str]) -> bool:
        """Whether a row looks like the header: it has a prefix and a name or a price."""
        known = {_NAMES.get(_plain(cell)) for cell in cells}
        return "prefix" in known and bool({"destination", "per_minute"} & known)

    def rows(self, cells: Sequence[str], line: int, place: Place) -> Iterator[PricedPrefix]:
        """The prices that one row of cells states, one for each prefix of its list or range."""
        if len(cells) < self._width or any(cells[self._width :]):
            raise ValueError(f"{place()}: {len(cells)} cells, and the header has {self._width}")
        prefix = cells[self._places["prefix"]]
        if not prefix.strip() and not any(map(str.strip, cells)):
            return
        for number, cell in enumerate(cells):
            if cell[:1] in _FORMULA:
                raise ValueError(
                    f"{place(number)}: a formula, {cell[:40]!r}; formulas are not evaluated,"
                    " so save the sheet with values only"
                )
        if "effective_on" in self._places:
            at = self._places["effective_on"]
            effective_on = self._day(cells[at], place, at)
        else:
            effective_on = None
        terms = self._terms(cells, place)
        name_at = self._places["destination"]
        destination = _GUARDED.sub("", cells[name_at], count=1).strip()
        if not destination:
            raise ValueError(f"{place(name_at)}: a destination is a name, and this one is empty")
        for each in self._prefixes(cells, prefix, place):
            yield PricedPrefix(each, destination, terms, line, effective_on)

    def _prefixes(self, cells: Sequence[str], text: str, place: Place) -> Sequence[str]:
        country = ""
        if (at := self._places.get("country_code")) is not None:
            country = _country(cells[at].strip(), place, at)
            if not text.strip():
                return (country,)
        if text.isdigit() and text.isascii() and len(country + text) <= LONGEST_PREFIX:
            return (
                (country + text.removeprefix("00"),)
                if text.strip("0")
                else self._refuse(text, place)
            )
        found: list[str] = []
        for part in re.split(r"[,;|\n]", text):
            if not (part := part.strip()):
                continue
            match = _PREFIX.fullmatch(part)
            if match is None or not match[1].strip("0"):
                self._refuse(part, place)
            assert match is not None, "refused above"
            found += _counted(match[1], match[2], lambda p=part: self._refuse(p, place))
            if len(found) > MOST_COUNTED:
                raise ValueError(
                    f"{place(self._places['prefix'])}: more than {MOST_COUNTED} prefixes"
                )
        if not found or any(len(country + each) > LONGEST_PREFIX for each in found):
            self._refuse(text, place)
        return [country + each for each in found]

    def _refuse(self, text: str, place: Place) -> Any:
        raise ValueError(
            f"{place(self._places['prefix'])}: a prefix is 1 to {LONGEST_PREFIX} digits, a list"
            f" such as 48,4860 or a range such as 4860-4869, not {text[:40]!r}"
        )

    def _terms(self, cells: Sequence[str], place: Place) -> RateTerms:
        # Few different prices stand in many rows, and looking one up is faster than reading it.
        key = tuple([cells[at] for _, at in self._terms_at])
        terms = self._known.get(key)
        if terms is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            terms = self._known[key] = self._read_terms(cells, place)
        return terms

    def _read_terms(self, cells: Sequence[str], place: Place) -> RateTerms:
        unit = self._reading.unit
        values: dict[str, int] = {}
        if unit == MINUTES:
            values = {"per_minute": MICROS, "initial_block": 60, "increment": 60}
        for name, at in self._terms_at:
            cell = cells[at].strip()
            try:
                if name == "unit":
                    if cell.upper() not in ("", unit):
                        raise ValueError(f"the unit of this sheet is {unit}, not {cell[:40]!r}")
                elif not cell:
                    if name == "per_minute":
                        raise ValueError("a rate is a plain decimal such as 0.05, and is empty")
                elif name in _AMOUNTS:
                    values[name] = self._amount(cell)
                elif name == "billing":
                    values["initial_block"], values["increment"] = _billing(cell)
                else:
                    values[name] = _seconds(cell)
            except ValueError as error:
                raise ValueError(f"{place(at)}: {error}") from None
        try:
            return RateTerms(unit, **values)  # type: ignore[arg-type]
        except ValueError as error:
            raise ValueError(f"{place()}: {error}") from None

    def _amount(self, cell: str) -> int:
        if self._reading.decimal_comma:
            if "." in cell:
                raise ValueError(
                    f"amounts have a decimal comma here, as in 0,05, not {cell[:40]!r}"
                )
            cell = cell.replace(",", ".")
        elif re.fullmatch(r"-?[0-9]+,[0-9]+", cell):
            raise ValueError(
                f"an amount has a decimal point, as in 0.05, not {cell!r};"
                " tell if all amounts have a decimal comma"
            )
        micros = parse(cell, self._reading.unit).micros
        if micros < 0:
            raise ValueError(f"an amount is zero or more, not {cell}")
        return micros

    def _day(self, cell: str, place: Place, at: int) -> date | None:
        text = cell.strip()
        if text not in self._dates:
            if len(self._dates) >= _MOST_KNOWN:
                self._dates.clear()
            self._dates[text] = _day(text, place, at)
        return self._dates[text]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def _country(text: str, place: Place, at: int) -> str:
    digits = text.removeprefix("+")
    if not re.fullmatch(r"[1-9][0-9]{0,3}", digits, re.ASCII):
        raise ValueError(f"{place(at)}: a country code is 1 to 4 digits, not {text[:40]!r}")
    return digits


def _counted(first: str, last: str | None, refuse: Any) -> Sequence[str]:
    """A range as its prefixes. A shorter end replaces the last digits: 4860-9 ends with 4869."""
    if last is None:
        return (first,)
    last = first[: len(first) - len(last)] + last
    if len(last) != len(first) or int(last) < int(first):
        return refuse()  # type: ignore[no-any-return]
    if int(last) - int(first) >= MOST_COUNTED:
        return refuse()  # type: ignore[no-any-return]
    return [f"{n:0{len(first)}d}" for n in range(int(first), int(last) + 1)]


def _billing(cell: str) -> tuple[int, int]:
    match = _BILLING.fullmatch(cell)
    if match is None:
        if cell.isascii() and cell.isdigit():
            return int(cell), int(cell)
        raise ValueError(f"billing is written 60/60 or 30/6, in seconds, not {cell[:40]!r}")
    return int(match[1]), int(match[2])


def _seconds(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) < 8):
        raise ValueError(f"seconds are a whole number such as 60, not {cell[:40]!r}")
    return int(cell)


def _day(text: str, place: Place, at: int) -> date | None:
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) == 5:  # a spreadsheet counts days
        return _EXCEL_EPOCH + timedelta(days=int(text))
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise ValueError(f"{place(at)}: a day is written 2026-01-31, not {text[:40]!r}")
