"""An approval: what one person asks for and a second one allows, carried out once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never

from attrs import evolve as changed
from attrs import frozen

from domain.cards import check_words
from domain.errors import ApprovalNotUsable

VALID = timedelta(days=7)
"""How long a request waits for its approval and for being carried out."""

# Facts.


@frozen
class ApprovalRequested:
    """``action`` and ``subject`` say what is to be done with what; ``details`` say exactly how,
    such as the amount: what is carried out has to be what was approved."""

    action: str
    subject: str
    details: str
    by: str
    why: str
    expires_at: datetime


@frozen
class ApprovalGiven:
    by: str


@frozen
class ApprovalDeclined:
    by: str
    why: str


@frozen
class ApprovalUsed:
    """It was carried out."""

    by: str


ApprovalFact = ApprovalRequested | ApprovalGiven | ApprovalDeclined | ApprovalUsed

# State and decisions.


@frozen
class Approval:
    requested: ApprovalRequested
    approved_by: str | None = None
    declined_by: str | None = None
    used_by: str | None = None

    @property
    def asked_at(self) -> datetime:
        return self.requested.expires_at - VALID

    def state(self, now: datetime) -> str:
        """waiting, approved, declined, used or expired."""
        if self.used_by is not None:
            return "used"
        if self.declined_by is not None:
            return "declined"
        if now >= self.requested.expires_at:
            return "expired"
        return "waiting" if self.approved_by is None else "approved"

    def approve(self, by: str, now: datetime) -> list[ApprovalFact]:
        """Raises ApprovalNotUsable for the one who asked, and for what waits no more."""
        check_words(by, "approves")
        if _same(by, self.requested.by):
            raise ApprovalNotUsable(f"{by} asked for it, and a second person has to approve it")
        if self.approved_by is not None and _same(by, self.approved_by):
            return []
        self._must_be("waiting", now)
        return [ApprovalGiven(by)]

    def decline(self, by: str, why: str, now: datetime) -> list[ApprovalFact]:
        """Also by the one who asked, who thereby takes it back; and after it was approved."""
        check_words(by, why)
        if self.declined_by is not None:
            return []
        if self.state(now) not in ("waiting", "approved"):
            raise ApprovalNotUsable(f"it is {self.state(now)}")
        return [ApprovalDeclined(by, why)]

    def use(
        self, action: str, subject: str, details: str, by: str, now: datetime
    ) -> list[ApprovalFact]:
        """Carries it out, once, by the one who asked, who may also finish what was interrupted.

        Raises ApprovalNotUsable for anything but what was approved.
        """
        asked = self.requested
        if (action, subject, details) != (asked.action, asked.subject, asked.details):
            raise ApprovalNotUsable(
                f"it is for {asked.action} of {asked.subject} ({asked.details}),"
                f" not for {action} of {subject} ({details})"
            )
        if not _same(by, asked.by):
            raise ApprovalNotUsable(f"{asked.by} asked for it, and alone may carry it out")
        if self.used_by is not None and now < asked.expires_at:
            return []
        self._must_be("approved", now)
        return [ApprovalUsed(by)]

    def _must_be(self, wanted: str, now: datetime) -> None:
        state = self.state(now)
        if state != wanted:
            raise ApprovalNotUsable(f"it is {state}, not {wanted}")


def request(
    approval: Approval | None, action: str, subject: str, details: str, by: str, why: str,
    now: datetime,
) -> list[ApprovalFact]:  # fmt: skip
    check_words(by, why)
    if approval is not None:
        return []
    return [ApprovalRequested(action, subject, details, by, why, now + VALID)]


def _same(one: str, other: str) -> bool:
    """Whether two names are one person's: writing one's name in capitals makes no second one."""
    return one.strip().casefold() == other.strip().casefold()


def evolve(approval: Approval | None, fact: ApprovalFact) -> Approval:
    if isinstance(fact, ApprovalRequested):
        return Approval(fact)
    assert approval is not None, "an approval begins with ApprovalRequested"
    match fact:
        case ApprovalGiven(by):
            return changed(approval, approved_by=by)
        case ApprovalDeclined(by):
            return changed(approval, declined_by=by)
        case ApprovalUsed(by):
            return changed(approval, used_by=by)
        case _:
            assert_never(fact)
