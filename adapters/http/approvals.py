"""Approvals: what one person asked for, and a second one approves or declines."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from adapters.http.asking import Answer, Asked, Order, Page, PageAsked
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import Text, tell
from application.permissions import Action

State = Literal["waiting", "approved", "declined", "used"]


class ApprovalShown(Struct, frozen=True):
    """``state``: waiting, approved, declined, used, or expired since ``expires_at``."""

    approval_id: UUID
    action: str
    subject: str
    details: str
    by: str
    why: str
    state: str
    decided_by: str | None
    requested_at: datetime
    expires_at: datetime


class ApprovalsAsked(PageAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    state: State | None = None
    order: Order = "oldest"


class Declined(Struct, frozen=True, forbid_unknown_fields=True):
    why: Text


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(ApprovalsAsked)
    now = services.clock.now()
    rows = services.business.views.approvals(
        given.after, given.limit, state=given.state, newest=given.order == "newest"
    )
    shown = [
        tell(
            ApprovalShown,
            row,
            state="expired"
            if now >= row.expires_at and row.state in ("waiting", "approved")
            else row.state,
        )
        for row in rows
    ]
    return asked.page(shown, rows[-1].approval_id if rows else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(services, asked.id("approval")))


def approve(services: HttpServices, asked: Asked) -> Answer:
    """Never by the one who asked. The one who asked then repeats the request."""
    approval_id = asked.id("approval")
    services.business.approvals.approve(approval_id, asked.actor.name)
    return Answer(_shown(services, approval_id))


def decline(services: HttpServices, asked: Asked) -> Answer:
    approval_id = asked.id("approval")
    why = asked.body(Declined).why
    services.business.approvals.decline(approval_id, asked.actor.name, why)
    return Answer(_shown(services, approval_id))


def _shown(services: HttpServices, approval_id: UUID) -> ApprovalShown:
    approval = services.business.approvals.approval(approval_id)
    return tell(
        ApprovalShown,
        approval.requested,
        approval_id=approval_id,
        state=approval.state(services.clock.now()),
        decided_by=approval.declined_by or approval.approved_by,
        requested_at=services.views.history(approval_id, 0, 1)[0].recorded_at,
    )


ROUTES: Routes = {
    "/v1/approvals": {
        "GET": Operation(
            listed,
            Action.SEE_LOTS,
            "Requests for approval, oldest first.",
            Page[ApprovalShown],
            query=ApprovalsAsked,
            csv=True,
        )
    },
    "/v1/approvals/{id}": {
        "GET": Operation(one, Action.SEE_LOTS, "One request for approval.", ApprovalShown)
    },
    "/v1/approvals/{id}/approval": {
        "POST": Operation(
            approve,
            Action.APPROVE,
            "Approve what somebody else asked for, who then repeats the request.",
            ApprovalShown,
        )
    },
    "/v1/approvals/{id}/refusal": {
        "POST": Operation(
            decline,
            Action.APPROVE,
            "Decline it, or take back your own request.",
            ApprovalShown,
            body=Declined,
        )
    },
}
