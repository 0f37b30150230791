"""Many cards at once: a card, a range, a pack, a batch or a lot changes its status, or is sold.

Each card is decided by itself: what is allowed is done, what is not is reported. Few cards are done
within the request; more are done behind the door, and ``GET /v1/card-changes/{id}`` shows how far.
After an interruption the same request does the rest.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from attrs import field, frozen
from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked, Limit, Page
from adapters.http.distributors import Number, number_range
from adapters.http.lots import FewDigits, Pack
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.refusals import problem_of
from adapters.http.services import HttpServices
from adapters.http.wire import Text
from adapters.http.work import Progress, Task, kept
from application.card_changes import CardChanges, Report, Selection, check_becomes
from application.permissions import Action
from domain.cards import Status
from domain.errors import NotFound

CHANGE = "card change"

AT_ONCE = 1_000
"""Cards that are changed within the request: about as many as are stored together."""

MOST_WAITING_EACH = 10
"""Changes of one client that wait for their turn: others have work to be done too."""

Run = Annotated[str, Meta(min_length=1, max_length=4, pattern=r"^[0-9]*\Z")]


class Becomes(StrEnum):
    """What cards become: what a person may ask for of the statuses, sold, or not sold again."""

    PRINTED = Status.PRINTED.value
    SHIPPED = Status.SHIPPED.value
    ON_HOLD = Status.ON_HOLD.value
    ACTIVE = Status.ACTIVE.value
    CANCELLED = Status.CANCELLED.value
    VOID = Status.VOID.value
    SOLD = "sold"
    NOT_SOLD = "not sold"

    @property
    def status(self) -> Status | None:
        return None if self in (Becomes.SOLD, Becomes.NOT_SOLD) else Status(self.value)


class OfLot(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="lot"):
    """The cards made for a lot, or for one pack of it."""

    lot_id: UUID
    pack: Pack | None = None


class OfRange(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="range"):
    """The cards with these numbers, wherever they come from; one card: twice its number."""

    first: Number
    last: Number


class OfBatch(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="batch"):
    """The cards of all lots of a run and a batch."""

    run: Run
    batch: FewDigits


class ChangeWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``to``: a status, or ``sold``, or ``not sold`` for cards that come back unused.
    ``approval_id``: where a second person has to agree, such as when a lot is voided."""

    cards: OfLot | OfRange | OfBatch
    to: Becomes
    why: Text
    approval_id: UUID | None = None


class ChangeShown(Struct, frozen=True):
    """``state``: waiting, running, done, or refused with its problem. ``missing``: numbers or
    places without a card that this client may change."""

    change_id: UUID
    state: str
    of: str
    to: str
    cards: int
    done: int
    changed: int
    unchanged: int
    missing: int
    refused: int
    problem: str | None


class RefusedShown(Struct, frozen=True):
    number: str
    why: str


class RefusedAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: Annotated[
        int, Meta(ge=0, le=10**6, description="How many were seen: the last page says.")
    ] = 0
    limit: Limit = 100


@frozen
class _Change:
    """What becomes of which cards."""

    of: str
    to: str


@frozen
class _Outcome:
    """What became of the cards, in the words of the door."""

    done: int = 0
    changed: int = 0
    unchanged: int = 0
    missing: int = 0
    refused: int = 0
    refusals: list[RefusedShown] = field(factory=list)

    @classmethod
    def of(cls, report: Report) -> _Outcome:
        refusals = []
        for each in report.refusals:
            problem = problem_of(each.why)
            assert problem is not None, "every refusal has its words"
            refusals.append(RefusedShown(each.number, problem.detail))
        told = (report.done, report.changed, report.unchanged, report.missing, report.refused)
        return cls(*told, refusals)


kept(CHANGE, about=_Change, result=_Outcome)


def change(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(ChangeWanted)
    changes = services.business.changes
    change_id = asked.command_id("card change")
    by, distributor = asked.actor.name, asked.actor.distributor
    if asked.actor.role is not None and not asked.actor.may(Action.CHANGE_LOTS):
        _only_own_numbers(wanted, distributor is not None)
    cards = _selection(services, changes, wanted)
    approval_id = wanted.approval_id
    status = wanted.to.status
    if status is not None:
        check_becomes(status, distributor)
        # Asked of a second person now, not when the work behind the door comes to it.
        approval_id = changes.approve(cards, status, by, wanted.why, approval_id, change_id)
    about = _Change(cards.name, wanted.to)
    if (known := services.work.find(change_id)) is not None and known.about != about:
        detail = "this Idempotency-Key was used before, for another change: send a new one"
        raise asked_wrongly(problems.KEY_USED, detail)

    def run(progress: Progress) -> object:
        if status is not None:
            return _Outcome.of(
                changes.change_status(
                    cards,
                    status,
                    by,
                    wanted.why,
                    approval_id=approval_id,
                    distributor=distributor,
                    progress=progress,
                )
            )
        back = wanted.to is Becomes.NOT_SOLD
        return _Outcome.of(
            changes.sell(
                cards, by, wanted.why, back=back, distributor=distributor, progress=progress
            )
        )

    headers = {"Location": f"/v1/card-changes/{change_id}"}
    task = Task(change_id, CHANGE, asked.actor.identity, cards.count, run, about)
    if cards.count > AT_ONCE:
        return Answer(_shown(services.work.start(task, MOST_WAITING_EACH)), 202, headers)
    return Answer(_shown(services.work.at_once(task)), headers=headers)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(_found(services, asked)))


def refused(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(RefusedAsked)
    refusals = _report(_found(services, asked)).refusals
    page = refusals[given.after : given.after + given.limit]
    return asked.page(page, given.after + len(page))


def _only_own_numbers(wanted: ChangeWanted, distributor: bool) -> None:
    """A distributor names cards by number, and so do those who may not change whole lots."""
    if not isinstance(wanted.cards, OfRange):
        raise asked_wrongly(
            problems.NOT_ALLOWED, "your role changes cards by their numbers, not whole lots"
        )
    if not distributor and wanted.cards.first != wanted.cards.last:
        raise asked_wrongly(problems.NOT_ALLOWED, "your role changes one card at a time")


def _selection(services: HttpServices, changes: CardChanges, wanted: ChangeWanted) -> Selection:
    match wanted.cards:
        case OfLot(lot_id, pack):
            return changes.lot(services.business.lots.lot(lot_id).ordered.name, pack)
        case OfRange(first, last):
            return changes.range(number_range(first, last, "$.cards.last"))
        case OfBatch(run, batch):
            return changes.batch(run, batch)


def _found(services: HttpServices, asked: Asked) -> Task:
    """A change of one's own, or any for who sees the lots. It is told of for a day."""
    change_id = asked.id("card change")
    task = services.work.find(change_id)
    mine = task is not None and task.owner == asked.actor.identity
    seen = mine or asked.actor.may(Action.SEE_LOTS)
    if task is None or task.what != CHANGE or not seen:
        raise NotFound("card change", str(change_id))
    return task


def _report(task: Task) -> _Outcome:
    return task.result if isinstance(task.result, _Outcome) else _Outcome()


def _shown(task: Task) -> ChangeShown:
    report, about = _report(task), task.about
    assert isinstance(about, _Change), "every change says what it is"
    return ChangeShown(
        task.task_id,
        task.state,
        about.of,
        about.to,
        task.total,
        report.done or task.done,
        report.changed,
        report.unchanged,
        report.missing,
        report.refused,
        task.problem.detail if task.problem is not None else None,
    )


ROUTES: Routes = {
    "/v1/card-changes": {
        "POST": Operation(
            change,
            Action.CHANGE_CARDS,
            "Change the status of many cards, or sell them. Each card is decided by itself.",
            ChangeShown,
            body=ChangeWanted,
            also=(202,),
            once=True,
        )
    },
    "/v1/card-changes/{id}": {
        "GET": Operation(one, Action.SEE_CARDS, "How far a change is.", ChangeShown)
    },
    "/v1/card-changes/{id}/refused": {
        "GET": Operation(
            refused,
            Action.SEE_CARDS,
            "The cards that were refused, and why.",
            Page[RefusedShown],
            query=RefusedAsked,
            csv=True,
        )
    },
}
