"""Cards and card groups as lists show them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table

from adapters.persistence.read_model import Page
from adapters.persistence.read_models import tables
from adapters.persistence.read_models.rows import Rows
from adapters.persistence.view_store import ViewStore
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
    facts: Sequence[type] = (*_MINE, CardGroupCreated)

    def apply(self, views: ViewStore, page: Page) -> None:
        self._groups(views, page)
        mine = [recorded for _, recorded in page if isinstance(recorded.fact, _MINE)]
        if not mine:
            return
        made = {(r.originator_id,) for r in mine if isinstance(r.fact, CardGenerated)}
        cards = Rows(views, tables.cards, ((r.originator_id,) for r in mine), new=made)
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
    def _groups(views: ViewStore, page: Page) -> None:
        created = [r for _, r in page if isinstance(r.fact, CardGroupCreated)]
        groups = Rows(views, tables.card_groups, ())
        for recorded in created:
            groups.put({"group_id": recorded.originator_id, "name": recorded.fact.name})
        groups.write()
