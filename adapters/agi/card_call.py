"""A calling-card call, as the caller lives it: greeted, identified, connected, asked again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from attrs import evolve, field, frozen

from adapters.agi.causes import DialStatus
from adapters.agi.entries import Codes, Meaning, meaning
from adapters.agi.prompts import OUTCOMES, REFUSALS
from adapters.agi.telephone import CallerGone, Keys, Leg, Outcome, Telephone
from application.caller_id_binding import CallerIdBindings
from application.calling import Arrival, Call, Calls, Payer
from application.dialling import Dialling, Grant
from application.legs import LegOutcome
from application.ports import ConcurrencyConflict, LedgerUnavailable
from application.settlement import PaidBy, Receipt, Settlement
from application.speech import Balance, Prompt, Sentence, TimeLeft, Voice
from application.trunk_load import TrunkLoad
from domain.errors import LoginFailed, NotFound, Refused
from domain.login import LoginMode

WARNING_SECONDS = 120

NO_LINE_FREE = Outcome(DialStatus.CONGESTION, 34, None)
"""Every trunk was full, so nothing was dialled; 34 is Q.850's "no circuit/channel available"."""


@frozen
class CardCallSettings:
    codes: Codes = field(factory=Codes)
    login_tries: int = 3
    empty_entries: int = 2
    """Times in a row that a caller may key nothing before the call ends."""
    invalid_entries: int = 10
    """Entries in a row that call nobody, whatever the reason, before the call ends."""
    first_key_ms: int = 8000
    next_key_ms: int = 5000
    endpoint: str = "PJSIP/{number}@{trunk}"

    def __attrs_post_init__(self) -> None:
        # A wrong endpoint would fail every call after its hold is placed, so it is tried here.
        Leg(
            reference="check",
            attempt=1,
            leg=1,
            number="1",
            trunk="t",
            ring_seconds=1,
            limit_ms=1000,
            endpoint=self.endpoint,
        )


@frozen
class CardCallServices:
    """What the conversation asks of the application."""

    calls: Calls
    bindings: CallerIdBindings
    dialling: Dialling
    settlement: Settlement
    voice: Voice
    settings: CardCallSettings = field(factory=CardCallSettings)
    trunks: TrunkLoad = field(factory=TrunkLoad)

    def answer(self, telephone: Telephone) -> None:
        """Has the whole conversation with one caller. Faults are the server's to log."""
        CardCall(telephone, self).run()


class CardCall:
    def __init__(self, telephone: Telephone, services: CardCallServices) -> None:
        self._phone = telephone
        self._do = services
        self._settings = services.settings
        self._language = telephone.language
        self._log = structlog.get_logger("talktime.call").bind(call=telephone.reference)

    def run(self) -> None:
        try:
            self._phone.answer()
            self._ledger_or_later(self._converse)
            self._phone.done()
            self._phone.hangup()
        except CallerGone:
            self._log.debug("caller_gone")

    def _ledger_or_later(self, part: Callable[[], None]) -> None:
        """New calls fail closed when the ledger cannot commit (charging rule 6)."""
        try:
            part()
        except (LedgerUnavailable, ConcurrencyConflict) as fault:
            self._log.error("ledger_unavailable", fault=str(fault))
            self._say(Prompt.TRY_AGAIN_LATER)

    # ---- the conversation

    def _converse(self) -> None:
        phone = self._phone
        trunk = phone.channel.partition("/")[2].rpartition("-")[0]
        arrival = Arrival(phone.reference, phone.node, phone.access_number, phone.caller_id, trunk)
        try:
            call = self._do.calls.arrive(arrival)
        except (NotFound, ValueError) as refusal:
            self._log.warning("call_refused", reason=str(refusal), number=phone.access_number)
            self._say(Prompt.TRY_AGAIN_LATER)
            return
        reason = "goodbye"
        try:
            self._speak(self._do.voice.language_for(call.access.language))
            if call.access.first_announcement:
                phone.play((call.access.first_announcement,))
            payer = self._login(call)
            if payer is None:
                self._say(Prompt.GOODBYE)
                return
            self._greet(payer, call)
            self._serve(call)
            self._say(Prompt.GOODBYE)
        except CallerGone:
            reason = "caller left"
            raise
        except (LedgerUnavailable, ConcurrencyConflict):
            reason = "ledger unavailable"
            raise
        finally:
            self._end(call, reason)

    def _end(self, call: Call, reason: str) -> None:
        try:
            self._do.calls.end(call, reason)
        except (LedgerUnavailable, ConcurrencyConflict) as fault:
            self._log.warning("call_end_not_recorded", fault=str(fault))

    # ---- who pays

    def _login(self, call: Call) -> Payer | None:
        payer = self._do.calls.login_by_caller_id(call)
        first: list[Sentence] = [] if call.access.first_announcement else [Prompt.WELCOME]
        if payer is not None:
            refusal = _refusal(payer)
            if refusal is None:
                return payer
            first += [refusal, Prompt.ENTER_ANOTHER_CARD]
        for _ in range(self._settings.login_tries):
            number, pin = self._ask_login(call.access.login_mode, first)
            try:
                payer = self._do.calls.login(call, call.access.login_mode, number, pin)
            except LoginFailed:
                first = [Prompt.LOGIN_FAILED]
                continue
            self._do.bindings.after_login(call, payer)
            refusal = _refusal(payer)
            if refusal is None:
                return payer
            first = [refusal, Prompt.ENTER_ANOTHER_CARD]
        self._say(*first[:1])
        return None

    def _ask_login(self, mode: LoginMode, first: Sequence[Sentence]) -> tuple[str, str]:
        match mode:
            case LoginMode.NUMBER_ONLY:
                return self._ask(*first, Prompt.ENTER_CARD_NUMBER_ONLY).number, ""
            case LoginMode.PIN_ONLY:
                return "", self._ask(*first, Prompt.ENTER_PIN_ONLY).number
            case LoginMode.NUMBER_AND_PIN:
                number = self._ask(*first, Prompt.ENTER_CARD_NUMBER).number
                return number, self._ask(Prompt.ENTER_PIN).number

    def _greet(self, payer: Payer, call: Call) -> None:
        if call.access.language not in payer.terms.languages:
            self._speak(self._do.voice.language_for(payer.terms.languages[0]))
        if payer.terms.first_announcement:
            self._phone.play((payer.terms.first_announcement,))

    # ---- what the payer wants

    def _serve(self, call: Call) -> None:
        assert call.payer is not None, "somebody has logged in"
        empty = fruitless = 0
        say = self._balance(call)
        while empty < self._settings.empty_entries and fruitless < self._settings.invalid_entries:
            attempts = call.attempts
            keys = self._ask(*say, Prompt.ENTER_DESTINATION)
            wanted = meaning(keys, self._settings.codes)
            empty = empty + 1 if wanted is Meaning.NOTHING else 0
            try:
                say = self._do_what(call, wanted, keys)
            except Refused as refusal:
                say = [REFUSALS[type(refusal)]]
            fruitless = fruitless + 1 if call.attempts == attempts else 0

    def _do_what(self, call: Call, wanted: Meaning, keys: Keys) -> list[Sentence]:
        """Does what the keys mean, and gives what to say before asking again."""
        assert call.payer is not None, "somebody has logged in"
        match wanted:
            case Meaning.NUMBER:
                return self._connect(call, self._do.dialling.dial(call, keys.number))
            case Meaning.REDIAL:
                if call.last_destination is None:
                    return [Prompt.NOTHING_TO_REDIAL]
                number = call.last_destination.removeprefix("+")
                return self._connect(call, self._do.dialling.dial(call, number))
            case Meaning.OPERATOR:
                try:
                    grant = self._do.dialling.dial_operator(call)
                except NotFound:
                    return [Prompt.OPERATOR_UNAVAILABLE]
                return self._connect(call, grant)
            case Meaning.BALANCE:
                return [Balance(self._do.calls.refresh(call).available)]
            case Meaning.CALLER_ID:
                stored = self._do.bindings.toggle(call, call.payer)
                return [Prompt.CALLER_ID_STORED if stored else Prompt.CALLER_ID_REMOVED]
            case Meaning.UNFINISHED:
                return [Prompt.FINISH_WITH_POUND]
            case Meaning.INVALID:
                return [Prompt.INVALID_ENTRY]
            case Meaning.NOTHING | Meaning.START_OVER:
                return []

    # ---- a leg

    def _connect(self, call: Call, grant: Grant) -> list[Sentence]:
        assert call.payer is not None, "somebody has logged in"
        try:
            if call.payer.terms.say_time:
                self._say(TimeLeft(grant.announced_seconds))
            self._phone.prepare_dial_keys(self._settings.codes.hang_up)
            outcome, leg = self._dial_routes(grant)
        except CallerGone:
            self._do.settlement.not_connected(call.reference, grant.attempt, None)
            raise
        receipt = self._settle(call, grant, outcome, leg)
        if outcome.caller_gone:
            raise CallerGone("the caller left during the attempt")
        prompt = OUTCOMES[outcome.result]
        said: list[Sentence] = [prompt] if prompt else []
        if receipt is not None:
            call.payer = evolve(call.payer, available=receipt.available)
        elif outcome.talked:
            # Whoever reads the spool was faster, so the ledger knows what is left.
            self._do.calls.refresh(call)
        return said + self._balance(call) if outcome.talked else said

    def _dial_routes(self, grant: Grant) -> tuple[Outcome, int | None]:
        """Tries the routes one after another, cheapest first, until one reaches the number.

        A trunk that is full is passed over. Gives the last outcome and its leg, None if every
        trunk was full.
        """
        at_once = grant.limit_seconds <= WARNING_SECONDS
        warning = Prompt.LESS_THAN_TWO_MINUTES if at_once else Prompt.TWO_MINUTES_LEFT
        outcome, last = NO_LINE_FREE, None
        for number, route in enumerate(grant.routes, 1):
            leg = Leg(
                reference=self._phone.reference,
                attempt=grant.attempt,
                leg=number,
                number=route.number,
                trunk=route.trunk,
                ring_seconds=grant.ring_seconds,
                limit_ms=grant.limit_seconds * 1000,
                warn_ms=WARNING_SECONDS * 1000,
                warning_sound=warning.sound,
                caller_id=route.caller_id,
                endpoint=self._settings.endpoint,
            )
            with self._do.trunks.call(route.trunk, route.capacity) as line_taken:
                if not line_taken:
                    self._log.info("trunk_full", trunk=route.trunk, capacity=route.capacity)
                    continue
                outcome, last = self._phone.dial(leg), number
            if outcome.caller_gone or not outcome.result.tries_next_route:
                break
        return outcome, last

    def _settle(
        self, call: Call, grant: Grant, outcome: Outcome, leg: int | None
    ) -> Receipt | None:
        """Settles what is known now. What is not is settled from the spool."""
        settlement, payer = self._do.settlement, call.payer
        assert payer is not None, "somebody has logged in"
        paid_by = PaidBy(payer.account_id, payer.card_id)
        if outcome.talked:
            assert outcome.leg is not None, "its record tells of the talk"
            return settlement.record_leg(outcome.leg, paid_by=paid_by)
        if outcome.caller_gone or outcome.result in (LegOutcome.ANSWERED, LegOutcome.UNKNOWN):
            return None
        return settlement.not_connected(
            call.reference, grant.attempt, outcome.cause, paid_by=paid_by, leg=leg
        )

    # ---- speaking and asking

    def _balance(self, call: Call) -> list[Sentence]:
        assert call.payer is not None, "somebody has logged in"
        return [Balance(call.payer.available)] if call.payer.terms.say_balance else []

    def _speak(self, language: str) -> None:
        self._language = language
        self._phone.set_language(language)

    def _say(self, *sentences: Sentence) -> None:
        self._phone.play(self._do.voice.say(*sentences, language=self._language))

    def _ask(self, *sentences: Sentence) -> Keys:
        sounds = self._do.voice.say(*sentences, language=self._language)
        return self._phone.ask(
            sounds,
            first_ms=self._settings.first_key_ms,
            between_ms=self._settings.next_key_ms,
        )


def _refusal(payer: Payer) -> Prompt | None:
    """Why this card pays for no call now, told before anything else; None if it does."""
    if payer.is_empty:
        return Prompt.NO_CREDIT
    return Prompt.CARD_IN_USE if payer.is_in_use else None
