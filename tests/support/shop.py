"""The use cases of lots, in memory: sealed PINs are kept in an envelope that a test may open."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from application import kinds
from application.administration import Chance
from application.approvals import Approvals
from application.breakage import Breakage, BreakageViews
from application.bulk import BulkAppends
from application.card_business import CardBusiness
from application.card_changes import CardChanges
from application.card_import import CardImports
from application.distribution import Distributors
from application.fees import DailyFees
from application.lot_views import ApprovalRow, LotRow, LotViews, StatusCount
from application.lots import Lots
from application.pins import PinDigests
from application.ports import Clock, UnitsOfWork
from application.printing import PrintedCard, read, sealed_parts
from application.views import CardRow
from domain.approvals import Approval
from domain.card_groups import CardGroup, CardGroupCreated
from domain.cards import Card
from domain.distributors import NumberRange
from domain.lots import Lot, Numbering
from tests.support.breakage import LeftOver
from tests.support.bulk import MemoryBulkAppends
from tests.support.memory import MemoryUnitsOfWork
from tests.support.story import Story


class Envelopes:
    """The port ``Sealer``: the recipient's name in front of what was sealed."""

    def check(self, recipient: str) -> str:
        if not recipient.startswith("age1"):
            raise ValueError("a key that begins with age1")
        return recipient

    def seal(self, recipient: str, clear: bytes) -> bytes:
        return f"{recipient}\n".encode() + clear


class Drawer:
    """The port ``LotPins``."""

    def __init__(self) -> None:
        self.kept: dict[UUID, tuple[UUID, bytes]] = {}

    def keep(self, seal_id: UUID, lot_id: UUID, sealed: bytes) -> None:
        self.kept[seal_id] = (lot_id, sealed)

    def sealed(self, seal_ids: Sequence[UUID]) -> Iterator[bytes]:
        return (self.kept[seal_id][1] for seal_id in seal_ids)

    def forget(self, lot_id: UUID) -> None:
        self.kept = {key: each for key, each in self.kept.items() if each[0] != lot_id}


class Ledgers:
    """The port ``LotViews``, read from the log in memory: exact, and slow."""

    def __init__(self, units: MemoryUnitsOfWork) -> None:
        self._units = units

    def _firsts(self, kind: type) -> list[tuple[UUID, Any]]:
        log = self._units.log()
        return [(each.stream_id, each.fact) for each in log if isinstance(each.fact, kind)]

    def lots_of_batch(self, run: str, batch: str) -> Sequence[LotRow]:
        return [row for row in self.lots(None, 10_000) if (row.run, row.batch) == (run, batch)]

    def groups(self) -> Sequence[tuple[UUID, str]]:
        return [(group_id, fact.name) for group_id, fact in self._firsts(CardGroupCreated)]

    def fee_due(
        self, group_id: UUID, today: date, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        found = []
        for card_id in self._units.streams("card"):
            card = self._units.state(kinds.CARDS, card_id)
            if isinstance(card, Card) and card.group_id == group_id and card.first_used_at:
                found.append(card_id)
        return [each for each in found if after is None or each > after][:limit]

    def lots(
        self, after: UUID | None, limit: int, *, group: str | None = None, newest: bool = False
    ) -> Sequence[LotRow]:
        rows = [self._lot(lot_id) for lot_id in self._units.streams("lot")]
        found = [row for row in rows if group in (None, row.group)]
        found.sort(key=lambda row: row.lot_id, reverse=newest)
        return [
            row
            for row in found
            if after is None or (row.lot_id < after if newest else row.lot_id > after)
        ][:limit]

    def _lot(self, lot_id: UUID) -> LotRow:
        lot = self._units.state(kinds.LOTS, lot_id)
        assert isinstance(lot, Lot)
        ordered = lot.ordered
        group = self._units.state(kinds.CARD_GROUPS, ordered.group_id)
        assert isinstance(group, CardGroup)
        return LotRow(
            lot_id,
            ordered.name,
            group.name,
            ordered.numbering.run,
            ordered.numbering.batch,
            ordered.numbering.number(0),
            ordered.numbering.number(ordered.count - 1),
            ordered.count,
            lot.made,
            lot.kept,
            "exported" if lot.exported else "made" if lot.completed else "being made",
            ordered.face_value,
            self._units.history(lot_id)[0].recorded_at,
            ordered.by,
        )

    def approvals(
        self, after: UUID | None, limit: int, *, state: str | None = None, newest: bool = False
    ) -> Sequence[ApprovalRow]:
        found = []
        for approval_id in self._units.streams("approval"):
            first = self._units.history(approval_id)[0]
            asked = first.fact
            approval = self._units.state(kinds.APPROVALS, approval_id)
            assert isinstance(approval, Approval)
            now = approval.state(first.recorded_at)
            decided_by = approval.declined_by or approval.approved_by
            row = ApprovalRow(
                approval_id,
                asked.action,
                asked.subject,
                asked.details,
                asked.by,
                asked.why,
                now,
                decided_by,
                first.recorded_at,
                asked.expires_at,
            )
            seen = after is None or (approval_id < after if newest else approval_id > after)
            if state in (None, now) and seen:
                found.append(row)
        return sorted(found, key=lambda row: row.approval_id, reverse=newest)[:limit]

    def cards_in(
        self, cards: NumberRange, after_number: str | None, limit: int
    ) -> Sequence[CardRow]:
        found = []
        for card_id in self._units.streams("card"):
            card = self._units.state(kinds.CARDS, card_id)
            assert isinstance(card, Card)
            group = self._units.state(kinds.CARD_GROUPS, card.group_id)
            assert isinstance(group, CardGroup)
            if card.number in cards and (after_number is None or card.number > after_number):
                found.append(
                    CardRow(
                        card_id,
                        card.number,
                        group.name,
                        card.status,
                        card.account_id,
                        card.face_value,
                        card.caller_id,
                        self._units.history(card_id)[0].recorded_at,
                        card.first_used_at,
                        card.sold,
                    )
                )
        return sorted(found, key=lambda row: row.number)[:limit]

    def statuses(self, first: UUID, last: UUID, numbers: NumberRange) -> Sequence[StatusCount]:
        found: Counter[tuple[str, bool]] = Counter()
        for card_id in self._units.streams("card"):
            card = self._units.state(kinds.CARDS, card_id)
            assert isinstance(card, Card)
            if first <= card_id <= last and card.number in numbers:
                found[card.status, card.sold] += 1
        return [StatusCount(*key, count) for key, count in sorted(found.items())]


def business_of(
    units: MemoryUnitsOfWork,
    pins: PinDigests,
    chance: Chance,
    needed: Collection[str] = (),
    *,
    zone: str = "UTC",
    drawer: Drawer | None = None,
    bulk: BulkAppends | None = None,
) -> CardBusiness:
    """The use cases of a card business on a ledger in memory, in small chunks."""
    return business_on(
        units,
        units.clock,
        bulk or MemoryBulkAppends(units),
        Ledgers(units),
        LeftOver(units),
        pins,
        chance,
        needed,
        zone=zone,
        drawer=drawer,
    )


def business_on(
    units: UnitsOfWork,
    clock: Clock,
    bulk: BulkAppends,
    views: LotViews,
    left_over: BreakageViews,
    pins: PinDigests,
    chance: Chance,
    needed: Collection[str] = (),
    *,
    zone: str = "UTC",
    drawer: Drawer | None = None,
) -> CardBusiness:
    """The use cases of a card business on any ledger, in small chunks."""
    approvals = Approvals(units, clock, chance, frozenset(needed))
    lots = Lots(
        units,
        bulk,
        pins,
        Envelopes(),
        drawer or Drawer(),
        clock,
        chance,
        approvals,
        chunk=10,
    )
    return CardBusiness(
        lots,
        CardChanges(units, bulk, lots, views, approvals, chunk=10),
        CardImports(bulk, pins, clock, chance),
        DailyFees(bulk, views, clock, zone, chunk=3),
        approvals,
        Distributors(units, views),
        views,
        Breakage(bulk, left_over, clock, chunk=3),
    )


class Shop(Story):
    """An operator's card business on a ledger in memory."""

    def __init__(self, *needed: str, zone: str = "UTC", **terms: Any) -> None:
        super().__init__()
        self.bulk = MemoryBulkAppends(self.units)
        self.drawer = Drawer()
        chance = Chance(self.random.randrange, self.random.randbytes)
        business = business_of(
            self.units, self.pins, chance, needed, zone=zone, drawer=self.drawer, bulk=self.bulk
        )
        self.ledgers = business.views
        self.approvals = business.approvals
        self.lots = business.lots
        self.changes = business.changes
        self.imports = business.imports
        self.distributors = business.distributors
        self.fees = business.fees
        self.group("Gold", **terms)

    def order(self, name: str = "spring", count: int = 25, first: str = "4711000000") -> UUID:
        return self.lots.order(
            name, "Gold", Numbering(first, pack_size=10), count, "age1key", "ann", "sale"
        )

    def lot(self, name: str = "spring", count: int = 25, first: str = "4711000000") -> UUID:
        lot_id = self.order(name, count, first)
        self.lots.generate(lot_id)
        return lot_id

    def export(self, lot_id: UUID, by: str = "ann", **told: Any) -> list[PrintedCard]:
        """What the printer reads."""
        leaving = self.lots.start_export(lot_id, by, "to the printer", **told)
        file = io.BytesIO(b"".join(leaving.parts))
        cards = [card for part in sealed_parts(file) for card in read(part.partition(b"\n")[2])]
        self.lots.finish_export(lot_id, by, "digest")
        return cards

    def state_of(self, number: str) -> Card:
        card_id = self.units.find(kinds.CARD_NUMBER, number)
        assert card_id is not None, f"there is no card {number}"
        return self.admin.card(card_id)
