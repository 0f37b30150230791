"""Four eyes: one person asks, a second one approves, and the first one then carries it out."""

from __future__ import annotations

from uuid import UUID

from attrs import frozen

from application import kinds
from application.administration import Chance
from application.ids import random_time_ordered
from application.ports import Claim, ClaimTaken, Clock, Unit, UnitsOfWork
from domain import approvals
from domain.approvals import Approval
from domain.errors import ApprovalNeeded, NotFound

LOT_EXPORT = "lot export"
LOT_VOID = "lot void"
BALANCE_ADJUSTMENT = "balance adjustment"
CORRECTION = "correction"
ACTIONS = (LOT_EXPORT, LOT_VOID, BALANCE_ADJUSTMENT, CORRECTION)
"""What a setting may put under a second person's approval."""


@frozen
class Deed:
    """What is about to be done: ``details`` say exactly how, such as the amount."""

    action: str
    subject: str
    details: str
    by: str
    why: str


@frozen
class Approvals:
    units: UnitsOfWork
    clock: Clock
    chance: Chance
    needed: frozenset[str] = frozenset()
    """The actions that a second person has to approve."""

    def request(self, deed: Deed, request_id: UUID | None = None) -> UUID:
        """Asks for it; the same ``request_id`` again gives the same approval."""
        if request_id is not None and (found := self._asked(request_id)) is not None:
            return found
        now = self.clock.now()
        approval_id = random_time_ordered(now, self.chance.some_bytes(10))

        def decide(unit: Unit) -> None:
            before = unit.get(kinds.APPROVALS, approval_id)
            facts = approvals.request(
                before, deed.action, deed.subject, deed.details, deed.by, deed.why, now
            )
            claims = () if request_id is None else (Claim(kinds.REQUEST, str(request_id)),)
            unit.record(kinds.APPROVALS, approval_id, facts, claims)

        try:
            self.units.run(decide, writes=(approval_id,))
        except ClaimTaken:
            found = self._asked(request_id) if request_id is not None else None
            if found is None:
                raise
            return found
        return approval_id

    def approve(self, approval_id: UUID, by: str) -> None:
        """Raises NotFound, and ApprovalNotUsable for the one who asked."""
        now = self.clock.now()

        def decide(unit: Unit) -> None:
            facts = _known(unit, approval_id).approve(by, now)
            unit.record(kinds.APPROVALS, approval_id, facts)

        self.units.run(decide, writes=(approval_id,))

    def decline(self, approval_id: UUID, by: str, why: str) -> None:
        now = self.clock.now()

        def decide(unit: Unit) -> None:
            facts = _known(unit, approval_id).decline(by, why, now)
            unit.record(kinds.APPROVALS, approval_id, facts)

        self.units.run(decide, writes=(approval_id,))

    def approval(self, approval_id: UUID) -> Approval:
        return self.units.run(
            lambda unit: _known(unit, approval_id), writes=(), reads=(approval_id,)
        )

    def before(
        self, deed: Deed, approval_id: UUID | None, request_id: UUID | None = None
    ) -> tuple[UUID, ...]:
        """The streams that the deed's unit of work has to declare for ``carry_out``.

        If an approval is needed and none is given, it is asked for: raises ApprovalNeeded with
        its id. Asked again under the same ``request_id`` after it was approved, it is that one.
        """
        if approval_id is not None:
            return (approval_id,)
        if deed.action not in self.needed:
            return ()
        asked = self.request(deed, request_id)
        if request_id is not None and self.approval(asked).approved_by is not None:
            return (asked,)
        raise ApprovalNeeded(deed.action, str(asked))

    def carry_out(self, unit: Unit, deed: Deed, approval_id: UUID | None) -> None:
        """Uses the approval up in the unit of work that does the deed."""
        if approval_id is None:
            return
        facts = _known(unit, approval_id).use(
            deed.action, deed.subject, deed.details, deed.by, self.clock.now()
        )
        unit.record(kinds.APPROVALS, approval_id, facts)

    def _asked(self, request_id: UUID) -> UUID | None:
        return self.units.find(kinds.REQUEST, str(request_id))


def _known(unit: Unit, approval_id: UUID) -> Approval:
    approval = unit.get(kinds.APPROVALS, approval_id)
    if approval is None:
        raise NotFound("approval", str(approval_id))
    return approval
