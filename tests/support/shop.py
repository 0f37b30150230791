"""The use cases of lots, in memory: sealed PINs are kept in an envelope that a test may open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from application import kinds
from application.administration import Chance
from application.approvals import Approvals
from application.card_changes import CardChanges
from application.card_import import CardImports
from application.distribution import Distributors
from application.fees import DailyFees
from application.lot_views import ApprovalRow, LotRow
from application.lots import Lots
from application.printing import PrintedCard, read
from application.views import CardRow
from domain.card_groups import CardGroupCreated
from domain.cards import Card
from domain.distributors import NumberRange
from domain.lots import LotOrdered, Numbering
from tests.support.bulk import MemoryBulkAppends
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

    def __init__(self, story: Story) -> None:
        self._story = story

    def _firsts(self, kind: type) -> list[tuple[UUID, Any]]:
        log = self._story.units.log()
        return [(each.stream_id, each.fact) for each in log if isinstance(each.fact, kind)]

    def lots_of_batch(self, run: str, batch: str) -> Sequence[LotRow]:
        rows: list[Any] = []
        for _, ordered in self._firsts(LotOrdered):
            if (ordered.numbering.run, ordered.numbering.batch) == (run, batch):
                rows.append(ordered)
        return rows

    def groups(self) -> Sequence[tuple[UUID, str]]:
        return [(group_id, fact.name) for group_id, fact in self._firsts(CardGroupCreated)]

    def fee_due(
        self, group_id: UUID, today: date, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        found = []
        for card_id in self._story.units.streams("card"):
            card = self._story.units.state(kinds.CARDS, card_id)
            if isinstance(card, Card) and card.group_id == group_id and card.first_used_at:
                found.append(card_id)
        return [each for each in found if after is None or each > after][:limit]

    def lots(self, after: UUID | None, limit: int, *, group: str | None = None) -> Sequence[LotRow]:
        return []

    def approvals(
        self, after: UUID | None, limit: int, *, state: str | None = None
    ) -> Sequence[ApprovalRow]:
        return []

    def cards_in(
        self, cards: NumberRange, after_number: str | None, limit: int
    ) -> Sequence[CardRow]:
        return []


class Shop(Story):
    """An operator's card business on a ledger in memory."""

    def __init__(self, *needed: str, zone: str = "UTC", **terms: Any) -> None:
        super().__init__()
        self.bulk = MemoryBulkAppends(self.units)
        self.drawer = Drawer()
        self.ledgers = Ledgers(self)
        chance = Chance(self.random.randrange, self.random.randbytes)
        self.approvals = Approvals(self.units, self.clock, chance, frozenset(needed))
        self.lots = Lots(
            self.units,
            self.bulk,
            self.pins,
            Envelopes(),
            self.drawer,
            self.clock,
            chance,
            self.approvals,
            chunk=10,
        )
        self.changes = CardChanges(
            self.units, self.bulk, self.lots, self.ledgers, self.approvals, chunk=10
        )
        self.imports = CardImports(self.bulk, self.pins, self.clock, chance)
        self.distributors = Distributors(self.units, self.ledgers)
        self.fees = DailyFees(self.bulk, self.ledgers, self.clock, zone, chunk=3)
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
        cards = [card for part in leaving.parts for card in read(part.partition(b"\n")[2])]
        self.lots.finish_export(lot_id, by, "digest")
        return cards

    def state_of(self, number: str) -> Card:
        card_id = self.units.find(kinds.CARD_NUMBER, number)
        assert card_id is not None, f"there is no card {number}"
        return self.admin.card(card_id)
