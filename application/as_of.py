"""Cards, accounts and calls as they were at any past moment, folded from the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from attrs import frozen

from application import kinds
from application.log import Log, Logged
from application.streams import Fact, Kind, State
from domain.accounts import AccountOpened
from domain.card_groups import GroupTerms
from domain.cards import CardGenerated
from domain.errors import NotFound
from domain.money import Money


@frozen
class OpenHold:
    hold_id: UUID
    amount: Money


@frozen
class AccountAsOf:
    """``facts`` were recorded until then, the last one at ``changed_at``."""

    account_id: UUID
    holder_kind: str
    holder: UUID
    balance: Money
    held: Money
    available: Money
    holds: Sequence[OpenHold]
    daily_fee_through: date | None
    facts: int
    changed_at: datetime


@frozen
class CardAsOf:
    """``account`` is None for a card that had never been active."""

    card_id: UUID
    number: str
    group: str
    terms: GroupTerms
    status: str
    expires_at: datetime | None
    expired: bool
    first_used_at: datetime | None
    caller_id: str | None
    sold: bool
    facts: int
    changed_at: datetime
    account: AccountAsOf | None


@frozen
class Histories:
    """What was known at a moment: the log before the first fact that was recorded after it."""

    log: Log

    def account(self, account_id: UUID, at: datetime) -> AccountAsOf:
        """Raises NotFound for an account that was not open then."""
        return self._account(account_id, self.log.position_at(at), at)

    def card(self, card_id: UUID, at: datetime) -> CardAsOf:
        """Raises NotFound for a card that was not there then."""
        until = self.log.position_at(at)
        facts = self.log.stream(card_id, until=until)
        card = _folded(kinds.CARDS, facts) if _begins(facts, CardGenerated) else None
        if card is None:
            raise NotFound("card", f"{card_id} at {_told(at)}")
        group = _folded(kinds.CARD_GROUPS, self.log.stream(card.group_id, until=until))
        if group is None:
            raise NotFound("card group", f"{card.group_id} at {_told(at)}")
        expires_at = card.expires_at(group.terms)
        account = self._account(card.account_id, until, at) if card.activated else None
        return CardAsOf(
            card_id,
            card.number,
            group.name,
            group.terms,
            card.status.value,
            expires_at,
            expires_at is not None and expires_at <= at,
            card.first_used_at,
            card.caller_id,
            card.sold,
            len(facts),
            facts[-1].recorded_at,
            account,
        )

    def changes(
        self, streams: Sequence[UUID], at: datetime
    ) -> tuple[datetime | None, datetime | None]:
        """When these things were as they were before the last change until a moment, and when
        they changed next. None: there was no such change."""
        moments = {each.recorded_at for stream in streams for each in self.log.stream(stream)}
        until = sorted(each for each in moments if each <= at)
        later = [each for each in moments if each > at]
        return until[-2] if len(until) > 1 else None, min(later, default=None)

    def _account(self, account_id: UUID, until: int, at: datetime) -> AccountAsOf:
        facts = self.log.stream(account_id, until=until)
        account = _folded(kinds.ACCOUNTS, facts) if _begins(facts, AccountOpened) else None
        if account is None:
            raise NotFound("account", f"{account_id} at {_told(at)}")
        holds = [OpenHold(hold_id, amount) for hold_id, amount in account.holds.items()]
        return AccountAsOf(
            account_id,
            account.holder_kind,
            account.holder,
            account.balance,
            account.held,
            account.available,
            holds,
            account.daily_fee_through,
            len(facts),
            facts[-1].recorded_at,
        )


def _told(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _begins(facts: Sequence[Logged], first: type) -> bool:
    """Whether it is the stream of such a thing, and not that of another one with this id."""
    return bool(facts) and isinstance(facts[0].fact, first)


def _folded(kind: Kind[State, Fact], facts: Sequence[Logged]) -> State | None:
    state: State | None = None
    for each in facts:
        state = kind.evolve(state, each.fact)
    return state
