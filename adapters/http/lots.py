"""Lots of cards: ordered, made behind the door while people look on, counted, and exported once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked, Order, Page, PageAsked
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, Name, Text, tell, told
from adapters.http.work import Progress, Task, kept
from application import kinds
from application.permissions import Action
from application.views import MOST_ROWS
from domain.errors import AlreadyExists
from domain.lots import MOST_CARDS, Lot, Numbering

GENERATION = "lot generation"
kept(GENERATION)

MAKING = "being made"

LotName = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
FewDigits = Annotated[str, Meta(max_length=5, pattern=r"^[0-9]*\Z")]
Places = Annotated[int, Meta(ge=0, le=5)]
Pack = Annotated[int, Meta(ge=0, le=99_999)]
Recipient = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2_000,
        pattern=r"^[^\x00-\x1f\x7f]*\Z",
        description="The printer's public key, age1… or ssh-…; PINs are sealed to it.",
    ),
]


class NumberingTold(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Numbers by range: ``first`` and on, in packs of ``pack_size`` (0: no packs). Or by run and
    batch: run, batch, pack and sequence behind one another."""

    first: Annotated[str, Meta(max_length=20, pattern=r"^[0-9]*\Z")] = ""
    run: Annotated[str, Meta(max_length=4, pattern=r"^[0-9]*\Z")] = ""
    batch: FewDigits = ""
    first_pack: Pack = 1
    pack_size: Annotated[int, Meta(ge=0, le=MOST_CARDS)] = 0
    pack_digits: Places = 0
    sequence_digits: Places = 0

    def numbering(self) -> Numbering:
        """Raises AskedWrongly for numbers that do not go together."""
        try:
            return Numbering(
                self.first,
                self.run,
                self.batch,
                self.first_pack,
                self.pack_size,
                self.pack_digits,
                self.sequence_digits,
            )
        except ValueError as error:
            detail = f"$.numbering: {error}"
            raise asked_wrongly(problems.BAD_FIELD, detail, field="$.numbering") from error


class LotWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: LotName
    group: Name
    numbering: NumberingTold
    count: Annotated[int, Meta(ge=1, le=MOST_CARDS)]
    recipient: Recipient
    why: Text = "ordered over the API"


class LotShown(Struct, frozen=True):
    """``state``: being made, made, being exported or exported. ``kept``: numbers that were in use
    before, whose cards stay as they are."""

    lot_id: UUID
    name: str
    group: str
    run: str
    batch: str
    first_number: str
    last_number: str
    ordered: int
    made: int
    kept: int
    state: str
    face_value: MoneyTold
    ordered_at: datetime
    by: str


class GenerationShown(Struct, frozen=True):
    """``state``: waiting, running, done, or stopped, with the problem if there was one; a stopped
    one goes on where it was at POST."""

    state: str
    done: int
    total: int
    problem: str | None = None


class ExportShown(Struct, frozen=True):
    """``sha256`` is there when the file was confirmed, and its PINs are nowhere but in it."""

    by: str
    why: str
    sha256: str | None


class LotNow(LotShown, frozen=True):
    """The lot as it is in the ledger now; the lists are a moment behind."""

    numbering: NumberingTold
    packs: int
    pin_length: int
    recipient: str
    why: str
    generation: GenerationShown
    export: ExportShown | None


class LotsAsked(PageAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    group: Name | None = None
    order: Order = "oldest"


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(LotsAsked)
    rows = services.business.views.lots(
        given.after, given.limit, group=given.group, newest=given.order == "newest"
    )
    # Lists are a moment behind, which matters for those that people watch: the ones being made.
    making = [row.lot_id for row in rows if row.state == MAKING]
    found = services.administration.states(kinds.LOTS, making)
    now = {lot_id: lot for lot_id, lot in zip(making, found, strict=True) if lot is not None}
    shown = [
        tell(LotShown, row, made=lot.made, kept=lot.kept, state=_state(lot))
        if (lot := now.get(row.lot_id)) is not None
        else tell(LotShown, row)
        for row in rows
    ]
    return asked.page(shown, rows[-1].lot_id if rows else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(shown(services, asked.id("lot")))


def order(services: HttpServices, asked: Asked) -> Answer:
    """Once for each Idempotency-Key, and once for each name. It is made behind the door."""
    wanted = asked.body(LotWanted)
    try:
        lot_id = services.business.lots.order(
            wanted.name,
            wanted.group,
            wanted.numbering.numbering(),
            wanted.count,
            wanted.recipient,
            asked.actor.name,
            wanted.why,
            request_id=asked.command_id("lot"),
        )
    except AlreadyExists as exists:
        if exists.kind != kinds.REQUEST:
            raise
        detail = "this Idempotency-Key ordered another lot before: send a new one"
        raise asked_wrongly(problems.KEY_USED, detail) from exists
    generate(services, lot_id, asked.actor.identity)
    return Answer(shown(services, lot_id), 202, {"Location": f"/v1/lots/{lot_id}"})


def go_on(services: HttpServices, asked: Asked) -> Answer:
    """Whatever stopped it: it goes on where it was. One that is under way is left alone."""
    lot_id = asked.id("lot")
    services.business.lots.lot(lot_id)
    generate(services, lot_id, asked.actor.identity)
    return Answer(shown(services, lot_id), 202)


def generate(services: HttpServices, lot_id: UUID, owner: str) -> None:
    """Starts to make the cards that the lot still lacks, if nobody here does so already."""
    lots = services.business.lots
    lot = lots.lot(lot_id)
    if lot.completed:
        return

    def run(progress: Progress) -> object:
        lots.generate(lot_id, progress)
        return None

    services.work.start(Task(lot_id, GENERATION, owner, lot.ordered.count, run))


def resume_all(services: HttpServices) -> int:
    """Goes on with every lot whose maker has ended; gives their number.

    One that is being made is left alone, and one that the rules stopped waits to be asked for.
    """
    after: UUID | None = None
    resumed = 0
    while rows := services.business.views.lots(after, MOST_ROWS):
        after = rows[-1].lot_id
        for row in rows:
            if row.state == MAKING and _is_left(services, row.lot_id):
                generate(services, row.lot_id, row.by)
                resumed += 1
    return resumed


def _is_left(services: HttpServices, lot_id: UUID) -> bool:
    if services.business.lots.lot(lot_id).completed:
        return False
    task = services.work.find(lot_id)
    # 503: whoever made it was stopped or is gone, or the ledger was away.
    return task is None or (task.problem is not None and task.problem.kind.status == 503)


def shown(services: HttpServices, lot_id: UUID) -> LotNow:
    lot = services.business.lots.lot(lot_id)
    ordered = lot.ordered
    (group,) = services.administration.states(kinds.CARD_GROUPS, [ordered.group_id])
    assert group is not None, "a lot is ordered in a group"
    numbering = ordered.numbering
    first_pack, last_pack = numbering.pack_of(0), numbering.pack_of(ordered.count - 1)
    export = None
    if lot.export_started is not None:
        sha256 = lot.exported.sha256 if lot.exported else None
        export = ExportShown(lot.export_started.by, lot.export_started.why, sha256)
    return LotNow(
        lot_id=lot_id,
        name=ordered.name,
        group=group.name,
        run=numbering.run,
        batch=numbering.batch,
        first_number=numbering.number(0),
        last_number=numbering.number(ordered.count - 1),
        ordered=ordered.count,
        made=lot.made,
        kept=lot.kept,
        state=_state(lot),
        face_value=told(ordered.face_value),
        ordered_at=services.views.history(lot_id, 0, 1)[0].recorded_at,
        by=ordered.by,
        numbering=tell(NumberingTold, numbering),
        packs=last_pack - first_pack + 1 if numbering.pack_size else 0,
        pin_length=ordered.pin_length,
        recipient=ordered.recipient,
        why=ordered.why,
        generation=_generation(services, lot_id, lot),
        export=export,
    )


def _state(lot: Lot) -> str:
    if lot.exported is not None:
        return "exported"
    if lot.export_started is not None:
        return "being exported"
    return "made" if lot.completed else MAKING


def _generation(services: HttpServices, lot_id: UUID, lot: Lot) -> GenerationShown:
    total = lot.ordered.count
    if lot.completed:
        return GenerationShown("done", total, total)
    task = services.work.find(lot_id)
    problem = task.problem.detail if task is not None and task.problem is not None else None
    state = task.state if task is not None and not task.over else "stopped"
    return GenerationShown(state, lot.stored, total, problem)


_SEE, _CHANGE = Action.SEE_LOTS, Action.CHANGE_LOTS

ROUTES: Routes = {
    "/v1/lots": {
        "GET": Operation(
            listed, _SEE, "Lots, oldest first.", Page[LotShown], query=LotsAsked, csv=True
        ),
        "POST": Operation(
            order,
            _CHANGE,
            "Order a lot of cards. They are made behind the door: GET the lot to see how far.",
            LotNow,
            body=LotWanted,
            status=202,
            once=True,
        ),
    },
    "/v1/lots/{id}": {"GET": Operation(one, _SEE, "One lot, and how far it is made.", LotNow)},
    "/v1/lots/{id}/generation": {
        "POST": Operation(
            go_on, _CHANGE, "Go on with a lot that is not finished.", LotNow, status=202
        )
    },
}
