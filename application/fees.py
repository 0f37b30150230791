"""Daily fees: each calendar day from first use, whenever the job runs and however often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import Factory, define, frozen

from application import kinds
from application.bulk import Addition, BulkAppends, stored_in_parts
from application.lot_views import LotViews
from application.ports import Clock
from domain.card_groups import CardGroupCreated, CardGroupTermsChanged, GroupTerms
from domain.cards import Card, CardStatusChanged, Status
from domain.money import Money

CHUNK = 500
_PAYS = (Status.ACTIVE, Status.USED, Status.ON_HOLD)


@define
class FeesReport:
    """``charged`` cards paid for ``days`` days; ``emptied`` have nothing left now."""

    looked_at: int = 0
    charged: int = 0
    days: int = 0
    emptied: int = 0

    def add(self, other: FeesReport) -> None:
        self.looked_at += other.looked_at
        self.charged += other.charged
        self.days += other.days
        self.emptied += other.emptied


@frozen
class GroupTimes:
    """The terms of one card group in the course of time, and the zone its days begin in."""

    zone: ZoneInfo
    changes: Sequence[tuple[datetime, GroupTerms]]

    def day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def fee(self, day: date) -> Money | None:
        """The fee of the terms in force when the day began: a later change never counts."""
        began = datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
        terms = self.changes[0][1]
        for since, each in self.changes:
            # In the order of the log, whose clock may have been put back in between.
            if since <= began:
                terms = each
        return terms.daily_fee

    @property
    def terms(self) -> GroupTerms:
        return self.changes[-1][1]

    @property
    def ever_charges(self) -> bool:
        return any(terms.daily_fee for _, terms in self.changes)


@frozen
class DailyFees:
    bulk: BulkAppends
    views: LotViews
    clock: Clock
    zone: str = "UTC"
    """The time zone that days begin in (IANA)."""
    zones: Mapping[str, str] = Factory(dict)
    """Other zones, by name of card group."""
    chunk: int = CHUNK

    def run(self) -> FeesReport:
        """Charges every day that has begun and is not charged yet.

        A card pays from the day of its first use until it is empty, void or expired; a card that
        was empty in between pays again from the day it was refilled. Running late, twice or in
        several processes at once, or being killed, changes nothing in what is charged.
        """
        report = FeesReport()
        now = self.clock.now()
        for group_id, name in self.views.groups():
            times = self._times(group_id, name)
            if not times.ever_charges:
                continue
            after: UUID | None = None
            while page := self.views.fee_due(group_id, times.day(now), after, self.chunk):
                for part in self._charge(page, times, now):
                    report.add(part)
                after = page[-1]
        return report

    def _times(self, group_id: UUID, name: str) -> GroupTimes:
        changes = [
            (at, fact.terms)
            for at, fact in self.bulk.histories((group_id,))[group_id]
            if isinstance(fact, CardGroupCreated | CardGroupTermsChanged)
        ]
        return GroupTimes(ZoneInfo(self.zones.get(name, self.zone)), changes)

    def _charge(
        self, page: Sequence[UUID], times: GroupTimes, now: datetime
    ) -> Iterator[FeesReport]:
        def decide(card_ids: Sequence[UUID]) -> tuple[Sequence[Addition], FeesReport]:
            told = FeesReport(looked_at=len(card_ids))
            histories = self.bulk.histories(card_ids)
            cards = {
                card_id: reduce(_evolve, (fact for _, fact in facts), None)
                for card_id, facts in histories.items()
            }
            account_ids = [card.account_id for card in cards.values() if card]
            accounts = self.bulk.load(kinds.ACCOUNTS, account_ids)
            additions: list[Addition] = []
            for card_id, card in cards.items():
                if card is None or card.status not in _PAYS or card.first_used_at is None:
                    continue
                loaded = accounts[card.account_id]
                account, facts = loaded.state, []
                assert account is not None, "a card that was used has an account"
                since = max(card.first_used_at, _refilled(histories[card_id]))
                for day in _days(card, times, since, account.daily_fee_through, now):
                    fee = times.fee(day)
                    if not fee:
                        continue
                    charged = account.charge_daily_fee(day, fee)
                    facts += charged
                    for fact in charged:
                        account = kinds.ACCOUNTS.evolve(account, fact)
                    if not account.balance:
                        break
                if not facts:
                    continue
                told.charged += 1
                told.days += len(facts)
                additions.append(Addition(kinds.ACCOUNTS, card.account_id, loaded.version, facts))
                emptied = card.balance_changed(account.balance)
                if emptied:
                    told.emptied += 1
                    version = len(histories[card_id])
                    additions.append(Addition(kinds.CARDS, card_id, version, emptied))
            return additions, told

        return stored_in_parts(self.bulk, page, decide)


def _days(
    card: Card, times: GroupTimes, since: datetime, through: date | None, now: datetime
) -> Iterator[date]:
    """The days that are due: from first use or the last refill of an empty card, through today or
    the last day on which the card could be used."""
    day = times.day(since)
    if through is not None:
        day = max(day, through + timedelta(days=1))
    last = times.day(now)
    end = card.expires_at(times.terms)
    if end is not None and end <= now:
        # A card that expires at midnight has nothing of the day that begins then.
        last = min(last, times.day(end - timedelta(microseconds=1)))
    while day <= last:
        yield day
        day += timedelta(days=1)


def _refilled(history: Sequence[tuple[datetime, Any]]) -> datetime:
    """When the card was last refilled after it had been empty, or the beginning of time."""
    empty, refilled = False, datetime.min.replace(tzinfo=UTC)
    for at, fact in history:
        if isinstance(fact, CardStatusChanged):
            if empty and fact.status is Status.ACTIVE:
                refilled = at
            empty = fact.status is Status.EMPTY
    return refilled


def _evolve(card: Card | None, fact: Any) -> Card:
    return kinds.CARDS.evolve(card, fact)
