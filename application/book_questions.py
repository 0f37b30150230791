"""Questions to the books: each is one reading of the log, up to a position that is settled first.

A figure as of a position stays the same for ever. So a question may be answered elsewhere and
later, and its answer may be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from attrs import frozen

from application.bookkeeping import Bookkeeping, Owed, Statement, TrialBalance
from application.log import Log, Logged

Progress = Callable[[int], object]
"""Is told the position up to which the log has been read."""

MOST_LINES = 20_000
"""Lines of a statement that are kept."""

_TOLD_EVERY = 4_096


@frozen
class BalancesAsked:
    """``depth``: ledger accounts are summed up in so many components of their names."""

    depth: int


@frozen
class StatementAsked:
    """Of these ledger accounts together; ``since`` is included, ``until`` is not."""

    accounts: tuple[str, ...]
    since: datetime | None = None
    until: datetime | None = None


@frozen
class OwedAsked:
    """What was owed at the end of each of these days."""

    first: date
    last: date


Question = BalancesAsked | StatementAsked | OwedAsked
Figures = TrialBalance | Statement | list[Owed]


class AskedBooks(Protocol):
    """The port to books that answer a question by reading the log."""

    @property
    def zone(self) -> str:
        """Where days begin (IANA)."""
        ...

    def position(self, at: datetime | None) -> int:
        """The last position that was recorded until a moment; None: until now."""
        ...

    def answer(self, question: Question, position: int, progress: Progress) -> Figures:
        """Reads the log up to a position. Raises ValueError for a damaged one."""
        ...


@frozen
class ReadBooks:
    """The port ``AskedBooks``, reading the log here and now."""

    log: Log
    zone: str = "UTC"

    def position(self, at: datetime | None) -> int:
        return self.log.end() if at is None else self.log.position_at(at)

    def answer(self, question: Question, position: int, progress: Progress) -> Figures:
        books = Bookkeeping(_UpTo(self.log, position, progress), self.zone)
        match question:
            case BalancesAsked(depth):
                return books.trial_balance(depth=depth)
            case StatementAsked(accounts, since, until):
                return books.statement(*accounts, since=since, until=until, most=MOST_LINES)
            case OwedAsked(first, last):
                return books.liability(first, last)


@frozen
class _UpTo:
    """A log that ends at a position, and tells how far it has been read."""

    log: Log
    position: int
    progress: Progress

    def end(self) -> int:
        return self.position

    def position_at(self, moment: datetime) -> int:
        """Settled before: whoever asks checks the moments of what was recorded a little later."""
        return self.position

    def facts(
        self, wanted: Collection[type] | None = None, *, until: int | None = None
    ) -> Iterator[Logged]:
        for place, each in enumerate(self.log.facts(wanted, until=self.position)):
            if place % _TOLD_EVERY == 0:
                self.progress(each.position)
            yield each

    def stream(self, stream_id: UUID, *, until: int | None = None) -> Sequence[Logged]:
        return self.log.stream(stream_id, until=self.position)
