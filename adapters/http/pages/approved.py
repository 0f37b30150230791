"""Approvals on the pages of what they are for: one that was given is used, one that waits told."""

from __future__ import annotations

from uuid import UUID

from adapters.http.approvals import ApprovalShown
from adapters.http.pages.visits import Visit
from application.permissions import Action
from application.views import MOST_ROWS


def approved(visit: Visit, action: str, subject: str, details: str | None = None) -> UUID | None:
    """The approval that this person asked for and got, and has not used yet; of exactly this where
    ``details`` tell several apart, such as two amounts for one card."""
    found = _of(visit, "approved", action, subject, details)
    return found.approval_id if found is not None else None


def waiting(visit: Visit, action: str, subject: str) -> ApprovalShown | None:
    """The approval that was asked for by this person and waits for a second one."""
    return _of(visit, "waiting", action, subject)


def _of(
    visit: Visit, state: str, action: str, subject: str, details: str | None = None
) -> ApprovalShown | None:
    if not visit.may(Action.SEE_LOTS):
        return None
    given = {"state": state, "order": "newest", "limit": MOST_ROWS}
    for each in visit.ask("GET", "/v1/approvals", given=given).items:
        mine = each.by.casefold() == visit.by.casefold()
        exactly = details in (None, each.details)
        if mine and exactly and (each.action, each.subject, each.state) == (action, subject, state):
            shown: ApprovalShown = each
            return shown
    return None
