"""Refunds: all or a part of what one attempt is still charged, given back once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

from attrs import evolve, frozen

from application import kinds
from application.approvals import CORRECTION, Approvals, Deed
from application.bulk import BulkAppends
from application.corrections import record, streams_of
from application.ports import Clock, Unit, UnitsOfWork
from application.talked_attempts import CallPages, TalkedAttempt, TalkedAttempts
from domain.accounts import Forfeiture
from domain.call_sessions import AttemptRefunded
from domain.cards import check_words
from domain.errors import AlreadyExists, SettingNotAllowed
from domain.money import Money
from domain.recharging import Signed, given_back, refund


@frozen
class Refunded:
    """``amount`` went back; ``charge`` is still charged. ``forfeits``: nobody can spend it, because
    the card is void or expired."""

    reference: str
    attempt: int
    amount: Money
    charge: Money
    available: Money
    forfeits: Forfeiture | None


@frozen
class Refunds:
    units: UnitsOfWork
    bulk: BulkAppends
    calls: CallPages
    approvals: Approvals
    clock: Clock

    def attempts(self, reference: str) -> Sequence[TalkedAttempt]:
        """The attempts of a call that somebody talked in, and what each is charged now.

        Raises NotFound for a call that the ledger does not know, ValueError for no reference.
        """
        return TalkedAttempts(self.bulk, self.calls, self.clock.now()).of_call(reference)

    def refund(
        self,
        reference: str,
        number: int | None,
        amount: Money | None,
        correction_id: UUID,
        by: str,
        why: str,
        approval_id: UUID | None = None,
        request_id: UUID | None = None,
    ) -> Refunded:
        """Gives back an amount of an attempt, or all; once for each correction id.

        ``number`` None: the only attempt of the call that is charged. Raises SettingNotAllowed for
        more than is still charged, AlreadyExists if the same id gave back another amount or was of
        another attempt, ApprovalNeeded where a second person has to agree, NotFound and ValueError.
        """
        check_words(by, why)
        attempt = self._attempt(reference, number, correction_id)
        number = attempt.talk.number
        made = attempt.now.made(correction_id)
        deed = Deed(
            CORRECTION,
            f"attempt {number} of call {reference}",
            f"refund of {amount or (given_back(made) if made else attempt.now.charge)}",
            by,
            why,
        )
        approval = () if made else self.approvals.before(deed, approval_id, request_id)
        # An approval is for one refund, under whatever id it is carried out.
        correction_id = uuid5(approval[0], "refund") if approval else correction_id
        signed = Signed(correction_id, by, why)

        def decide(unit: Unit) -> Refunded:
            session = unit.get(kinds.CALL_SESSIONS, attempt.session_id)
            account = unit.get(kinds.ACCOUNTS, attempt.started.account_id)
            assert session is not None, "it was read before"
            assert account is not None, "an attempt is paid from an account"
            now = evolve(attempt, session=session)
            for fact in refund(session, attempt.talk, amount, signed):
                assert isinstance(fact, AttemptRefunded), "a refund is one fact"
                self.approvals.carry_out(unit, deed, approval[0] if approval else None)
                account = record(unit, now, fact, account)
            after = unit.get(kinds.CALL_SESSIONS, attempt.session_id)
            assert after is not None, "it was there before"
            settled = after.settled[number]
            done = settled.made(correction_id)
            assert done is not None, "it was made now or before"
            return Refunded(
                reference,
                number,
                given_back(done),
                settled.charge,
                account.available,
                attempt.forfeits,
            )

        return self.units.run(decide, writes=(*streams_of(attempt), *approval))

    def _attempt(self, reference: str, number: int | None, correction_id: UUID) -> TalkedAttempt:
        talked = self.attempts(reference)
        made = [each for each in talked if each.now.made(correction_id)]
        if made and number not in (None, made[0].talk.number):
            raise AlreadyExists("refund", f"of attempt {made[0].talk.number}")
        if number is None:
            wanted = made or [each for each in talked if each.now.charge]
            if len(wanted) == 1:
                return wanted[0]
            told = ", ".join(str(each.talk.number) for each in wanted)
            accepted = f"one of {told}" if wanted else "one that is charged, and none is"
            raise SettingNotAllowed("attempt", "none", accepted)
        for each in talked:
            if each.talk.number == number:
                return each
        told = ", ".join(str(each.talk.number) for each in talked)
        accepted = f"one of {told}" if talked else "one that somebody talked in, and none is"
        raise SettingNotAllowed("attempt", str(number), accepted)
