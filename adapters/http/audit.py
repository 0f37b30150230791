"""The audit trail: who changed what, who read which secret, who was let in or refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct, structs

from adapters.http.asking import USUAL_ROWS, Answer, Asked, Limit, Order, Page
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import Name, tell, to_wire
from application.audit import EntriesAsked
from application.permissions import Action

Moment = Annotated[datetime, Meta(tz=True)]


class EntryShown(Struct, frozen=True):
    """``position`` is its place in the log; ``target`` the id of what was changed or read."""

    position: int
    recorded_at: datetime
    by: str
    action: str
    target: UUID
    stream_id: UUID
    version: int
    fact: dict[str, Any]


class AuditAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``since`` is included, ``until`` is not. ``action`` is the stored name of a fact."""

    after: Annotated[
        int, Meta(ge=0, le=10**18, description="The position that the last page ended with.")
    ] = 0
    limit: Limit = USUAL_ROWS
    by: Name | None = None
    action: Name | None = None
    target: UUID | None = None
    since: Moment | None = None
    until: Moment | None = None
    order: Order = "oldest"


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(AuditAsked)
    fields = structs.asdict(given)
    newest = fields.pop("order") == "newest"
    found = services.trail.entries(EntriesAsked(**fields, newest=newest))
    shown = [tell(EntryShown, each, fact=to_wire(each.fact)) for each in found]
    return asked.page(shown, found[-1].position if found else None)


ROUTES: Routes = {
    "/v1/audit": {
        "GET": Operation(
            listed,
            Action.SEE_AUDIT,
            "The audit trail, oldest first.",
            Page[EntryShown],
            query=AuditAsked,
            csv=True,
        )
    }
}
