"""Bookkeeping: balances, statements and what is owed day by day, as of any past moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from attrs import frozen

from application.log import Log
from domain.books import Books
from domain.errors import SettingNotAllowed
from domain.ledger import Balance, Balances, Transaction
from domain.money import Money

MOST_DAYS = 3_660
"""Days of one table of what is owed."""

EARLIEST, LATEST = date(1970, 1, 1), date(9998, 12, 31)
"""Days that have a day before and after them in every time zone."""

_OWED = ("Liabilities:Prepaid:", "Liabilities:Held:")


@frozen
class TrialBalance:
    """Every ledger account after the fact at a position. In each unit debits equal credits."""

    position: int
    rows: list[Balance]

    @property
    def sums(self) -> dict[str, tuple[int, int]]:
        """The debit and the credit balances, in micros, by unit: the two are equal."""
        found: dict[str, tuple[int, int]] = {}
        for row in self.rows:
            debits, credits = found.get(row.unit, (0, 0))
            micros = row.amount.micros
            found[row.unit] = (debits + max(micros, 0), credits + max(-micros, 0))
        return found


@frozen
class StatementLine:
    """What one transaction did to the accounts of a statement, and their balance after it."""

    position: int
    at: datetime
    what: str
    amount: Money
    balance: Money
    others: tuple[str, ...]
    """The ledger accounts on the other side."""


@frozen
class Statement:
    """Opening and closing balances by unit, and the lines between them.

    ``left_out``: further lines behind them that were too many; the closing balances are theirs.
    """

    accounts: tuple[str, ...]
    opening: list[Money]
    lines: list[StatementLine]
    closing: list[Money]
    left_out: int = 0


@frozen
class Owed:
    """What was owed at the end of a day to the holders of one group's accounts."""

    day: date
    group: str
    prepaid: Money
    held: Money

    @property
    def total(self) -> Money:
        return self.prepaid + self.held


@frozen
class Bookkeeping:
    """Every figure is a fold of the log, from its first fact on: there is nothing else to trust."""

    log: Log
    zone: str = "UTC"
    """Where days begin (IANA)."""

    def transactions(self, at: datetime | None = None) -> Iterator[Transaction]:
        """All that was recorded until a moment, or now. Raises ValueError for a damaged log."""
        return self._until(self._position(at))

    def trial_balance(self, at: datetime | None = None, depth: int | None = None) -> TrialBalance:
        """``depth``: accounts are summed up in so many components of their names."""
        position = self._position(at)
        balances = Balances()
        for transaction in self._until(position):
            balances.add(transaction)
        return TrialBalance(position, balances.rows(depth))

    def statement(
        self,
        *accounts: str,
        since: datetime | None = None,
        until: datetime | None = None,
        most: int | None = None,
    ) -> Statement:
        """Of some ledger accounts, those below them, and all of them together.

        ``Liabilities:Prepaid:Gold`` is all of Gold. ``since`` is included, ``until`` is not. What
        moves between the accounts of one statement is none of its lines. ``most``: so many lines
        are told, the first ones.
        """
        within = tuple(f"{account}:" for account in accounts)
        opening: dict[str, int] = {}
        sums: dict[str, int] = {}
        lines: list[StatementLine] = []
        left_out = 0
        for transaction in self.transactions(until):
            if until is not None and transaction.at >= until:
                continue
            mine: dict[str, int] = {}
            others = []
            for posting in transaction.postings:
                if f"{posting.account}:".startswith(within):
                    unit, micros = posting.amount.unit, posting.amount.micros
                    mine[unit] = mine.get(unit, 0) + micros
                else:
                    others.append(posting.account)
            for unit, micros in mine.items():
                sums[unit] = sums.get(unit, 0) + micros
                if since is not None and transaction.at < since:
                    opening[unit] = sums[unit]
                elif micros and most is not None and len(lines) >= most:
                    left_out += 1
                elif micros:
                    lines.append(
                        StatementLine(
                            transaction.position,
                            transaction.at,
                            transaction.what,
                            Money(micros, unit),
                            Money(sums[unit], unit),
                            tuple(others),
                        )
                    )
        for unit in sums:
            opening.setdefault(unit, 0)
        return Statement(accounts, _amounts(opening), lines, _amounts(sums), left_out)

    def liability(self, first: date, last: date) -> list[Owed]:
        """What was owed at the end of each day, by card group and unit.

        Raises SettingNotAllowed for days that run backwards or are too many.
        """
        known = EARLIEST <= first <= last <= LATEST
        if not known or (last - first).days > MOST_DAYS:
            accepted = f"a first and a last day, at most {MOST_DAYS} later, from {EARLIEST} on"
            raise SettingNotAllowed("days", f"{first} to {last}", accepted)
        zone = ZoneInfo(self.zone)
        begins = datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1)
        owed: dict[tuple[str, str], list[int]] = {}
        found: list[Owed] = []
        day = first
        for transaction in self.transactions(begins.astimezone(UTC)):
            told = transaction.at.astimezone(zone).date()
            if told > last:
                break
            while day < told:
                found += _rows(day, owed)
                day += timedelta(days=1)
            for posting in transaction.postings:
                for column, prefix in enumerate(_OWED):
                    if posting.account.startswith(prefix):
                        group = posting.account.split(":")[2]
                        sums = owed.setdefault((group, posting.amount.unit), [0, 0])
                        sums[column] -= posting.amount.micros
        while day <= last:
            found += _rows(day, owed)
            day += timedelta(days=1)
        return found

    def _position(self, at: datetime | None) -> int:
        return self.log.end() if at is None else self.log.position_at(at)

    def _until(self, position: int) -> Iterator[Transaction]:
        books = Books()
        for each in self.log.facts(books.reads, until=position):
            told = books.add(each.position, each.recorded_at, each.stream_id, each.fact)
            if told is not None:
                yield told


def _rows(day: date, owed: dict[tuple[str, str], list[int]]) -> list[Owed]:
    return [
        Owed(day, group, Money(prepaid, unit), Money(held, unit))
        for (group, unit), (prepaid, held) in sorted(owed.items())
    ]


def _amounts(sums: dict[str, int]) -> list[Money]:
    return [Money(micros, unit) for unit, micros in sorted(sums.items())]
