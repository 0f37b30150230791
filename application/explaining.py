"""Why a call cost what it did: every step from the recorded facts, and the price made again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from application import kinds
from application.log import Log, Logged
from application.terms_in_words import (
    clock_in_words,
    line_in_words,
    seconds_in_words,
    terms_in_words,
)
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptRouted,
    AttemptSeen,
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallStarted,
    LegUnanswered,
    LoginRefused,
    PayerIdentified,
    RoutesPlanned,
    SettlementDisputed,
    TimeAnnounced,
)
from domain.cards import CardGenerated
from domain.costs import margin
from domain.errors import NotFound
from domain.money import Money
from domain.rating import Charge, charge, whole_seconds


@frozen
class Step:
    """What happened at a moment, in a sentence, and what it follows from."""

    at: datetime
    position: int
    told: str
    because: tuple[str, ...] = ()
    internal: bool = False
    """Of carriers, costs and what keeps thieves out: nothing for the customer's copy."""


@frozen
class Corrected:
    """A correction of an attempt, with its price made again where other terms were put."""

    at: datetime
    correction_id: UUID
    kind: str
    """re-rating or refund."""
    charge_before: Money
    charge: Money
    rate: str
    """The terms that count from now on, in words."""
    price: Charge
    """By those terms."""
    untaken: Money
    """Asked for, and not available."""
    by: str
    why: str


@frozen
class PricedAttempt:
    """One attempt, with its price made again from the recorded terms."""

    number: int
    destination: str
    destination_name: str
    rate: str
    """The recorded terms, in words."""
    held: Money
    limit_seconds: int
    answered_at: datetime | None = None
    seconds: int | None = None
    """None: not settled yet."""
    price: Charge | None = None
    charge: Money | None = None
    cost: Money | None = None
    margin: Money | None = None
    agrees: bool = True
    """The recorded charge is the price, or what of it the hold covered, and what every correction
    says is due follows from its terms."""
    corrections: tuple[Corrected, ...] = ()
    """``charge`` is the first charge, which never changes; these came after it."""

    @property
    def charged_now(self) -> Money | None:
        return self.corrections[-1].charge if self.corrections else self.charge


@frozen
class Explanation:
    reference: str
    steps: Sequence[Step]
    attempts: Sequence[PricedAttempt]
    charged: Sequence[Money]
    """Now, after all corrections; by unit."""

    @property
    def agrees(self) -> bool:
        return all(attempt.agrees for attempt in self.attempts)


@frozen
class Explanations:
    log: Log

    def explain(self, reference: str) -> Explanation:
        """Raises NotFound for a call that the ledger does not know, ValueError for no reference."""
        facts = self.log.stream(kinds.session_id(reference))
        if not facts:
            raise NotFound("call session", reference)
        teller = _Teller(self.log)
        for each in facts:
            teller.tell(each)
        attempts = list(teller.attempts.values())
        sums: dict[str, int] = {}
        for attempt in attempts:
            if (now := attempt.charged_now) is not None:
                sums[now.unit] = sums.get(now.unit, 0) + now.micros
        charged = [Money(micros, unit) for unit, micros in sorted(sums.items())]
        return Explanation(reference, teller.steps, attempts, charged)


@frozen
class _Teller:
    """Tells the facts of one session, one after another."""

    log: Log
    steps: list[Step] = field(factory=list)
    attempts: dict[int, PricedAttempt] = field(factory=dict)
    _started: dict[int, AttemptStarted] = field(factory=dict)
    _settled: dict[int, AttemptSettled] = field(factory=dict)

    def tell(self, logged: Logged) -> None:
        match logged.fact:
            case CallStarted() as call:
                source = call.caller_id or "a hidden number"
                self._say(logged, f"{source} calls {call.access_number} at {call.node}")
            case LoginRefused(reason):
                self._say(logged, f"a login is refused: {reason}", internal=True)
            case PayerIdentified(card_id, _, proof):
                self._say(logged, f"card {self._number_of(card_id)} pays, opened by {proof}")
            case AttemptStarted() as started:
                self._attempt_started(logged, started)
            case RoutesPlanned(number, routes):
                ways = ", ".join(f"{n}. {each.trunk}" for n, each in enumerate(routes, 1))
                self._say(logged, f"attempt {number} may go through {ways}", internal=True)
            case TimeAnnounced(number, seconds):
                told = "nothing" if seconds is None else seconds_in_words(seconds)
                self._say(logged, f"the time told for attempt {number} is {told}")
            case LegUnanswered(number, leg, cause):
                why = f", cause {cause}" if cause is not None else ""
                told = f"leg {leg} of attempt {number} ends unanswered{why}"
                self._say(logged, told, internal=True)
            case AttemptSeen(number, _, seconds):
                told = f"attempt {number} is seen alive after {seconds} s"
                self._say(logged, told, internal=True)
            case AttemptSettled() as settled:
                self._attempt_settled(logged, settled)
            case AttemptRouted() as routed:
                self._attempt_routed(logged, routed)
            case SettlementDisputed(number, settled_seconds, seconds, evidence):
                self._say(
                    logged,
                    f"a {evidence} tells of {seconds} s for attempt {number}, charged for"
                    f" {settled_seconds} s: put up for review, nothing is charged again",
                )
            case AttemptRerated() as rerated:
                self._rerated(logged, rerated)
            case AttemptRefunded() as refunded:
                self._refunded(logged, refunded)
            case CallEnded(reason):
                self._say(logged, f"the call ends: {reason}")

    def _attempt_started(self, logged: Logged, started: AttemptStarted) -> None:
        self._started[started.number] = started
        self.attempts[started.number] = PricedAttempt(
            started.number,
            started.destination,
            started.destination_name,
            terms_in_words(started.terms),
            started.held,
            started.limit_seconds,
        )
        whole = charge(
            started.terms, started.placed_at, started.limit_seconds, setup_due=started.first_use
        )
        because = [
            f"the price of {started.destination_name}: {terms_in_words(started.terms)}",
            f"{seconds_in_words(started.limit_seconds)} answered at once cost {whole.total}",
            "a later answer may fall into a dearer time: the hold covers the worst of them",
            f"the phone may ring, and the call last, until {clock_in_words(started.deadline)}",
        ]
        if started.first_use and started.terms.setup_fee:
            fee = Money(started.terms.setup_fee, started.terms.unit)
            because.append(f"the card was never used: its setup fee of {fee} is held for")
        self._say(
            logged,
            f"attempt {started.number} to {started.destination}: {started.held} is held for at"
            f" most {seconds_in_words(started.limit_seconds)}",
            *because,
        )

    def _attempt_settled(self, logged: Logged, settled: AttemptSettled) -> None:
        started = self._started[settled.number]
        self._settled[settled.number] = settled
        if settled.answered_at is None:
            self.attempts[settled.number] = changed(
                self.attempts[settled.number],
                seconds=0,
                charge=settled.charge,
                agrees=not settled.charge,
            )
            cause = f", cause {settled.cause}" if settled.cause is not None else ""
            self._say(
                logged,
                f"attempt {settled.number} was not answered ({settled.evidence}{cause}): nothing is"
                f" charged, {started.held} is free again",
            )
            return
        price = charge(
            started.terms, settled.answered_at, settled.seconds, setup_due=settled.setup_due
        )
        due = min(price.total, started.held)
        agrees = settled.charge == due
        self.attempts[settled.number] = changed(
            self.attempts[settled.number],
            answered_at=settled.answered_at,
            seconds=settled.seconds,
            price=price,
            charge=settled.charge,
            agrees=agrees,
        )
        talked = timedelta(milliseconds=settled.talked_ms)
        because = [
            f"by the {settled.evidence}: answered at {clock_in_words(settled.answered_at)},"
            f" {talked} talked, {settled.seconds} begun seconds",
            f"{price.billed_seconds} s are billed: {terms_in_words(started.terms)}",
            *(line_in_words(line, price.total.unit) for line in price.lines),
            f"together {price.total}",
        ]
        if whole_seconds(settled.talked_ms) > started.limit_seconds:
            because.insert(1, f"never more than the limit of {started.limit_seconds} s is charged")
        if price.total > started.held:
            because.append(f"no more than the hold of {started.held} is charged")
        if not agrees:
            because.append(f"BUT {settled.charge} was recorded: `talktime audit verify` tells more")
        self._say(
            logged,
            f"attempt {settled.number} is charged {settled.charge},"
            f" {started.held - settled.charge} of the hold is free again",
            *because,
        )

    def _attempt_routed(self, logged: Logged, routed: AttemptRouted) -> None:
        settled = self._settled[routed.number]
        left = margin(settled.charge, routed.cost, routed.exchange)
        self.attempts[routed.number] = changed(
            self.attempts[routed.number], cost=routed.cost, margin=left
        )
        because = []
        if routed.terms is not None:
            because.append(f"{routed.provider} asks {terms_in_words(routed.terms)}")
        if left is not None:
            because.append(f"{left} is left of the charge")
        cost = routed.cost
        paid = "at a cost that nobody knows" if cost is None else f"at a cost of {cost}"
        told = f"it went over leg {routed.leg}, trunk {routed.trunk}, {paid}"
        self._say(logged, told, *because, internal=True)

    def _rerated(self, logged: Logged, told: AttemptRerated) -> None:
        attempt = self.attempts[told.number]
        price = charge(told.terms, told.answered_at, told.seconds, setup_due=told.setup_due)
        because = [
            f"put under other terms by {told.by}: {told.why}",
            f"they were {terms_in_words(told.terms_before)}, and are {terms_in_words(told.terms)}",
            *(line_in_words(line, price.total.unit) for line in price.lines),
            f"together {price.total}",
        ]
        if told.untaken:
            because.append(f"{told.untaken} more was asked for, and not available")
        if price.total != told.due:
            because.append(f"BUT {told.due} was recorded: `talktime audit verify` tells more")
        corrected = Corrected(
            logged.recorded_at,
            told.correction_id,
            "re-rating",
            told.charge_before,
            told.charge,
            terms_in_words(told.terms),
            price,
            told.untaken,
            told.by,
            told.why,
        )
        self._corrected(attempt, corrected, price.total == told.due)
        words = f"attempt {told.number} is charged {told.charge} instead of {told.charge_before}"
        self._say(logged, words, *because)

    def _refunded(self, logged: Logged, told: AttemptRefunded) -> None:
        price = charge(told.terms, told.answered_at, told.seconds, setup_due=told.setup_due)
        corrected = Corrected(
            logged.recorded_at,
            told.correction_id,
            "refund",
            told.charge_before,
            told.charge,
            terms_in_words(told.terms),
            price,
            told.charge.zero,
            told.by,
            told.why,
        )
        self._corrected(self.attempts[told.number], corrected, True)
        back = told.charge_before - told.charge
        words = f"{back} of attempt {told.number} is given back, {told.charge} is still charged"
        self._say(logged, words, f"a refund by {told.by}: {told.why}")

    def _corrected(self, attempt: PricedAttempt, made: Corrected, agrees: bool) -> None:
        left = attempt.margin
        if left is not None:
            left = left + made.charge - made.charge_before
        self.attempts[attempt.number] = changed(
            attempt,
            corrections=(*attempt.corrections, made),
            margin=left,
            agrees=attempt.agrees and agrees and attempt.charged_now == made.charge_before,
        )

    def _say(self, logged: Logged, told: str, *because: str, internal: bool = False) -> None:
        self.steps.append(Step(logged.recorded_at, logged.position, told, because, internal))

    def _number_of(self, card_id: UUID) -> str:
        for each in self.log.stream(card_id):
            if isinstance(each.fact, CardGenerated):
                return each.fact.number
        return str(card_id)
