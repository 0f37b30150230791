"""Cards and card groups as lists show them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table

from adapters.persistence.projections import Page
from adapters.persistence.read_models import tables
from adapters.persistence.read_models.rows import Rows
from domain.card_groups import CardGroupCreated
from domain.cards import (
    CardCallerIdChanged,
    CardFirstUsed,
    CardGenerated,
    CardSold,
    CardStatusChanged,
    CardUnsold,
    Status,
)

_MINE = (
    CardGenerated,
    CardStatusChanged,
    CardFirstUsed,
    CardCallerIdChanged,
    CardSold,
    CardUnsold,
)


class Cards:
    name = "cards"
    tables: Sequence[Table] = (tables.cards, tables.card_groups)

    def apply(self, connection: Connection, page: Page) -> None:
        self._groups(connection, page)
        mine = [recorded for _, recorded in page if isinstance(recorded.fact, _MINE)]
        if not mine:
            return
        # A card that is new in this page has no row that could be looked up.
        new = {r.originator_id for r in mine if isinstance(r.fact, CardGenerated)}
        known = ((r.originator_id,) for r in mine if r.originator_id not in new)
        cards = Rows(connection, tables.cards, known)
        for recorded in mine:
            card_id = recorded.originator_id
            match recorded.fact:
                case CardGenerated() as card:
                    cards.put(
                        {
                            "card_id": card_id,
                            "number": card.number,
                            "group_id": card.group_id,
                            "status": Status.GENERATED.value,
                            "account_id": card.account_id,
                            "face_value": card.face_value.micros,
                            "unit": card.face_value.unit,
                            "caller_id": None,
                            "generated_at": recorded.recorded_at,
                            "first_used_at": None,
                            "sold": False,
                        }
                    )
                case CardStatusChanged(status):
                    cards.change(card_id)["status"] = status.value
                case CardFirstUsed(at):
                    row = cards.change(card_id)
                    row["first_used_at"] = at
                    if row["status"] == Status.ACTIVE.value:
                        row["status"] = Status.USED.value
                case CardCallerIdChanged(number):
                    cards.change(card_id)["caller_id"] = number
                case CardSold():
                    cards.change(card_id)["sold"] = True
                case CardUnsold():
                    cards.change(card_id)["sold"] = False
        cards.write()

    @staticmethod
    def _groups(connection: Connection, page: Page) -> None:
        created = [r for _, r in page if isinstance(r.fact, CardGroupCreated)]
        groups = Rows(connection, tables.card_groups, ())
        for recorded in created:
            groups.put({"group_id": recorded.originator_id, "name": recorded.fact.name})
        groups.write()
