"""Balances put right by hand, and daily fees charged now."""

from __future__ import annotations

from adapters.http.adjustments import AdjustmentSent, FeeRunShown
from adapters.http.asking import read_fields
from adapters.http.cards import CardShown
from adapters.http.pages.approved import approved, waiting
from adapters.http.pages.forms import Field, Kind, form, limited, read
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit
from application.approvals import BALANCE_ADJUSTMENT
from application.permissions import Action
from domain.errors import ApprovalNeeded


def _fields(unit: str) -> tuple[Field, ...]:
    return limited(
        AdjustmentSent,
        (
            Field("amount", "Amount", Kind.MONEY, unit=unit, hint="With a minus to take away."),
            Field("why", "Why", hint="It stays on the record, with your name."),
        ),
    )


def show(visit: Visit) -> Reply:
    card: CardShown = visit.ask("GET", "/v1/cards/{id}", id=visit.here("id"))
    made = form(
        visit,
        _fields(card.face_value.unit),
        submit="Put the balance right",
        cancel=f"/cards/{card.card_id}",
    )
    asked = waiting(visit, BALANCE_ADJUSTMENT, f"card {card.number}")
    intro = "For what went wrong. Money that a customer paid is a top-up."
    if asked is not None:
        intro += f" An adjustment of {asked.details} waits for a second person."
    crumbs = [("/cards", "Cards"), (f"/cards/{card.card_id}", card.number)]
    context = {"form": made, "intro": intro, "crumbs": crumbs}
    return Shown("form.html", "Put the balance right", context)


def adjust(visit: Visit) -> Reply:
    assert visit.form is not None, "it was sent"
    card: CardShown = visit.ask("GET", "/v1/cards/{id}", id=visit.here("id"))
    sent = read(_fields(card.face_value.unit), visit.form)
    amount = str(read_fields(sent, AdjustmentSent).amount.money())
    sent["approval_id"] = approved(visit, BALANCE_ADJUSTMENT, f"card {card.number}", amount)
    at = f"/cards/{card.card_id}"
    try:
        visit.ask("POST", "/v1/cards/{id}/adjustments", sent=sent, **visit.path)
    except ApprovalNeeded:
        told = "A second person was asked to approve it. Then enter the same adjustment again."
        return Gone(at, told, "warning")
    return Gone(at, "The balance is put right.")


def show_fees(visit: Visit) -> Reply:
    made = form(visit, (), submit="Charge what is due now")
    intro = (
        "Daily fees are charged every hour by themselves, each day once, however late or often"
        " it runs. After a change of terms you may not want to wait."
    )
    return Shown("form.html", "Daily fees", {"form": made, "intro": intro})


def run_fees(visit: Visit) -> Reply:
    run: FeeRunShown = visit.ask("POST", "/v1/fee-runs")
    return Gone(f"/fees/{run.run_id}")


def fee_run(visit: Visit) -> Reply:
    run: FeeRunShown = visit.ask("GET", "/v1/fee-runs/{id}", id=visit.here("id"))
    over = run.state in ("done", "refused")
    context = {"run": run, "over": over, "crumbs": [("/fees", "Daily fees")]}
    return Shown("fee_run.html", "A run of daily fees", context)


FEES = Page(
    "/fees",
    Action.CHANGE_LOTS,
    show_fees,
    run_fees,
    label="Daily fees",
    icon="fa-solid fa-calendar-day",
)

PAGES = (
    FEES,
    Page("/fees/{id}", Action.SEE_LOTS, fee_run),
    Page("/cards/{id}/adjust", Action.TOP_UP, show, adjust),
)
