"""Many cards at once: by their numbers, or a lot and its packs; and the report of what became."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.http.asking import Answer
from adapters.http.card_changes import Becomes, ChangeShown, ChangeWanted, RefusedShown
from adapters.http.csv_answers import as_csv
from adapters.http.files import CSV
from adapters.http.lots import LotNow
from adapters.http.pages.approved import approved
from adapters.http.pages.forms import Choices, Field, Kind, form, limited, read
from adapters.http.pages.visits import Download, Gone, Page, Reply, Shown, Visit, refused
from application.approvals import LOT_VOID
from application.permissions import Action
from application.views import MOST_ROWS
from domain.errors import ApprovalNeeded

_ALL: Choices = [(each.value, each.value) for each in Becomes]
_OF_DISTRIBUTORS: Choices = [
    (each.value, each.value)
    for each in (Becomes.ACTIVE, Becomes.ON_HOLD, Becomes.SOLD, Becomes.NOT_SOLD)
]
_WHY = limited(
    ChangeWanted, (Field("why", "Why", hint="It stays on the record, with your name.", wide=True),)
)
_PACK = Field("pack", "Pack", Kind.NUMBER, hint="Empty: the whole lot.")


def _to(visit: Visit) -> Field:
    return Field(
        "to",
        "They become",
        Kind.CHOICE,
        choices=_OF_DISTRIBUTORS if visit.caller.actor.distributor else _ALL,
        required=True,
    )


def of_lot(visit: Visit, lot: LotNow) -> dict[str, object] | None:
    """The form on the page of a lot."""
    if not visit.may(Action.CHANGE_LOTS):
        return None
    fields = (_to(visit), *((_PACK,) if lot.packs else ()), *_WHY)
    return form(visit, fields, submit="Change the cards", to=f"/lots/{lot.lot_id}/change")


def change_lot(visit: Visit) -> Reply:
    assert visit.form is not None, "it was sent"
    lot: LotNow = visit.ask("GET", "/v1/lots/{id}", id=visit.here("id"))
    pack = read((_PACK,), visit.form).get("pack")
    cards = {"type": "lot", "lot_id": lot.lot_id, "pack": pack}
    subject = f"lot {lot.name}" + ("" if pack is None else f", pack {pack}")
    return _changed(visit, cards, subject, f"/lots/{lot.lot_id}")


def show_numbers(visit: Visit) -> Reply:
    numbers = (
        Field("first", "First number", required=True, limits=_DIGITS),
        Field("last", "Last number", hint="Empty: one card.", limits=_DIGITS),
    )
    made = form(visit, (*numbers, _to(visit), *_WHY), submit="Change the cards", cancel="/cards")
    intro = "Every card with these numbers, each by its own rules: what is refused is reported."
    if visit.caller.actor.distributor:
        intro += " Cards of others are left alone."
    context = {"form": made, "intro": intro, "crumbs": [("/cards", "Cards")]}
    return Shown("form.html", "Change cards by number", context)


_DIGITS: Mapping[str, object] = {"maxlength": 20, "inputmode": "numeric", "pattern": "[0-9]*"}


def change_numbers(visit: Visit) -> Reply:
    first = visit.filled("first")
    last = visit.filled("last") or first
    cards = {"type": "range", "first": first, "last": last}
    return _changed(visit, cards, f"cards {first} to {last}", "/cards")


def _changed(visit: Visit, cards: Mapping[str, object], subject: str, back: str) -> Reply:
    assert visit.form is not None, "it was sent"
    to = visit.filled("to")
    if not to:
        raise refused("say what they become", "to")
    sent: dict[str, object] = {"cards": cards, "to": to, **read(_WHY, visit.form)}
    if to == Becomes.VOID:
        sent["approval_id"] = approved(visit, LOT_VOID, subject)
    try:
        change: ChangeShown = visit.ask("POST", "/v1/card-changes", sent=sent)
    except ApprovalNeeded:
        told = "A second person was asked to approve it. Then come back here and do it."
        return Gone(back, told, "warning")
    return Gone(f"/card-changes/{change.change_id}")


def show(visit: Visit) -> Reply:
    change: ChangeShown = visit.ask("GET", "/v1/card-changes/{id}", id=visit.here("id"))
    given = {"limit": MOST_ROWS}
    refusals = []
    if change.refused:
        refusals = visit.ask(
            "GET", "/v1/card-changes/{id}/refused", given=given, id=change.change_id
        ).items
    context = {
        "change": change,
        "over": change.state in ("done", "refused"),
        "percent": 100 * change.done / max(1, change.cards),
        "refusals": refusals,
        "crumbs": [("/cards", "Cards")],
    }
    return Shown("card_change.html", f"{change.of[:1].upper()}{change.of[1:]}", context)


def refused_cards(visit: Visit) -> Reply:
    """Those that the report names, as a file."""
    operation = "/v1/card-changes/{id}/refused"
    change_id = visit.here("id")
    content, after, more = b"", 0, True
    while more:
        given = {"limit": MOST_ROWS, "after": after}
        page = visit.ask("GET", operation, given=given, id=change_id)
        lines = as_csv(Answer(page), RefusedShown).content()
        content += lines if not after else lines.partition(b"\r\n")[2]
        after += len(page.items)
        more = page.next is not None
    return Download(content, CSV, "refused.csv")


NUMBERS = Page(
    "/card-changes",
    Action.CHANGE_CARDS,
    show_numbers,
    change_numbers,
    label="Change by number",
    icon="fa-solid fa-arrow-right-arrow-left",
)

PAGES = (
    NUMBERS,
    Page("/card-changes/{id}", Action.SEE_CARDS, show),
    Page("/card-changes/{id}/refused", Action.SEE_CARDS, refused_cards),
)
