"""The printer's file on the page of its lot: taken out, compared, and then gone here."""

from __future__ import annotations

from attrs import evolve as changed

from adapters.http.lot_exports import SEALED, Arrived, ExportWanted, measured
from adapters.http.lots import LotNow
from adapters.http.pages.approved import approved
from adapters.http.pages.forms import Field, form, limited, read
from adapters.http.pages.visits import Download, Gone, Reply, Visit
from application.approvals import LOT_EXPORT
from application.permissions import Action
from domain.errors import ApprovalNeeded

_EXPORT = limited(ExportWanted, (Field("why", "Why", hint="It stays on the record.", wide=True),))
_CONFIRM = limited(
    Arrived,
    (
        Field(
            "sha256",
            "SHA-256 of the file that arrived",
            hint="Drop the file here, or paste what `sha256sum` says of it.",
            wide=True,
            limits={"minlength": 64, "maxlength": 64, "class": "form-control tt-code"},
        ),
    ),
)


def export_forms(visit: Visit, lot: LotNow) -> dict[str, object] | None:
    """What the page of a lot tells of its file, and what may be done with it now."""
    if not visit.may(Action.READ_PINS) or lot.generation.state != "done" or not lot.made:
        return None
    told: dict[str, object] = {"mine": lot.export is None or lot.export.by == visit.by}
    if lot.export is not None and lot.export.sha256 is not None:
        return told
    to = f"/lots/{lot.lot_id}/export"
    password = visit.needs_password("POST", "/v1/lots/{id}/export")
    here = visit if visit.address == to else changed(visit, form=None, problem=None)
    told["take"] = form(
        here,
        _EXPORT,
        submit="Take the file out" if lot.export is None else "Take the same file again",
        to=to,
        asks_password=password,
    )
    if lot.export is not None and told["mine"]:
        to = f"/lots/{lot.lot_id}/export/confirmation"
        here = visit if visit.address == to else changed(visit, form=None, problem=None)
        told["confirm"] = form(
            here,
            _CONFIRM,
            submit="It arrived whole: delete the PINs here",
            to=to,
            asks_password=password,
            danger=True,
        )
        told["size"], _ = measured(visit.services, lot.lot_id)
    return told


def take(visit: Visit) -> Reply:
    assert visit.form is not None, "it was sent"
    lot: LotNow = visit.ask("GET", "/v1/lots/{id}", id=visit.here("id"))
    sent = read(_EXPORT, visit.form) | {"approval_id": approved(visit, LOT_EXPORT, lot.name)}
    try:
        stream = visit.ask("POST", "/v1/lots/{id}/export", sent=sent, **visit.path)
    except ApprovalNeeded:
        told = "A second person was asked to approve it. Then come back here and take the file."
        return Gone(f"/lots/{lot.lot_id}", told, "warning")
    return Download(stream, SEALED, f"{lot.name}.zip")


def confirm(visit: Visit) -> Reply:
    assert visit.form is not None, "it was sent"
    visit.ask(
        "POST",
        "/v1/lots/{id}/export/confirmation",
        sent=read(_CONFIRM, visit.form),
        **visit.path,
    )
    told = "The file arrived whole. Its PINs are deleted here, and nowhere but in it."
    return Gone(f"/lots/{visit.here('id')}", told)
