"""What has happened to a card, an account or a call, told fact by fact in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import field, frozen

from adapters.http.pages.formats import duration, moment, money, plain
from application.views import RecordedEvent
from domain import accounts, call_sessions, cards, top_ups
from domain.money import Money

BY_ITSELF = "Talktime itself"


@frozen
class Told:
    """One entry: a picture and its colour, a sentence, further words, and an amount if it has one.

    ``sign``: whether the amount came (+), went (−) or was only put aside.
    """

    icon: str
    tone: str
    title: str
    detail: str = ""
    amount: Money | None = None
    sign: str = ""


@frozen
class Line:
    """An entry with its moment, who caused it, and where more of it is told."""

    at: datetime
    told: Told
    by: str = ""
    link: str = ""
    link_label: str = ""


@frozen
class Attempt:
    """The call that a hold was placed for."""

    session_id: UUID
    destination: str
    name: str

    def __str__(self) -> str:
        return f"{self.destination}, {self.name}" if self.name else self.destination


@frozen
class Known:
    """What facts point at: calls by their holds, and receipts by their ids."""

    attempts: Mapping[UUID, Attempt] = field(factory=dict)
    receipts: Mapping[UUID, top_ups.TopUpReceived] = field(factory=dict)


def lines(events: Iterable[RecordedEvent], known: Known, *, here: UUID | None = None) -> list[Line]:
    """The entries of these facts, the newest first. ``here``: the call on whose page they are."""
    return [_line(each, known, here) for each in sorted(events, key=_place, reverse=True)]


def _place(event: RecordedEvent) -> tuple[datetime, bool, int]:
    """Facts of one moment: what happened to the card, and then to its money."""
    of_money = type(event.fact).__module__ == accounts.__name__
    return event.recorded_at, of_money, event.version


def _line(event: RecordedEvent, known: Known, here: UUID | None) -> Line:
    fact: Any = event.fact
    by = getattr(fact, "by", "")
    link = label = ""
    call = known.attempts.get(getattr(fact, "hold_id", fact))
    if isinstance(fact, accounts.FundsAdded) and fact.top_up_id in known.receipts:
        by = known.receipts[fact.top_up_id].by
    if call is not None and call.session_id != here:
        link, label = f"/calls/{call.session_id}", "Look at the call"
    by = BY_ITSELF if by == "ledger" else by
    return Line(event.recorded_at, tell(fact, known), by, link, label)


def tell(fact: object, known: Known | None = None) -> Told:
    """Raises KeyError for a fact that has no words yet."""
    return _WORDS[type(fact)](fact, known or Known())


_STATUS = {
    cards.Status.GENERATED: ("fa-solid fa-wand-magic-sparkles", "grey"),
    cards.Status.PRINTED: ("fa-solid fa-print", "grey"),
    cards.Status.SHIPPED: ("fa-solid fa-truck", "blue"),
    cards.Status.ON_HOLD: ("fa-solid fa-hand", "amber"),
    cards.Status.ACTIVE: ("fa-solid fa-circle-check", "green"),
    cards.Status.USED: ("fa-solid fa-phone", "green"),
    cards.Status.EMPTY: ("fa-solid fa-battery-empty", "grey"),
    cards.Status.CANCELLED: ("fa-solid fa-ban", "red"),
    cards.Status.VOID: ("fa-solid fa-ban", "red"),
}


def _generated(fact: cards.CardGenerated, _: Known) -> Told:
    detail = f"Number {fact.number}, face value {money(fact.face_value)}."
    return Told("fa-solid fa-wand-magic-sparkles", "grey", "The card was made", detail)


def _status(fact: cards.CardStatusChanged, _: Known) -> Told:
    icon, tone = _STATUS[fact.status]
    return Told(icon, tone, f"Became {fact.status}", f"“{fact.why}”")


def _first_used(fact: cards.CardFirstUsed, _: Known) -> Told:
    detail = f"First connected call on {moment(fact.at)}: its time begins to run."
    return Told("fa-solid fa-play", "green", "Used for the first time", detail)


def _caller_id(fact: cards.CardCallerIdChanged, _: Known) -> Told:
    if fact.number is None:
        return Told("fa-solid fa-link-slash", "amber", "No number opens it without a PIN any more")
    return Told("fa-solid fa-link", "blue", f"Calls from {fact.number} need no PIN now")


def _sold(fact: cards.CardSold, _: Known) -> Told:
    return Told("fa-solid fa-bag-shopping", "green", "Sold", f"“{fact.why}”")


def _unsold(fact: cards.CardUnsold, _: Known) -> Told:
    return Told("fa-solid fa-rotate-left", "amber", "Came back unsold", f"“{fact.why}”")


def _opened(fact: accounts.AccountOpened, _: Known) -> Told:
    return Told("fa-solid fa-wallet", "grey", "Its account was opened", f"Kept in {fact.unit}.")


def _funds(fact: accounts.FundsAdded, known: Known) -> Told:
    receipt = known.receipts.get(fact.top_up_id)
    channel = receipt.channel if receipt is not None else ""
    title = "Money added" + (f": {channel}" if channel else "")
    return Told("fa-solid fa-coins", "green", title, "", fact.amount, "+")


def _hold(fact: accounts.HoldPlaced, known: Known) -> Told:
    call = known.attempts.get(fact.hold_id)
    title = f"Held for a call to {call}" if call else "Held for a call"
    detail = "Put aside before dialling, so that the balance is never below zero."
    return Told("fa-solid fa-lock", "blue", title, detail, fact.amount)


def _captured(fact: accounts.HoldCaptured, known: Known) -> Told:
    call = known.attempts.get(fact.hold_id)
    title = f"Paid for a call to {call}" if call else "Paid for a call"
    return Told("fa-solid fa-phone-volume", "blue", title, "", fact.charge, "−")


def _released(fact: accounts.HoldReleased, known: Known) -> Told:
    call = known.attempts.get(fact.hold_id)
    title = f"No charge for a call to {call}" if call else "No charge for a call"
    return Told("fa-solid fa-lock-open", "grey", title, "What was held is free again.")


def _fee(fact: accounts.DailyFeeCharged, _: Known) -> Told:
    title = f"Daily fee for {fact.day:%-d %b %Y}"
    return Told("fa-solid fa-calendar-day", "amber", title, "", fact.amount, "−")


def _adjusted(fact: accounts.BalanceAdjusted, _: Known) -> Told:
    sign = "−" if fact.amount.micros < 0 else "+"
    amount = Money(abs(fact.amount.micros), fact.amount.unit)
    return Told("fa-solid fa-scale-balanced", "amber", "Balance corrected", "", amount, sign)


def _forfeited(fact: accounts.BalanceForfeited, _: Known) -> Told:
    why = f"The card is {fact.reason}, and nobody can spend it any more."
    title = "What was left fell to the operator"
    return Told("fa-solid fa-hourglass-end", "amber", title, why, fact.amount, "−")


def _charge_corrected(fact: accounts.ChargeCorrected, known: Known) -> Told:
    call = known.attempts.get(fact.hold_id)
    more = fact.charge.micros - fact.charge_before.micros
    told = "Charged more for a call" if more > 0 else "Given back for a call"
    title = f"{told} to {call}" if call else told
    detail = f"The charge was {money(fact.charge_before)} and is {money(fact.charge)} now."
    amount = Money(abs(more), fact.charge.unit)
    return Told("fa-solid fa-rotate-left", "amber", title, detail, amount, "−" if more > 0 else "+")


def _call_started(fact: call_sessions.CallStarted, _: Known) -> Told:
    caller = fact.caller_id or "A hidden number"
    title = f"{caller} called {fact.access_number}"
    return Told("fa-solid fa-phone-volume", "blue", title, f"On {fact.node}, {fact.reference}.")


def _login_refused(fact: call_sessions.LoginRefused, _: Known) -> Told:
    return Told("fa-solid fa-user-xmark", "red", "Login refused", f"{fact.reason}.".capitalize())


def _payer(fact: call_sessions.PayerIdentified, _: Known) -> Told:
    return Told("fa-solid fa-user-check", "green", f"The payer is known, by {plain(fact.proof)}")


def _attempt(fact: call_sessions.AttemptStarted, _: Known) -> Told:
    title = f"Attempt {fact.number}: dials {fact.destination}, {fact.destination_name}"
    detail = f"{duration(fact.limit_seconds)} granted, until {moment(fact.deadline)} at the latest."
    return Told("fa-solid fa-phone", "blue", title, detail, fact.held)


def _planned(fact: call_sessions.RoutesPlanned, _: Known) -> Told:
    ways = ", then ".join(each.trunk for each in fact.routes) or "none"
    return Told("fa-solid fa-route", "grey", f"Attempt {fact.number}: ways to try: {ways}")


def _seen(fact: call_sessions.AttemptSeen, _: Known) -> Told:
    title = f"Attempt {fact.number} seen up after {duration(fact.seconds)}"
    return Told("fa-solid fa-eye", "grey", title)


def _settled(fact: call_sessions.AttemptSettled, _: Known) -> Told:
    if fact.answered_at is None:
        title, tone = f"Attempt {fact.number}: nobody answered", "grey"
    else:
        title, tone = f"Attempt {fact.number}: {duration(fact.seconds)} charged", "green"
    cause = f", hangup cause {fact.cause}" if fact.cause is not None else ""
    detail = f"Known from: {plain(fact.evidence)}{cause}."
    return Told("fa-solid fa-receipt", tone, title, detail, fact.charge, "−" if fact.charge else "")


def _routed(fact: call_sessions.AttemptRouted, _: Known) -> Told:
    by = f" of {fact.provider}" if fact.provider else ""
    detail = f"It costs us {money(fact.cost)}." if fact.cost is not None else ""
    title = f"Attempt {fact.number} went out by {fact.trunk}{by}, leg {fact.leg}"
    return Told("fa-solid fa-route", "grey", title, detail)


def _announced(fact: call_sessions.TimeAnnounced, _: Known) -> Told:
    said = duration(fact.seconds) if fact.seconds is not None else "nothing"
    title = f"Attempt {fact.number}: {said} announced as talk time"
    return Told("fa-solid fa-bullhorn", "grey", title)


def _unanswered(fact: call_sessions.LegUnanswered, _: Known) -> Told:
    cause = f"Hangup cause {fact.cause}." if fact.cause is not None else ""
    title = f"Attempt {fact.number}: leg {fact.leg} was not answered"
    return Told("fa-solid fa-phone-slash", "amber", title, cause)


def _disputed(fact: call_sessions.SettlementDisputed, _: Known) -> Told:
    title = f"Attempt {fact.number}: another record disagrees"
    detail = (
        f"Charged were {duration(fact.settled_seconds)}; {plain(fact.evidence)} says"
        f" {duration(fact.seconds)}. Somebody has to look at it."
    )
    return Told("fa-solid fa-triangle-exclamation", "red", title, detail)


def _rerated(fact: call_sessions.AttemptRerated, _: Known) -> Told:
    detail = f"{money(fact.charge_before)} becomes {money(fact.charge)}: “{fact.why}”"
    if fact.untaken:
        detail += f" {money(fact.untaken)} more was due, and not available."
    title = f"Attempt {fact.number}: priced again by other terms"
    return Told("fa-solid fa-scale-balanced", "amber", title, detail)


def _refunded(fact: call_sessions.AttemptRefunded, _: Known) -> Told:
    back = fact.charge_before - fact.charge
    detail = f"{money(fact.charge)} is still charged: “{fact.why}”"
    title = f"Attempt {fact.number}: refunded"
    return Told("fa-solid fa-rotate-left", "amber", title, detail, back, "+")


def _call_ended(fact: call_sessions.CallEnded, _: Known) -> Told:
    reason = f"{fact.reason}.".capitalize()
    return Told("fa-solid fa-phone-slash", "grey", "The caller left", reason)


def _received(fact: top_ups.TopUpReceived, _: Known) -> Told:
    return Told("fa-solid fa-coins", "green", f"Money came: {fact.channel}", "", fact.amount, "+")


_WORDS: Mapping[type, Callable[[Any, Known], Told]] = {
    cards.CardGenerated: _generated,
    cards.CardStatusChanged: _status,
    cards.CardFirstUsed: _first_used,
    cards.CardCallerIdChanged: _caller_id,
    cards.CardSold: _sold,
    cards.CardUnsold: _unsold,
    accounts.AccountOpened: _opened,
    accounts.FundsAdded: _funds,
    accounts.HoldPlaced: _hold,
    accounts.HoldCaptured: _captured,
    accounts.HoldReleased: _released,
    accounts.DailyFeeCharged: _fee,
    accounts.BalanceAdjusted: _adjusted,
    accounts.BalanceForfeited: _forfeited,
    accounts.ChargeCorrected: _charge_corrected,
    call_sessions.CallStarted: _call_started,
    call_sessions.LoginRefused: _login_refused,
    call_sessions.PayerIdentified: _payer,
    call_sessions.AttemptStarted: _attempt,
    call_sessions.RoutesPlanned: _planned,
    call_sessions.AttemptSeen: _seen,
    call_sessions.TimeAnnounced: _announced,
    call_sessions.LegUnanswered: _unanswered,
    call_sessions.AttemptSettled: _settled,
    call_sessions.AttemptRouted: _routed,
    call_sessions.SettlementDisputed: _disputed,
    call_sessions.AttemptRerated: _rerated,
    call_sessions.AttemptRefunded: _refunded,
    call_sessions.CallEnded: _call_ended,
    top_ups.TopUpReceived: _received,
}
"""Every fact of a card, an account, a call and a top-up has its words here."""
