"""Where money may be left, read from the facts in memory: exact, and slow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from application import kinds
from domain.accounts import Account
from domain.card_groups import CardGroup
from domain.cards import Card, Status
from tests.support.memory import MemoryUnitsOfWork


class LeftOver:
    """The port ``BreakageViews``."""

    def __init__(self, units: MemoryUnitsOfWork) -> None:
        self._units = units

    def groups(self) -> Sequence[tuple[UUID, str]]:
        found = []
        for group_id in self._units.streams(kinds.CARD_GROUPS.name):
            group = self._units.state(kinds.CARD_GROUPS, group_id)
            assert isinstance(group, CardGroup)
            found.append((group_id, group.name))
        return found

    def left_over(
        self,
        group_id: UUID,
        *,
        everything: bool,
        used_until: datetime | None,
        after: UUID | None,
        limit: int,
    ) -> Sequence[UUID]:
        found = []
        for card_id in self._units.streams(kinds.CARDS.name):
            card = self._units.state(kinds.CARDS, card_id)
            assert isinstance(card, Card)
            account = self._units.state(kinds.ACCOUNTS, card.account_id)
            used = card.first_used_at
            wanted = (
                everything
                or card.status is Status.VOID
                or (used_until is not None and used is not None and used <= used_until)
            )
            if card.group_id == group_id and isinstance(account, Account) and account.available:
                found += [card_id] if wanted else []
        return [each for each in found if after is None or each > after][:limit]
