"""Breakage: what is left on a card that expired or is void falls to the operator, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from attrs import Factory, define, frozen

from application import kinds
from application.bulk import Addition, BulkAppends, stored_in_parts
from application.ports import Clock
from domain.accounts import Forfeiture
from domain.card_groups import GroupTerms
from domain.cards import Card, Status
from domain.money import Money

CHUNK = 500


class BreakageViews(Protocol):
    """Where money may be left that nobody can spend: read models, a moment behind."""

    def groups(self) -> Sequence[tuple[UUID, str]]:
        """All card groups with their names."""
        ...

    def left_over(
        self,
        group_id: UUID,
        *,
        everything: bool,
        used_until: datetime | None,
        after: UUID | None,
        limit: int,
    ) -> Sequence[UUID]:
        """Cards of a group with something available, by id: those that are void, those first used
        at a moment or before, or all. They are candidates: what is due is decided on the facts.
        """
        ...


@define
class BreakageReport:
    """``forfeited`` cards lost ``amounts``, by unit; ``emptied`` have nothing left now."""

    looked_at: int = 0
    forfeited: int = 0
    emptied: int = 0
    amounts: dict[str, int] = Factory(dict)
    """Micros by unit."""

    def add(self, other: BreakageReport) -> None:
        self.looked_at += other.looked_at
        self.forfeited += other.forfeited
        self.emptied += other.emptied
        for unit, micros in other.amounts.items():
            self.amounts[unit] = self.amounts.get(unit, 0) + micros

    @property
    def sums(self) -> list[Money]:
        return [Money(micros, unit) for unit, micros in sorted(self.amounts.items())]


@frozen
class Breakage:
    bulk: BulkAppends
    views: BreakageViews
    clock: Clock
    chunk: int = CHUNK
    grace: timedelta = timedelta(0)
    """For how long the money of an expired card stays, so that a mistaken expiry can be mended."""

    def run(self) -> BreakageReport:
        """Takes what is available on every card that has expired or is void.

        Running late, twice or in several processes at once, or being killed, takes nothing twice:
        the facts are decided on the account as it is, and stored only if it still is. What is held
        for a call is taken by a later run, when the call has ended and left something. A card
        whose group moved the expiry to later before this ran keeps its money. What is on a void
        card is taken at once.
        """
        report = BreakageReport()
        for group_id, _ in self.views.groups():
            after: UUID | None = None
            while page := self._candidates(group_id, after):
                for part in self._take(group_id, page):
                    report.add(part)
                after = page[-1]
        return report

    def _candidates(self, group_id: UUID, after: UUID | None) -> Sequence[UUID]:
        terms, due = self._terms(group_id), self.clock.now() - self.grace
        until = due - timedelta(days=terms.valid_days) if terms.valid_days else None
        return self.views.left_over(
            group_id,
            everything=terms.expires_on is not None and terms.expires_on <= due,
            used_until=until,
            after=after,
            limit=self.chunk,
        )

    def _terms(self, group_id: UUID) -> GroupTerms:
        group = self.bulk.load(kinds.CARD_GROUPS, (group_id,))[group_id].state
        assert group is not None, "a listed group was created"
        return group.terms

    def _take(self, group_id: UUID, page: Sequence[UUID]) -> Iterator[BreakageReport]:
        def decide(card_ids: Sequence[UUID]) -> tuple[Sequence[Addition], BreakageReport]:
            told = BreakageReport(looked_at=len(card_ids))
            # Looked at anew with the cards, so that a change of terms counts at once.
            terms, due = self._terms(group_id), self.clock.now() - self.grace
            cards = self.bulk.load(kinds.CARDS, card_ids)
            ids = [each.state.account_id for each in cards.values() if each.state]
            accounts = self.bulk.load(kinds.ACCOUNTS, ids)
            additions: list[Addition] = []
            for card_id, loaded in cards.items():
                card = loaded.state
                reason = None if card is None else why_forfeited(card, terms, due)
                if card is None or reason is None:
                    continue
                known = accounts[card.account_id]
                account = known.state
                if account is None:
                    continue
                facts = account.forfeit(reason)
                if not facts:
                    continue
                additions.append(Addition(kinds.ACCOUNTS, card.account_id, known.version, facts))
                told.forfeited += 1
                told.amounts[account.unit] = (
                    told.amounts.get(account.unit, 0) + account.available.micros
                )
                if emptied := card.balance_changed(account.held):
                    told.emptied += 1
                    additions.append(Addition(kinds.CARDS, card_id, loaded.version, emptied))
            return additions, told

        return stored_in_parts(self.bulk, page, decide)


def why_forfeited(card: Card, terms: GroupTerms, now: datetime) -> Forfeiture | None:
    """Why nobody can spend what is on the card any more; None: somebody can."""
    if card.status is Status.VOID:
        return Forfeiture.VOID
    end = card.expires_at(terms)
    return Forfeiture.EXPIRED if end is not None and end <= now else None
