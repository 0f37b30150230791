"""Approvals: what others asked for, and a second person allows or declines."""

from __future__ import annotations

from adapters.http.approvals import ApprovalShown, Declined
from adapters.http.pages.forms import Choices, Field, form, limited, read
from adapters.http.pages.lists import Column, Filter, ListPage
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit
from application.permissions import Action

_STATES: Choices = [(each, each) for each in ("waiting", "approved", "declined", "used")]

LIST = ListPage(
    "approvals",
    "Approvals",
    "/v1/approvals",
    Action.SEE_LOTS,
    "approval_id",
    (
        Column("action", "What", link="/approvals/{approval_id}"),
        Column("subject", "Of"),
        Column("details", "Exactly"),
        Column("by", "Asked by"),
        Column("why", "Why"),
        Column("state", "State", "status"),
        Column("decided_by", "Decided by"),
        Column("requested_at", "Asked", "moment", sort=True),
    ),
    icon="fa-solid fa-user-check",
    filters=(Filter("state", "State", _STATES),),
    sorts={"requested_at__desc": {"order": "newest"}, "requested_at__asc": {"order": "oldest"}},
    intro="Four eyes: one person asks, a second one approves, and the first one carries it out.",
    empty="Nothing waits. Which acts need a second person is a setting: cards.approvals.",
)

_WHY = limited(Declined, (Field("why", "Why not", wide=True),))


def show(visit: Visit) -> Reply:
    approval: ApprovalShown = visit.ask("GET", "/v1/approvals/{id}", id=visit.here("id"))
    mine = approval.by.casefold() == visit.by.casefold()
    approve = decline = None
    if visit.may(Action.APPROVE) and approval.state in ("waiting", "approved"):
        password = visit.needs_password("POST", "/v1/approvals/{id}/approval")
        at = f"/approvals/{approval.approval_id}"
        if not mine and approval.state == "waiting":
            approve = form(
                visit, (), submit="Approve it", to=f"{at}/approve", asks_password=password
            )
        decline = form(
            visit,
            _WHY,
            submit="Take it back" if mine else "Decline it",
            to=f"{at}/decline",
            asks_password=password,
            danger=True,
        )
    context = {
        "approval": approval,
        "mine": mine,
        "approve": approve,
        "decline": decline,
        "crumbs": [("/approvals", "Approvals")],
    }
    title = f"{approval.action[:1].upper()}{approval.action[1:]}: {approval.subject}"
    return Shown("approval.html", title, context)


def approve(visit: Visit) -> Reply:
    answer: ApprovalShown = visit.ask("POST", "/v1/approvals/{id}/approval", **visit.path)
    return Gone("/approvals", f"Approved. {answer.by} can carry it out now.")


def decline(visit: Visit) -> Reply:
    assert visit.form is not None, "it was sent"
    visit.ask("POST", "/v1/approvals/{id}/refusal", sent=read(_WHY, visit.form), **visit.path)
    return Gone("/approvals", "It will not be done.")


PAGES = (
    Page("/approvals/{id}", Action.SEE_LOTS, show),
    Page("/approvals/{id}/approve", Action.APPROVE, show, approve),
    Page("/approvals/{id}/decline", Action.APPROVE, show, decline),
)
