"""The log and the books of a ledger in memory, the books checked as they are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from application import kinds
from application.log import Logged
from domain.accounts import Account
from domain.books import Books
from domain.ledger import Balances, Transaction
from tests.support.memory import MemoryUnitsOfWork


class MemoryLog:
    """The port ``Log``; positions count from 1."""

    def __init__(self, units: MemoryUnitsOfWork) -> None:
        self._units = units

    def end(self) -> int:
        return len(self._units.log())

    def position_at(self, moment: datetime) -> int:
        log = self._units.log()
        after = [n for n, each in enumerate(log) if each.recorded_at > moment]
        return after[0] if after else len(log)

    def facts(
        self, wanted: Collection[type] | None = None, *, until: int | None = None
    ) -> Iterator[Logged]:
        for position, each in enumerate(self._units.log()[:until], 1):
            if wanted is None or type(each.fact) in wanted:
                yield Logged(
                    position,
                    each.stream_id,
                    each.version,
                    each.recorded_at,
                    type(each.fact).__name__,
                    each.fact,
                )

    def stream(self, stream_id: UUID, *, until: int | None = None) -> Sequence[Logged]:
        return [each for each in self.facts(until=until) if each.stream_id == stream_id]


class Bookkeeper:
    """Reads what was recorded since it last read. Every transaction has to balance."""

    def __init__(self, units: MemoryUnitsOfWork) -> None:
        self._units = units
        self.books = Books()
        self.balances = Balances()
        self.transactions: list[Transaction] = []
        self.read = 0

    def catch_up(self) -> list[Transaction]:
        new = []
        for each in self._units.log()[self.read :]:
            self.read += 1
            told = self.books.add(self.read, each.recorded_at, each.stream_id, each.fact)
            if told is not None:
                assert balanced(told)
                self.balances.add(told)
                new.append(told)
        assert self.books.waiting == []
        self.transactions += new
        return new

    def check(self, account_id: UUID, account: Account) -> None:
        """What is owed to the holder, available and held, is what the account says."""
        names = self.books.names(account_id)
        assert self.balances.of(names.prepaid, account.unit) == account.held - account.balance
        assert self.balances.of(names.held, account.unit) == account.held.zero - account.held

    def check_all(self) -> None:
        self.catch_up()
        for account_id in self._units.streams(kinds.ACCOUNTS.name):
            account = self._units.state(kinds.ACCOUNTS, account_id)
            assert account is not None, "an account that is listed was opened"
            self.check(account_id, account)

    def sums(self, prefix: str = "") -> dict[str, int]:
        """Micros by ledger account that are not zero: debits above, credits below."""
        rows = {row.account: row.amount.micros for row in self.balances.rows()}
        return {name: micros for name, micros in rows.items() if micros and name.startswith(prefix)}


def balanced(transaction: Transaction) -> bool:
    sums: Counter[str] = Counter()
    for posting in transaction.postings:
        assert posting.amount
        sums[posting.amount.unit] += posting.amount.micros
    return bool(transaction.postings) and set(sums.values()) == {0}
