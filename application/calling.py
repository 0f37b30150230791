"""A caller on the line: which access number was dialled, who pays, what is left to spend."""

from __future__ import annotations

from typing import NoReturn
from uuid import UUID

from attrs import define, field, frozen

from application import kinds, numbers
from application.configuration import Configuration
from application.persons import Persons
from application.pins import PinDigests
from application.ports import Clock, Unit, UnitsOfWork
from application.throttle import Throttle
from domain.access_numbers import AccessTerms
from domain.call_sessions import CallSession, CallStarted, start
from domain.card_groups import GroupTerms
from domain.cards import Card
from domain.errors import CardNotUsable, LoginFailed, NotFound
from domain.login import LoginMode, Proof
from domain.money import Money


@frozen
class Arrival:
    """A call as it comes in: its reference and node, what was dialled, and from where.

    ``caller_id`` is as received, None if the caller hides it.
    """

    reference: str
    node: str
    access_number: str
    caller_id: str | None
    trunk: str


@frozen
class Payer:
    """The card that pays, as it was when it was last looked at."""

    card_id: UUID
    account_id: UUID
    group_id: UUID
    terms: GroupTerms
    balance: Money
    available: Money
    caller_id: str | None
    calls_elsewhere: int = 0
    """Calls that are up with this card in other sessions, or whose ends are not known yet."""

    @property
    def is_in_use(self) -> bool:
        """As many calls are up elsewhere as the terms allow at once."""
        return self.calls_elsewhere >= self.terms.simultaneous_calls

    @property
    def is_empty(self) -> bool:
        """Nothing on it, or less than the group's minimum. What is held for another call is not
        lost: a card in use is not empty."""
        return self.balance.micros <= 0 or self.balance < self.terms.least_balance


@define
class Call:
    """What the adapter keeps of a call while it is up. The ledger keeps the rest."""

    session_id: UUID
    started: CallStarted
    access: AccessTerms
    sources: tuple[tuple[str, str], ...]
    payer: Payer | None = None
    bound_card: UUID | None = None
    """The card that the caller ID opened when the call came in, and that another card of the same
    caller follows: one that is merely in use keeps its number."""
    attempts: int = 0
    last_destination: str | None = None
    recorded: bool = field(default=False)

    @property
    def reference(self) -> str:
        return self.started.reference

    @property
    def caller_id(self) -> str | None:
        return self.started.caller_id


def session_of(unit: Unit, call: Call) -> CallSession:
    """The session of the call, begun now if this is its first fact."""
    session = unit.get(kinds.CALL_SESSIONS, call.session_id)
    unit.record(kinds.CALL_SESSIONS, call.session_id, start(session, call.started))
    session = unit.get(kinds.CALL_SESSIONS, call.session_id)
    assert session is not None, "it was begun above"
    return session


@frozen
class Calls:
    """Use cases of a caller up to the moment of dialling."""

    units: UnitsOfWork
    configuration: Configuration
    pins: PinDigests
    throttle: Throttle
    clock: Clock
    persons: Persons

    def arrive(self, arrival: Arrival) -> Call:
        """From here on the caller's number is sealed.

        Raises NotFound for a number that is not ours or is closed, ValueError for a bad reference.
        """
        access_id = kinds.access_number_id(arrival.access_number)
        access = self.configuration.get(kinds.ACCESS_NUMBERS, access_id)
        if access is None or not access.terms.open:
            raise NotFound("access number", arrival.access_number)
        number = numbers.caller_id(arrival.caller_id, access.terms.country)
        session_id = kinds.session_id(arrival.reference)
        caller_id = self.persons.seal(number) if number is not None else None
        started = CallStarted(arrival.reference, arrival.node, arrival.access_number, caller_id)
        sources = [("access number", arrival.access_number), ("trunk", arrival.trunk), ("all", "")]
        sources.insert(0, ("caller ID", caller_id) if caller_id else ("hidden", ""))
        return Call(session_id, started, access.terms, tuple(sources))

    def login_by_caller_id(self, call: Call) -> Payer | None:
        """The payer whose card this caller ID opens without a PIN, if there is one."""
        if call.caller_id is None:
            return None
        caller_id_id = kinds.caller_id_id(call.caller_id)
        bound = self.units.run(
            lambda unit: unit.get(kinds.CALLER_IDS, caller_id_id),
            writes=(),
            reads=(caller_id_id,),
        )
        if bound is None or bound.card_id is None:
            return None
        call.bound_card = bound.card_id
        try:
            payer = self._identify(call, bound.card_id, Proof.CALLER_ID, None)
        except LoginFailed:
            return None
        if payer.is_in_use and not payer.is_empty:
            call.bound_card = None
        return payer

    def login(self, call: Call, mode: LoginMode, number: str, pin: str) -> Payer:
        """The payer for what the caller keyed in; an empty number or PIN where none is asked.

        Every failed try is recorded with its reason, and counted against its sources. Raises
        LoginFailed, the same whatever the cause.
        """
        if not self.throttle.take(call.sources):
            # It guessed nothing, so it costs nothing: a source that goes on must not use up what
            # is left to everybody else at its access number and trunk.
            self._refuse(call, "throttled", None)
        card_id: UUID | None
        digest = self.pins.digest(pin) if mode is not LoginMode.NUMBER_ONLY else None
        if mode is LoginMode.PIN_ONLY:
            assert digest is not None, "this mode has a PIN"
            card_id = self.units.find(kinds.PIN, digest)
        else:
            card_id = self.units.find(kinds.CARD_NUMBER, number)
        if card_id is None:
            self._refuse(call, "unknown card", None)
        try:
            payer = self._identify(call, card_id, Proof(mode), digest)
        except LoginFailed as failure:
            self._refuse(call, failure.reason, card_id)
        self.throttle.give_back(call.sources)
        return payer

    def refresh(self, call: Call) -> Payer:
        """The call's payer with what it can spend now."""
        assert call.payer is not None, "nobody has logged in"
        payer = self.units.run(
            lambda unit: self._payer(unit, call.payer.card_id, call, call.attempts)[1],  # type: ignore[union-attr]
            writes=(),
            reads=(call.payer.card_id, call.payer.account_id),
        )
        call.payer = payer
        return payer

    def end(self, call: Call, reason: str) -> None:
        """The caller has left. Attempts that are still open settle when their records arrive."""
        if not call.recorded:
            return

        def decide(unit: Unit) -> None:
            session = session_of(unit, call)
            unit.record(kinds.CALL_SESSIONS, call.session_id, session.end(reason))

        self.units.run(decide, writes=(call.session_id,))

    def _identify(self, call: Call, card_id: UUID, proof: Proof, digest: str | None) -> Payer:
        def decide(unit: Unit) -> tuple[Payer, int]:
            session = session_of(unit, call)
            current, payer = self._payer(unit, card_id, call, session.last_attempt)
            if proof is Proof.CALLER_ID and not (
                payer.terms.pinless_allowed and current.caller_id == call.caller_id
            ):
                raise LoginFailed("the caller ID opens no card")
            current.check_login(proof, digest, call.caller_id, payer.terms)
            try:
                current.check_usable(payer.terms, self.clock.now())
            except CardNotUsable as unusable:
                raise LoginFailed(unusable.reason) from unusable
            facts = session.identify(card_id, payer.account_id, proof)
            unit.record(kinds.CALL_SESSIONS, call.session_id, facts)
            return payer, session.last_attempt

        payer, attempts = self.units.run(
            decide,
            writes=(call.session_id,),
            reads=(card_id, kinds.account_id_of_card(card_id)),
        )
        # A session that comes back to its channel goes on counting where it was.
        call.payer, call.attempts, call.recorded = payer, attempts, True
        return payer

    def _payer(self, unit: Unit, card_id: UUID, call: Call, attempts: int) -> tuple[Card, Payer]:
        card = unit.get(kinds.CARDS, card_id)
        assert card is not None, "a claim and a binding always name a card"
        group = self.configuration.get(kinds.CARD_GROUPS, card.group_id)
        assert group is not None, "a card is generated in a group"
        account = unit.get(kinds.ACCOUNTS, card.account_id)
        nothing = Money(0, group.terms.unit)
        own = {kinds.hold_id(call.session_id, number) for number in range(1, attempts + 1)}
        return card, Payer(
            card_id=card_id,
            account_id=card.account_id,
            group_id=card.group_id,
            terms=group.terms,
            balance=account.balance if account else nothing,
            available=account.available if account else nothing,
            caller_id=card.caller_id,
            calls_elsewhere=len(account.holds.keys() - own) if account else 0,
        )

    def _refuse(self, call: Call, reason: str, card_id: UUID | None) -> NoReturn:
        def decide(unit: Unit) -> None:
            session = session_of(unit, call)
            facts = session.refuse_login(reason, card_id)
            unit.record(kinds.CALL_SESSIONS, call.session_id, facts)

        self.units.run(decide, writes=(call.session_id,))
        call.recorded = True
        raise LoginFailed(reason)
