"""The books as journals that accountants' own programs read: hledger and Beancount."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date
from zoneinfo import ZoneInfo

from domain.ledger import Transaction
from domain.money import MICROS

Journal = Callable[[Iterable[Transaction], ZoneInfo], Iterator[str]]


def hledger(transactions: Iterable[Transaction], zone: ZoneInfo) -> Iterator[str]:
    """A journal for hledger (https://hledger.org/hledger.html#journal), also for its strict checks.

    A transaction has the day in the zone, and its position in the log as its code.
    """
    accounts: set[str] = set()
    units: set[str] = set()
    yield "; The books of Talktime, made from its log.\ndecimal-mark .\n"
    for each in transactions:
        day = each.at.astimezone(zone).date()
        lines = [
            f"\n{day} * ({each.position}) {each.what}"
            f"  ; time:{_moment(each)}, stream:{each.stream_id}\n"
        ]
        for posting in each.postings:
            accounts.add(posting.account)
            units.add(posting.amount.unit)
            lines.append(
                f"    {posting.account}  {_amount(posting.amount.micros)} {posting.amount.unit}\n"
            )
        yield "".join(lines)
    # What is used is declared behind its use, as it is known only then; the order is of no account.
    yield "".join(["\n", *(f"commodity 1.000000 {unit}\n" for unit in sorted(units))])
    for account in sorted(accounts):
        yield f"account {account}\n"


def beancount(transactions: Iterable[Transaction], zone: ZoneInfo) -> Iterator[str]:
    """A file for Beancount (https://beancount.github.io/docs/beancount_language_syntax.html).

    An account is opened on its first day. Clocks of several machines differ, so that need not be
    the day of its first transaction in the log.
    """
    opened: dict[str, date] = {}
    units: dict[str, set[str]] = {}
    yield '; The books of Talktime, made from its log.\noption "title" "Talktime"\n'
    for each in transactions:
        day = each.at.astimezone(zone).date()
        lines = [
            f'\n{day} * "{each.what}"\n'
            f'  position: {each.position}\n  time: "{_moment(each)}"\n'
            f'  stream: "{each.stream_id}"\n'
        ]
        for posting in each.postings:
            account, unit = posting.account, posting.amount.unit
            opened[account] = min(day, opened.get(account, day))
            units.setdefault(account, set()).add(unit)
            lines.append(f"  {account}  {_amount(posting.amount.micros)} {unit}\n")
        yield "".join(lines)
    yield "\n"
    for account in sorted(opened):
        yield f"{opened[account]} open {account} {','.join(sorted(units[account]))}\n"


JOURNALS: dict[str, Journal] = {"hledger": hledger, "beancount": beancount}


def _amount(micros: int) -> str:
    """All six places, so that every program knows how exact it is."""
    whole, part = divmod(abs(micros), MICROS)
    return f"{'-' if micros < 0 else ''}{whole}.{part:06d}"


def _moment(transaction: Transaction) -> str:
    return transaction.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
