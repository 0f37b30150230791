"""Corrections: charges priced again by other terms, or given back, as facts behind the others.

A charge is never edited. Each attempt knows the corrections made to it, so a correction that is
run twice, or was interrupted and is run again, does nothing twice (ADR 0028).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from attrs import evolve, frozen

from application import kinds
from application.approvals import CORRECTION, Approvals, Deed
from application.bulk import BulkAppends
from application.correction_totals import Line, Totals, in_words
from application.looking import look_at, look_up
from application.ports import Clock, Unit, UnitsOfWork
from application.repricing import Repricing, SheetPrices
from application.talked_attempts import CallPages, TalkedAttempt, TalkedAttempts, check_selected
from domain import corrections
from domain.accounts import Account
from domain.attempts import Made
from domain.call_sessions import AttemptRefunded, AttemptRerated
from domain.corrections import Correction, CorrectionBegun, Outcome, Pricing, Selected
from domain.errors import NotFound
from domain.money import Money
from domain.rating import RateTerms
from domain.recharging import Signed, rerate

_NOBODY = Signed(UUID(int=0), "preview", "preview")

Progress = Callable[[int], object]
"""Is told how many attempts have been looked at."""


def no_progress(_: int) -> None:
    """For those who do not watch."""


@frozen
class Corrections:
    units: UnitsOfWork
    bulk: BulkAppends
    calls: CallPages
    prices: SheetPrices
    approvals: Approvals
    clock: Clock

    # Prices

    def version(self, tariff: str, number: int, *, charge_more: bool = False) -> Pricing:
        """The prices of a version of a tariff. Raises NotFound."""
        known = look_at(self.units, kinds.TARIFFS, kinds.tariff_id(tariff))
        if known is None:
            raise NotFound("tariff", tariff)
        sheet_id = known.version(number).sheet_id
        return Pricing(sheet_id, f"{tariff} version {number}", charge_more)

    def published_since(self, *, charge_more: bool = False) -> Pricing:
        """The prices that are published by now for the moments of the calls."""
        return Pricing(None, "what is published for the moment of each call", charge_more)

    # Looking before

    def preview(
        self,
        selected: Selected,
        pricing: Pricing,
        totals: Totals,
        progress: Progress = no_progress,
    ) -> Iterator[Line]:
        """What a correction would do to each attempt; nothing is recorded. ``totals`` grow with
        the lines. Raises SettingNotAllowed, and NotFound for a call that nobody knows."""
        check_selected(selected)
        now = self.clock.now()
        repricing = Repricing(self.bulk, self.prices, pricing, now)
        moved: dict[UUID, int] = {}
        for page in TalkedAttempts(self.bulk, self.calls, now).of(selected):
            accounts = self.bulk.load(kinds.ACCOUNTS, {each.started.account_id for each in page})
            for attempt in page:
                terms = repricing.terms(attempt)
                if terms is None:
                    totals.without_price(attempt)
                    continue
                account_id = attempt.started.account_id
                account = accounts[account_id].state
                assert account is not None, "an attempt is paid from an account"
                available = account.available + Money(moved.get(account_id, 0), account.unit)
                fact = _rerated(attempt, terms, available, _NOBODY, pricing)
                if fact is not None:
                    line = _line(attempt, fact)
                    moved[account_id] = moved.get(account_id, 0) + line.moved.micros
                    totals.add(line.moved, line.untaken, attempt.forfeits)
                    yield line
            totals.looked_at += len(page)
            progress(totals.looked_at)

    # Doing it

    def known(self, name: str) -> Correction:
        """Raises NotFound."""
        return look_up(self.units, kinds.CORRECTIONS, kinds.correction_id(name), name)

    def of_id(self, correction_id: UUID) -> Correction:
        """Raises NotFound."""
        return look_up(self.units, kinds.CORRECTIONS, correction_id, str(correction_id))

    def run(
        self,
        name: str,
        selected: Selected,
        pricing: Pricing,
        by: str,
        why: str,
        *,
        approval_id: UUID | None = None,
        request_id: UUID | None = None,
        progress: Progress = no_progress,
    ) -> Outcome:
        """Corrects the attempts under a name; the same name again does the rest, or nothing.

        Raises AlreadyExists if the name was used for another correction, ApprovalNeeded where a
        second person has to agree, SettingNotAllowed, and NotFound.
        """
        self.begin(name, selected, pricing, by, why, approval_id=approval_id, request_id=request_id)
        return self.go_on(name, progress)

    def begin(
        self,
        name: str,
        selected: Selected,
        pricing: Pricing,
        by: str,
        why: str,
        *,
        approval_id: UUID | None = None,
        request_id: UUID | None = None,
    ) -> Correction:
        """Records what is asked for under a name, once; ``go_on`` does it. Raises as ``run``."""
        check_selected(selected)
        begun = CorrectionBegun(name, selected, pricing, self.clock.now(), by, why)
        return self._begin(kinds.correction_id(name), begun, approval_id, request_id)

    def go_on(self, name: str, progress: Progress = no_progress) -> Outcome:
        """Does what a correction was begun for, or what is left of it. Raises NotFound."""
        correction, correction_id = self.known(name), kinds.correction_id(name)
        if correction.outcome is not None:
            return correction.outcome
        outcome = self._correct(correction_id, correction.begun, progress)

        def decide(unit: Unit) -> Outcome:
            state = unit.get(kinds.CORRECTIONS, correction_id)
            assert state is not None, "it has begun"
            unit.record(kinds.CORRECTIONS, correction_id, state.end(outcome))
            return state.outcome or outcome

        return self.units.run(decide, writes=(correction_id,))

    def _begin(
        self,
        correction_id: UUID,
        begun: CorrectionBegun,
        approval_id: UUID | None,
        request_id: UUID | None,
    ) -> Correction:
        before = look_at(self.units, kinds.CORRECTIONS, correction_id)
        if not corrections.begin(before, begun):
            assert before is not None, "it has begun"
            return before
        self._check_call(begun.selected)
        subject = f"{begun.name}: {in_words(begun.selected)}"
        deed = Deed(CORRECTION, subject, _how(begun.pricing), begun.by, begun.why)
        approval = self.approvals.before(deed, approval_id, request_id)
        if approval:
            # A second person agreed to what was there: nothing that was settled or published since.
            begun = evolve(begun, at=self.approvals.approval(approval[0]).asked_at)

        def decide(unit: Unit) -> Correction:
            facts = corrections.begin(unit.get(kinds.CORRECTIONS, correction_id), begun)
            if facts:
                self.approvals.carry_out(unit, deed, approval[0] if approval else None)
                unit.record(kinds.CORRECTIONS, correction_id, facts)
            state = unit.get(kinds.CORRECTIONS, correction_id)
            assert state is not None, "it has begun"
            return state

        return self.units.run(decide, writes=(correction_id, *approval))

    def _check_call(self, selected: Selected) -> None:
        reference = selected.reference
        if reference is None:
            return
        session_id = kinds.session_id(reference)
        if look_at(self.units, kinds.CALL_SESSIONS, session_id) is None:
            raise NotFound("call", reference)

    def _correct(self, correction_id: UUID, begun: CorrectionBegun, progress: Progress) -> Outcome:
        signed, totals = Signed(correction_id, begun.by, begun.why), Totals()
        repricing = Repricing(self.bulk, self.prices, begun.pricing, begun.at)
        attempts = TalkedAttempts(self.bulk, self.calls, self.clock.now())
        for page in attempts.of(begun.selected, begun.at):
            for attempt in page:
                self._one(attempt, repricing, signed, begun.pricing, totals)
            totals.looked_at += len(page)
            progress(totals.looked_at)
        return totals.outcome

    def _one(
        self,
        attempt: TalkedAttempt,
        repricing: Repricing,
        signed: Signed,
        pricing: Pricing,
        totals: Totals,
    ) -> None:
        made = attempt.now.made(signed.correction_id)
        terms = repricing.terms(attempt) if made is None else None
        if made is None and terms is None:
            totals.without_price(attempt)
            return
        if made is None and terms is not None:
            # Most attempts cost the same: those need no unit of work.
            plenty = Money(2**62, attempt.now.charge.unit)
            if _rerated(attempt, terms, plenty, signed, pricing) is None:
                return
            fact = self._rerate(attempt, terms, signed, pricing)
            if fact is not None:
                totals.add(fact.charge_before - fact.charge, fact.untaken, attempt.forfeits)
                return
            made = self._made(attempt, signed.correction_id)
        if made is not None:
            untaken = Money(made.untaken, made.before.unit)
            totals.add(made.before - made.after, untaken, attempt.forfeits)

    def _made(self, attempt: TalkedAttempt, correction_id: UUID) -> Made | None:
        session = look_at(self.units, kinds.CALL_SESSIONS, attempt.session_id)
        assert session is not None, "it was read before"
        return session.settled[attempt.talk.number].made(correction_id)

    def _rerate(
        self, attempt: TalkedAttempt, terms: RateTerms, signed: Signed, pricing: Pricing
    ) -> AttemptRerated | None:
        def decide(unit: Unit) -> AttemptRerated | None:
            session = unit.get(kinds.CALL_SESSIONS, attempt.session_id)
            account = unit.get(kinds.ACCOUNTS, attempt.started.account_id)
            assert session is not None, "it was read before"
            assert account is not None, "an attempt is paid from an account"
            fact = _rerated(
                evolve(attempt, session=session), terms, account.available, signed, pricing
            )
            if fact is not None:
                record(unit, attempt, fact, account)
            return fact

        return self.units.run(decide, writes=streams_of(attempt))


def streams_of(attempt: TalkedAttempt) -> tuple[UUID, UUID, UUID]:
    """What the unit of work of a correction writes."""
    return (attempt.session_id, attempt.started.account_id, attempt.started.card_id)


def record(
    unit: Unit, attempt: TalkedAttempt, fact: AttemptRerated | AttemptRefunded, account: Account
) -> Account:
    """Records a correction of an attempt and moves the money of it; gives the account after it.

    The money goes to the account whatever became of the card: what is on a void or expired card
    falls to the operator when breakage is looked for (ADR 0028).
    """
    account_id, card_id = attempt.started.account_id, attempt.started.card_id
    unit.record(kinds.CALL_SESSIONS, attempt.session_id, [fact])
    moved = account.correct(fact.hold_id, fact.correction_id, fact.charge_before, fact.charge)
    unit.record(kinds.ACCOUNTS, account_id, moved)
    after = unit.get(kinds.ACCOUNTS, account_id)
    assert after is not None, "it was there before"
    card = unit.get(kinds.CARDS, card_id)
    assert card is not None, "an attempt is paid by a card"
    unit.record(kinds.CARDS, card_id, card.balance_changed(after.balance))
    return after


def _how(pricing: Pricing) -> str:
    more = "charging more where it is due" if pricing.charge_more else "giving back only"
    return f"by {pricing.name}, {more}"


def _rerated(
    attempt: TalkedAttempt, terms: RateTerms, available: Money, signed: Signed, pricing: Pricing
) -> AttemptRerated | None:
    facts = rerate(
        attempt.session,
        attempt.talk,
        terms,
        available,
        signed,
        charge_more=pricing.charge_more,
    )
    for fact in facts:
        assert isinstance(fact, AttemptRerated), "a re-rating is one fact"
        return fact
    return None


def _line(attempt: TalkedAttempt, fact: AttemptRerated) -> Line:
    return Line(
        attempt.reference,
        fact.number,
        attempt.card.number,
        attempt.started.destination,
        attempt.started.destination_name,
        fact.seconds,
        fact.charge_before,
        fact.charge,
        fact.untaken,
        attempt.forfeits,
    )
