"""The printer's file over HTTP: taken out by one person, checked by its digest, and then gone here.

The file is an archive of parts that are sealed to the printer's public key. Interrupted, the same
person asks again and gets the same bytes; nobody else gets any. Once the SHA-256 of the file that
arrived is confirmed, the sealed PINs are deleted, and are nowhere but in it. Print sheets are made
where the printer's secret key is, by ``talktime lots print-sheet``: this side can open no file.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked
from adapters.http.files import Download, Stream, attachment
from adapters.http.lots import LotNow, shown
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import Text
from application.permissions import Action
from domain.errors import AlreadyDone

SEALED = "application/zip"

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="SHA-256, hexadecimal.")]


class ExportWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``approval_id``: where a second person has to agree. It may be left out when the request is
    repeated with the same Idempotency-Key after it was approved."""

    why: Text
    approval_id: UUID | None = None


class Arrived(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: Sha256


def export(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(ExportWanted)
    lot_id = asked.id("lot")
    by = asked.actor.name
    lots = services.business.lots
    leaving = lots.start_export(
        lot_id, by, wanted.why, wanted.approval_id, asked.command_id("lot export")
    )
    services.audit.secret_read(by, "sealed PINs of a lot", lot_id, asked.source)
    size, digest = measured(services, lot_id)
    name = f"{lots.lot(lot_id).ordered.name}.zip"
    headers = {
        **attachment(name),
        "Content-Length": str(size),
        # RFC 9530: who has the whole file can know it.
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(digest)).decode()}:",
        "Cache-Control": "no-store",
    }
    return Answer(Stream(leaving.parts), headers=headers, content_type=SEALED)


def confirm(services: HttpServices, asked: Asked) -> Answer:
    """What arrived is compared with what left, before anything is deleted."""
    sent = asked.body(Arrived).sha256
    lot_id = asked.id("lot")
    by = asked.actor.name
    lot = services.business.lots.lot(lot_id)
    if lot.exported is not None:
        if lot.exported.sha256 != sent:
            raise AlreadyDone(f"The export of {lot.ordered.name}", lot.exported.by)
        return Answer(shown(services, lot_id))
    if lot.export_started is not None and lot.export_started.by != by:
        raise AlreadyDone(f"The export of {lot.ordered.name}", lot.export_started.by)
    _, digest = measured(services, lot_id)
    if not hmac.compare_digest(digest, sent):
        raise asked_wrongly(
            problems.BAD_FIELD,
            "$.sha256: this is not the whole file that left: download it again; nothing is lost",
            field="$.sha256",
        )
    services.business.lots.finish_export(lot_id, by, digest)
    return Answer(shown(services, lot_id))


def measured(services: HttpServices, lot_id: UUID) -> tuple[int, str]:
    """The bytes of the file that is being exported, and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    for part in services.business.lots.sealed_parts(lot_id):
        digest.update(part)
        size += len(part)
    return size, digest.hexdigest()


ROUTES: Routes = {
    "/v1/lots/{id}/export": {
        "POST": Operation(
            export,
            Action.READ_PINS,
            "The printer's file, sealed to its key. Interrupted, the same one asks again.",
            Download(SEALED),
            body=ExportWanted,
            once=True,
        )
    },
    "/v1/lots/{id}/export/confirmation": {
        "POST": Operation(
            confirm,
            Action.READ_PINS,
            "The file arrived whole: from now on its PINs are nowhere but in it.",
            LotNow,
            body=Arrived,
        )
    },
}
