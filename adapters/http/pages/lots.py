"""Lots of cards: ordered, watched while they are made, and looked at pack by pack."""

from __future__ import annotations

from typing import Any

from attrs import evolve as changed

from adapters.http.lot_contents import PackShown
from adapters.http.lots import LotNow, LotShown, LotWanted
from adapters.http.pages.approved import waiting
from adapters.http.pages.card_changes import change_lot, of_lot
from adapters.http.pages.forms import Choices, Field, Kind, form, limited, read
from adapters.http.pages.groups import choices as groups
from adapters.http.pages.lists import Button, Column, Filter, ListPage
from adapters.http.pages.lot_exports import confirm, export_forms, take
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit, refused
from application.approvals import LOT_EXPORT
from application.permissions import Action
from application.views import MOST_ROWS, RecordedEvent
from domain.lots import (
    LotChunkStored,
    LotCompleted,
    LotExported,
    LotExportStarted,
    LotOrdered,
    LotStatusChanged,
)

PACKS_SHOWN = 10
FACTS_SHOWN = 50

LIST = ListPage(
    "lots",
    "Lots",
    "/v1/lots",
    Action.SEE_LOTS,
    "lot_id",
    (
        Column("name", "Lot", link="/lots/{lot_id}"),
        Column("group", "Card group"),
        Column("numbers", "Numbers", "code", value=lambda row: _numbers(row)),
        Column("made", "Made", "progress", value=lambda row: (row.made + row.kept, row.ordered)),
        Column("ordered", "Cards", "number"),
        Column("state", "State", "status"),
        Column("ordered_at", "Ordered", "moment", sort=True),
        Column("by", "By"),
    ),
    icon="fa-solid fa-boxes-stacked",
    filters=(Filter("group", "Card group", groups),),
    buttons=(Button("Order a lot", "/lots/new", Action.CHANGE_LOTS),),
    sorts={"ordered_at__desc": {"order": "newest"}, "ordered_at__asc": {"order": "oldest"}},
    intro="Cards are made by the lot, up to 1,000,000 at a time. Their PINs leave once, sealed.",
    empty="Order a first lot: its cards are made while you look on.",
)

_WAYS: Choices = [
    ("range", "one after another, from a first number"),
    ("run", "run, batch, pack and sequence"),
]
_HOW = Field("how", "Numbers go", Kind.CHOICE, choices=_WAYS, default="range", required=True)
_FIELDS = limited(
    LotWanted,
    (
        Field("name", "Name of the lot", hint="It stays, and no two lots share one."),
        Field("group", "Card group", Kind.CHOICE, choices=groups, hint="Its terms count."),
        Field("count", "Cards", Kind.NUMBER),
        Field("why", "Why", hint="It stays on the record, with your name.", default="for sale"),
        Field(
            "numbering.first",
            "First number",
            heading="By range",
            hint="As many digits as the card group says.",
            limits={"inputmode": "numeric"},
        ),
        Field(
            "numbering.pack_size",
            "Cards in a pack",
            Kind.NUMBER,
            default=0,
            hint="A pack is printed, shipped and switched as one. 0: no packs.",
        ),
        Field("numbering.run", "Run", heading="By run, batch, pack and sequence"),
        Field("numbering.batch", "Batch"),
        Field("numbering.first_pack", "First pack", Kind.NUMBER, default=1),
        Field("numbering.pack_digits", "Digits of a pack", Kind.NUMBER, default=3),
        Field("numbering.sequence_digits", "Digits of a sequence", Kind.NUMBER, default=3),
        Field(
            "recipient",
            "The printer's public key",
            Kind.LONG_TEXT,
            heading="Who may read the PINs",
            hint="Of age (age1…) or SSH (ssh-ed25519 …). PINs are sealed to it as they are drawn:"
            " nobody here can read them, now or later.",
            limits={"spellcheck": "false", "class": "form-control tt-code"},
        ),
    ),
)
_OF_RANGE = ("numbering.first",)
_OF_RUN = (
    "numbering.run",
    "numbering.batch",
    "numbering.first_pack",
    "numbering.pack_digits",
    "numbering.sequence_digits",
)


def show_order(visit: Visit) -> Reply:
    fields = (*_FIELDS[:4], _HOW, *_FIELDS[4:])
    made = form(visit, fields, submit="Order the lot", cancel="/lots")
    rows: Any = made["rows"]
    for row in rows:
        # Only one of both parts is filled in; the script shows that one.
        name = row["field"].name
        row["part"] = "range" if name in _OF_RANGE else "run" if name in _OF_RUN else ""
    context = {"form": made, "spaces": _pin_spaces(visit), "crumbs": [("/lots", "Lots")]}
    return Shown("lot_new.html", "Order a lot", context)


def order(visit: Visit) -> Reply:
    assert visit.form is not None, "it was sent"
    sent = read(_FIELDS, visit.form)
    numbering = sent.setdefault("numbering", {})
    by_range = visit.filled("how") != "run"
    for name in _OF_RUN if by_range else _OF_RANGE:
        numbering.pop(name.rpartition(".")[2], None)
    if by_range and not numbering.get("first"):
        raise refused("the number of the first card", "numbering.first")
    lot: LotNow = visit.ask("POST", "/v1/lots", sent=sent)
    return Gone(f"/lots/{lot.lot_id}", f"{lot.ordered:,} cards are ordered, and being made now.")


def _pin_spaces(visit: Visit) -> list[dict[str, object]]:
    """How much room for PINs each card group has; groups with one PIN length share it."""
    by_length: dict[int, list[str]] = {}
    for each in visit.ask("GET", "/v1/groups", given={"limit": MOST_ROWS}).items:
        by_length.setdefault(each.terms.pin_length, []).append(each.name)
    spaces = []
    for length, names in sorted(by_length.items()):
        space = visit.ask("GET", "/v1/pin-space", given={"length": length})
        used = space.most - space.left
        spaces.append(
            {
                "length": length,
                "left": space.left,
                "most": space.most,
                "used": used,
                "percent": round(100 * used / space.most, 1),
                "groups": sorted(names),
            }
        )
    return spaces


def show(visit: Visit) -> Reply:
    lot: LotNow = visit.ask("GET", "/v1/lots/{id}", id=visit.here("id"))
    lot_id = lot.lot_id
    given = {"limit": PACKS_SHOWN, "after": visit.query.get("packs") or None}
    packs = visit.ask("GET", "/v1/lots/{id}/packs", given=given, id=lot_id)
    counts = visit.ask("GET", "/v1/lots/{id}/statuses", id=lot_id).counts
    by_status: dict[str, int] = {}
    for each in counts:
        by_status[each.status] = by_status.get(each.status, 0) + each.cards
    context = {
        "lot": lot,
        "percent": 100 * lot.generation.done / lot.generation.total,
        "statuses": [(each, n, 100 * n / lot.ordered) for each, n in by_status.items()],
        "cards": sum(by_status.values()),
        "sold": sum(each.cards for each in counts if each.sold),
        "packs": packs.items,
        "more_packs": _last(packs.items) if packs.next else None,
        "change": of_lot(_fresh(visit, f"/lots/{lot_id}/change"), lot) if lot.made else None,
        "export": export_forms(visit, lot),
        "approval": waiting(visit, LOT_EXPORT, lot.name),
        "history": _history(visit, lot),
        "crumbs": [("/lots", "Lots")],
    }
    return Shown("lot.html", lot.name, context)


def go_on(visit: Visit) -> Reply:
    visit.ask("POST", "/v1/lots/{id}/generation", **visit.path)
    return Gone(f"/lots/{visit.here('id')}", "It goes on where it was.")


def _fresh(visit: Visit, to: str) -> Visit:
    """What was filled in on one form of a page is not put into the others."""
    return visit if visit.address == to else changed(visit, form=None, problem=None)


def _last(packs: list[PackShown]) -> int:
    return packs[-1].pack


def _numbers(row: LotShown) -> str:
    return f"{row.first_number} – {row.last_number}"


def _history(visit: Visit, lot: LotNow) -> list[tuple[object, str, str, str]]:
    """When, what, by whom, why; the chunks in which the cards were stored are left out."""
    events = list(visit.services.views.latest(lot.lot_id, FACTS_SHOWN))
    if all(event.version > 1 for event in events):
        events += visit.services.views.history(lot.lot_id, 0, 1)
    return [
        (event.recorded_at, *told) for event in events if (told := _told(event, lot)) is not None
    ]


def _told(event: RecordedEvent, lot: LotNow) -> tuple[str, str, str] | None:
    match event.fact:
        case LotOrdered() as fact:
            return f"{fact.count:,} cards ordered", fact.by, fact.why
        case LotChunkStored():
            return None
        case LotCompleted(made, kept):
            told = f"{made:,} cards made" + (f", {kept:,} numbers kept" if kept else "")
            return told, "", ""
        case LotExportStarted(by, why):
            return "PINs taken out, sealed", by, why
        case LotExported(by, _, _):
            return "Printer's file confirmed; PINs deleted here", by, ""
        case LotStatusChanged() as fact:
            places = fact.last - fact.first + 1
            part = "" if places == lot.ordered else f" of {places:,}"
            told = f"{fact.changed:,} cards{part}: {fact.status}"
            told += f" ({fact.refused:,} refused)" if fact.refused else ""
            return told, fact.by, fact.why
        case _:
            return None


PAGES = (
    Page("/lots/new", Action.CHANGE_LOTS, show_order, order),
    Page("/lots/{id}", Action.SEE_LOTS, show),
    Page("/lots/{id}/generation", Action.CHANGE_LOTS, show, go_on),
    Page("/lots/{id}/change", Action.CHANGE_LOTS, show, change_lot),
    Page("/lots/{id}/export", Action.READ_PINS, show, take),
    Page("/lots/{id}/export/confirmation", Action.READ_PINS, show, confirm),
)
