"""The audit trail and the directory of names: who did what, and which thing is called what."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import attrs
from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Uuid

from adapters.persistence.facts import FACTS
from adapters.persistence.read_model import Page
from adapters.persistence.read_models.rows import Rows
from adapters.persistence.read_models.tables import Moment
from adapters.persistence.tables import metadata
from adapters.persistence.view_store import Key, Row, ViewStore
from application import kinds
from domain.access_numbers import AccessNumberAdded
from domain.card_groups import CardGroupCreated
from domain.corrections import CorrectionBegun
from domain.tariffs import TariffCreated

NOBODY = frozenset({"ledger"})
"""Names of the system itself: what follows from talk and money alone is no act of anybody."""

entries = Table(
    "view_audit",
    metadata,
    Column(
        "position",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("recorded_at", Moment, nullable=False),
    Column("by", String, nullable=False),
    Column("action", String, nullable=False),
    Column("target", Uuid, nullable=False),
    Column("stream_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("view_audit_by", "by", "position"),
    Index("view_audit_by_action", "by", "action", "position"),
    Index("view_audit_action", "action", "position"),
    Index("view_audit_target", "target", "position"),
    Index("view_audit_recorded_at", "recorded_at"),
)

names = Table(
    "view_names",
    metadata,
    Column("kind", String, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("name", String, nullable=False),
)

_NAMES = {fact_type: name for name, fact_type in FACTS.items()}
_WITH_A_NAME = tuple(
    kind for kind in FACTS.values() if "by" in {each.name for each in attrs.fields(kind)}
)


class AuditEntries:
    """A line for each fact that says who recorded it."""

    name = "audit"
    tables: Sequence[Table] = (entries,)
    facts: Sequence[type] = _WITH_A_NAME

    def apply(self, views: ViewStore, page: Page) -> None:
        rows: dict[Key, Row] = {}
        for position, recorded in page:
            by = getattr(recorded.fact, "by", None)
            if not isinstance(by, str) or by in NOBODY:
                continue
            rows[(position,)] = {
                "position": position,
                "recorded_at": recorded.recorded_at,
                "by": by,
                "action": _NAMES[type(recorded.fact)],
                "target": _target(recorded.fact, recorded.originator_id),
                "stream_id": recorded.originator_id,
                "version": recorded.originator_version,
            }
        if rows:
            views.write(entries, rows, (), rows.keys())


def _target(fact: object, stream_id: UUID) -> UUID:
    """What was changed: a person or a key in the stream of all, else what the stream is about."""
    for name in ("target", "person_id", "key_id"):
        if isinstance(target := getattr(fact, name, None), UUID):
            return target
    return stream_id


class Names:
    """The things that are set up under a name, for lists of them."""

    name = "names"
    tables: Sequence[Table] = (names,)
    facts: Sequence[type] = (CardGroupCreated, AccessNumberAdded, TariffCreated, CorrectionBegun)

    def apply(self, views: ViewStore, page: Page) -> None:
        found = Rows(views, names, ())
        for _, recorded in page:
            match recorded.fact:
                case CardGroupCreated(name):
                    kind = kinds.CARD_GROUPS.name
                case AccessNumberAdded(name):
                    kind = kinds.ACCESS_NUMBERS.name
                case TariffCreated(name):
                    kind = kinds.TARIFFS.name
                case CorrectionBegun(name):
                    kind = kinds.CORRECTIONS.name
                case _:
                    continue
            found.put({"kind": kind, "id": recorded.originator_id, "name": name})
        found.write()
