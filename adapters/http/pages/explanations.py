"""Why a call cost what it did: a receipt for each attempt, and every step, ready to be printed."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from adapters.http.explanations import ExplanationShown, PricedAttemptShown, PriceLineShown
from adapters.http.pages.formats import duration, moment, money
from adapters.http.pages.visits import Page, Reply, Shown, Visit
from adapters.http.wire import MoneyTold
from application.permissions import Action
from domain.errors import NotFound
from domain.money import Money


@frozen
class Row:
    """A line of a receipt. ``weight``: part of the sum, the sum itself, aside, or internal."""

    what: str
    how: str = ""
    amount: Money | None = None
    weight: str = "aside"


@frozen
class Receipt:
    attempt: PricedAttemptShown
    rows: tuple[Row, ...]


def receipts(found: ExplanationShown) -> list[Receipt]:
    return [Receipt(each, tuple(_rows(each))) for each in found.attempts]


def _rows(attempt: PricedAttemptShown) -> list[Row]:
    held = attempt.held.money()
    most = f"for {duration(attempt.limit_seconds)} at most, at the dearest it could become"
    rows = [Row("The rate", attempt.rate), Row("Put aside before dialling", most, held)]
    if attempt.charge is None:
        return [*rows, Row("Not over yet", "what it costs is known when it has ended")]
    charge = attempt.charge.money()
    if attempt.price is None:
        rows.append(Row("Nobody answered", "nothing is charged"))
    else:
        seconds = attempt.seconds or 0
        billed = attempt.price.billed_seconds
        paid = f"paid as {duration(billed)} in whole steps of the rate" if billed else "no charge"
        how = f"{duration(seconds)} from {moment(attempt.answered_at)}, {paid}"
        rows.append(Row("Talked", how))
        rows += [_line(each) for each in attempt.price.lines]
        spared = attempt.price.total.money() - charge
        if spared.micros > 0:
            how = "no more is charged than was put aside"
            rows.append(Row("Not charged", how, spared.zero - spared, "part"))
    rows.append(Row("Charged", "", charge, "sum"))
    rows.append(Row("Free again", "of what was put aside", held - charge))
    rows += _corrections(attempt)
    if attempt.cost is not None:
        rows.append(Row("What the carrier asks", "", attempt.cost.money(), "internal"))
    if attempt.margin is not None:
        rows.append(Row("Left of the charge", "", attempt.margin.money(), "internal"))
    return rows


def _corrections(attempt: PricedAttemptShown) -> list[Row]:
    """What became of the charge after it: given back is below zero, charged in addition above."""
    rows = []
    for each in attempt.corrections:
        how = f"{moment(each.at)}, {each.why}"
        if each.kind == "re-rating":
            how += f"; the rate now: {each.rate}"
        change = each.charge.money() - each.charge_before.money()
        what = "Refunded" if each.kind == "refund" else "Priced again"
        rows.append(Row(what, how, change, "part"))
    if rows and attempt.charged_now is not None:
        rows.append(Row("Charged now", "", attempt.charged_now.money(), "sum"))
    return rows


def _line(line: PriceLineShown) -> Row:
    amount = line.amount.money()
    if line.since is None or line.until is None:
        return Row(line.what.capitalize(), "", amount, "part")
    rate = money(line.per_minute)
    how = f"{line.since:%H:%M:%S}–{line.until:%H:%M:%S}, {line.seconds} s at {rate} a minute"
    return Row(line.what.capitalize(), how, amount, "part")


def charged(found: ExplanationShown) -> list[MoneyTold]:
    """What the whole call cost, by unit; nothing where it cost nothing in any."""
    return [each for each in found.charged if each.money()] or list(found.charged[:1])


def show(visit: Visit) -> Reply:
    call = visit.ask("GET", "/v1/calls/{id}", id=visit.here("id"))
    found: ExplanationShown = visit.ask("GET", "/v1/calls/{id}/explanation", id=call.session_id)
    context = {
        "call": call,
        "card": card_of(visit, call),
        "found": found,
        "charged": charged(found),
        "receipts": receipts(found),
        "now": visit.services.clock.now(),
        "sealed": visit.services.checkpoints.newest_note() is not None,
        "crumbs": [(f"/calls/{call.session_id}", "The call")],
    }
    return Shown("call_explained.html", f"Call {call.reference} explained", context)


def card_of(visit: Visit, call: Any) -> Any:
    """The card that paid, for who may see it."""
    if call.card_id is None or not visit.may(Action.SEE_CARDS):
        return None
    try:
        return visit.ask("GET", "/v1/cards/{id}", id=call.card_id)
    except NotFound:
        return None


PAGES = (Page("/calls/{id}/explanation", Action.SEE_CALLS, show),)
