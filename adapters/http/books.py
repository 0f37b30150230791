"""The books: a trial balance, statements of ledger accounts, and what is owed day by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked, Limit, bad_parameter
from adapters.http.book_work import Reading, Told
from adapters.http.operations import Operation, Routes
from adapters.http.refusals import KINDS
from adapters.http.services import HttpServices
from adapters.http.wire import Digits, MoneyTold, tell, told
from application import kinds
from application.book_questions import BalancesAsked, OwedAsked, Question, StatementAsked
from application.bookkeeping import EARLIEST, LATEST, Owed, Statement, TrialBalance
from application.permissions import Action
from domain import ledger
from domain.errors import SettingNotAllowed
from domain.money import Money

MOST_DAYS = 366
"""Days of one table of what is owed."""

USUAL_LINES = 100
_LOOK_AGAIN = {"Retry-After": "2"}

Moment = Annotated[datetime, Meta(tz=True)]
At = Annotated[
    datetime, Meta(tz=True, description="As of this moment; as of now if it is left out.")
]
LedgerName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[A-Z][A-Za-z0-9-]*(:[A-Z0-9][A-Za-z0-9-]*)*\Z",
        description="A ledger account, such as Income:Calls; those below it are included.",
    ),
]


class StillReading(Struct, frozen=True, tag_field="state", tag="reading"):
    """The log is long and is being read; ask the same again. ``done`` and ``total`` are positions
    in the log, ``at`` the moment that the figures will be of."""

    done: int
    total: int
    at: datetime


class LedgerBalance(Struct, frozen=True):
    """``balance`` is above zero where more was debited than credited."""

    account: str
    debits: MoneyTold
    credits: MoneyTold
    balance: MoneyTold


class Sums(Struct, frozen=True):
    """The balances in debit and in credit of one unit: the two are equal."""

    debits: MoneyTold
    credits: MoneyTold


class TrialBalanceShown(Struct, frozen=True, tag_field="state", tag="read"):
    """As of a moment: by the facts up to a position of the log."""

    at: datetime
    position: int
    depth: int
    accounts: list[LedgerBalance]
    sums: list[Sums]


class LineShown(Struct, frozen=True):
    """What one transaction did to the accounts of the statement, and their balance after it.
    ``others`` are the accounts on the other side."""

    line: int
    position: int
    at: datetime
    what: str
    amount: MoneyTold
    balance: MoneyTold
    others: Sequence[str]


class StatementShown(Struct, frozen=True, tag_field="state", tag="read"):
    """``lines`` of ``total``, a page of them; ``next`` is the line the following page comes after.
    ``left_out``: lines behind those that are too many to be told; the closing balances are right.
    """

    at: datetime
    position: int
    accounts: Sequence[str]
    since: datetime | None
    until: datetime | None
    opening: list[MoneyTold]
    lines: list[LineShown]
    closing: list[MoneyTold]
    total: int
    next: int | None
    left_out: int


class OwedShown(Struct, frozen=True):
    """What was owed at the end of a day to the holders of one group's accounts."""

    day: date
    group: str
    prepaid: MoneyTold
    held: MoneyTold
    total: MoneyTold


class LiabilityShown(Struct, frozen=True, tag_field="state", tag="read"):
    """``days``: one line for each day, group and unit."""

    at: datetime
    position: int
    first: date
    last: date
    days: list[OwedShown]


class BalancesParameters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    at: At | None = None
    depth: Annotated[
        int, Meta(ge=1, le=3, description="Accounts are summed up in so many parts of a name.")
    ] = 3


class StatementParameters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of an account, or of both accounts of a card. ``since`` is included, ``until`` is not."""

    account: LedgerName | None = None
    card: Annotated[Digits, Meta(description="A card's number instead of an account.")] | None = (
        None
    )
    since: Moment | None = None
    until: Moment | None = None
    after: Annotated[int, Meta(ge=0, le=10**9, description="The line to go on after.")] = 0
    limit: Limit = USUAL_LINES


class LiabilityParameters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Days begin where ``cards.time_zone`` says; without days, those of the last month. Days that
    are still to come are not told."""

    since: Annotated[date, Meta(description="First day.")] | None = None
    until: Annotated[date, Meta(description="Last day; today if it is left out.")] | None = None


def trial_balance(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(BalancesParameters)
    found = _ask(services, asked, BalancesAsked(given.depth), given.at)
    if isinstance(found, Reading):
        return _later(found)
    assert isinstance(found.figures, TrialBalance), "that was asked"
    rows = [
        LedgerBalance(
            row.account,
            told(Money(row.debits, row.unit)),
            told(Money(row.credits, row.unit)),
            told(row.amount),
        )
        for row in found.figures.rows
    ]
    sums = [
        Sums(told(Money(debits, unit)), told(Money(credits, unit)))
        for unit, (debits, credits) in sorted(found.figures.sums.items())
    ]
    return Answer(TrialBalanceShown(found.at, found.position, given.depth, rows, sums))


def statement(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(StatementParameters)
    if (given.account is None) == (given.card is None):
        raise bad_parameter("account", "or card says of what the statement is: one of the two")
    if given.since is not None and given.until is not None and given.since >= given.until:
        raise SettingNotAllowed("until", given.until.isoformat(), "a moment after `since`")
    accounts = _of_card(services, given.card) if given.card else (given.account or "",)
    question = StatementAsked(accounts, given.since, given.until)
    found = _ask(services, asked, question, given.until)
    if isinstance(found, Reading):
        return _later(found)
    assert isinstance(found.figures, Statement), "that was asked"
    return Answer(_page(found, found.figures, given))


def _page(found: Told, whole: Statement, given: StatementParameters) -> StatementShown:
    end = given.after + given.limit
    lines = [
        tell(LineShown, each, line=number)
        for number, each in enumerate(whole.lines[given.after : end], given.after + 1)
    ]
    return StatementShown(
        found.at,
        found.position,
        whole.accounts,
        given.since,
        given.until,
        [told(each) for each in whole.opening],
        lines,
        [told(each) for each in whole.closing],
        len(whole.lines),
        end if end < len(whole.lines) else None,
        whole.left_out,
    )


def liability(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(LiabilityParameters)
    today = services.clock.now().astimezone(ZoneInfo(services.books.books.zone)).date()
    last = min(given.until or today, today)
    first = given.since or max(EARLIEST, last - timedelta(days=min(29, last.toordinal() - 1)))
    known = EARLIEST <= first <= last <= LATEST
    if not known or (last - first).days >= MOST_DAYS:
        accepted = f"a first and a last day, {MOST_DAYS} days at most, from {EARLIEST} on"
        raise SettingNotAllowed("days", f"{first} to {last}", accepted)
    found = _ask(services, asked, OwedAsked(first, last), None)
    if isinstance(found, Reading):
        return _later(found)
    days: Any = found.figures
    return Answer(
        LiabilityShown(found.at, found.position, first, last, [_owed(each) for each in days])
    )


def _owed(row: Owed) -> OwedShown:
    return tell(OwedShown, row)


def _ask(
    services: HttpServices, asked: Asked, question: Question, at: datetime | None
) -> Told | Reading:
    return services.books.ask(services.work, asked.actor.identity, question, at)


def _later(found: Reading) -> Answer:
    return Answer(StillReading(found.done, found.total, found.at), 202, _LOOK_AGAIN)


def _of_card(services: HttpServices, number: str) -> tuple[str, str]:
    """Both ledger accounts of a card: what it owns, held or not. Raises NotFound."""
    administration = services.administration
    card = administration.card(administration.card_id(number))
    (group,) = administration.states(kinds.CARD_GROUPS, (card.group_id,))
    return accounts_of(group.name if group is not None else ledger.UNKNOWN, card.account_id)


def accounts_of(group: str, account_id: UUID) -> tuple[str, str]:
    return ledger.prepaid(group, account_id), ledger.held(group, account_id)


def _reads(handler: Any, summary: str, answers: Any, query: Any) -> Operation:
    return Operation(
        handler,
        Action.SEE_BOOKS,
        summary,
        answers | StillReading,
        query=query,
        also=(202,),
        problems=_PROBLEMS,
    )


_PROBLEMS = (
    KINDS["setting-not-allowed"],
    KINDS["not-found"],
    KINDS["ledger-unavailable"],
    problems.DAMAGED,
)

ROUTES: Routes = {
    "/v1/books/trial-balance": {
        "GET": _reads(
            trial_balance,
            "Every ledger account with its debits, credits and balance, as of any moment.",
            TrialBalanceShown,
            BalancesParameters,
        )
    },
    "/v1/books/statement": {
        "GET": _reads(
            statement,
            "What happened on a ledger account, line by line.",
            StatementShown,
            StatementParameters,
        )
    },
    "/v1/books/liability": {
        "GET": _reads(
            liability,
            "What was owed to cardholders at the end of each day, by card group and unit.",
            LiabilityShown,
            LiabilityParameters,
        )
    },
}
