"""Cards of an older system from a CSV file, with a report that names each bad row."""

from __future__ import annotations

from typing import Any

from adapters.http import problems
from adapters.http.card_imports import MOST_BYTES, ImportShown
from adapters.http.files import MIB
from adapters.http.pages.forms import Choices, Field, Kind, form
from adapters.http.pages.groups import choices as groups
from adapters.http.pages.visits import Page, Reply, Shown, Visit
from application.card_import import MOST_ROWS
from application.permissions import Action

ROWS_SHOWN = 1_000

_ROWS: Choices = [
    ("all", "all rows, or none if one is bad"),
    ("good", "the good rows, and report the others"),
]
_FIELDS = (
    Field("file", "CSV file", Kind.FILE, wide=True, required=True, limits={"accept": ".csv"}),
    Field("group", "Card group", Kind.CHOICE, choices=groups, required=True),
    Field("rows", "Load", Kind.CHOICE, choices=_ROWS, default="all", required=True),
    Field("why", "Why", wide=True, required=True, limits={"maxlength": 200}),
)


def show(visit: Visit) -> Reply:
    """Also after a refusal: then with the rows that are to blame."""
    report: dict[str, Any] | None = None
    if visit.problem is not None and visit.problem.kind is problems.BAD_ROWS:
        fields: Any = visit.problem.fields
        report = {"loaded": 0, "there": fields["there"], "bad": fields["bad"]}
    return _shown(visit, report)


def load(visit: Visit) -> Reply:
    given = {name: visit.filled(name) for name in ("group", "why", "rows")}
    report: ImportShown = visit.ask("POST", "/v1/card-imports", given=given, file="file")
    return _shown(visit, {"loaded": report.loaded, "there": report.there, "bad": report.bad})


def _shown(visit: Visit, report: dict[str, Any] | None) -> Reply:
    context = {
        "form": form(visit, _FIELDS, submit="Load the cards"),
        "report": report,
        "shown": report["bad"][:ROWS_SHOWN] if report is not None else [],
        "most": MOST_ROWS,
        "intro": "Cards of an older system keep their numbers and PINs. They are not active yet.",
    }
    return Shown("card_import.html", "Import cards", context)


PAGE = Page(
    "/card-imports",
    Action.MAKE_CARDS,
    show,
    load,
    label="Import cards",
    icon="fa-solid fa-file-import",
    most_body=MOST_BYTES + MIB,
)
