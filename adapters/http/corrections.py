"""Corrections over HTTP: refunds at once, re-ratings looked at first and made behind the door."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked, Page, PageAsked
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, Name, Reference, Text, tell, told
from adapters.http.work import Progress, Task, kept
from application import kinds
from application.correction_totals import Totals, in_words
from application.corrections import Corrections
from application.permissions import Action
from application.reports import Period
from domain.corrections import Correction, Outcome, Pricing, Selected
from domain.errors import AlreadyExists, NotFound, SettingNotAllowed

PREVIEW, RUN = "preview of a correction", "correction"

MOST_LINES = 500
"""Attempts that a preview shows, those that come first; its sums are of all."""

Prefix = Annotated[str, Meta(min_length=1, max_length=15, pattern=r"^[0-9]*\Z")]


class RefundSent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``attempt`` null: the only one of the call that is charged; ``amount`` null: all of it.
    ``approval_id``: where a second person has to agree."""

    attempt: Annotated[int, Meta(ge=1, le=999_999)] | None = None
    amount: MoneyTold | None = None
    why: Text
    approval_id: UUID | None = None


class RefundShown(Struct, frozen=True):
    """``charge`` is still charged. ``forfeits`` says why nobody can spend what went back."""

    session_id: UUID
    attempt: int
    amount: MoneyTold
    charge: MoneyTold
    available: MoneyTold
    forfeits: str | None


class RerateSent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Calls of days (``first`` to ``last``, of ``zone``) or one ``call``, priced by a ``version``
    of ``priced_by``, else of ``tariff``; without, by what is published by now for each call.

    ``tariff``: attempts that it sold only. ``charge_more``: take more where a call was too cheap.
    """

    first: date | None = None
    last: date | None = None
    zone: Annotated[str, Meta(max_length=50)] = "UTC"
    call: Reference | None = None
    group: Name | None = None
    prefix: Prefix | None = None
    tariff: Name | None = None
    version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    priced_by: Name | None = None
    charge_more: bool = False


class CorrectionSent(RerateSent, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Under a ``name`` that is used once."""

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    why: Text
    approval_id: UUID | None = None


class OutcomeShown(Struct, frozen=True):
    """Amounts by unit. ``untaken`` was asked for and not available; ``unspendable`` went back to
    cards that nobody can use; ``unpriced`` attempts have no price there and stay as they are."""

    attempts: int
    given_back: list[MoneyTold]
    taken: list[MoneyTold]
    untaken: list[MoneyTold]
    unspendable: list[MoneyTold]
    unpriced: int


class LineShown(Struct, frozen=True):
    """``moved`` is above zero where money goes back."""

    reference: str
    attempt: int
    card: str
    destination: str
    destination_name: str
    seconds: int
    charge: MoneyTold
    after: MoneyTold
    moved: MoneyTold
    untaken: MoneyTold
    forfeits: str | None


class PreviewShown(Struct, frozen=True):
    """``lines`` are the first ones; ``totals`` are of all, null until it is done."""

    preview_id: UUID
    state: str
    looked_at: int
    totals: OutcomeShown | None
    unpriced: dict[str, int]
    lines: list[LineShown]
    problem: str | None


class CorrectionShown(Struct, frozen=True):
    """``totals`` null: it is under way, or was interrupted; the same request does the rest."""

    correction_id: UUID
    name: str
    calls: str
    prices: str
    charge_more: bool
    by: str
    why: str
    begun_at: datetime
    totals: OutcomeShown | None


class Previewed(Struct, frozen=True):
    """What a preview came to."""

    looked_at: int
    totals: OutcomeShown
    unpriced: dict[str, int]
    lines: list[LineShown]


kept(PREVIEW, about=RerateSent | None, result=Previewed)
kept(RUN, result=Outcome)


def refund(services: HttpServices, asked: Asked) -> Answer:
    """Once for each Idempotency-Key, however often it is asked."""
    session_id, sent = asked.id("call"), asked.body(RefundSent)
    row = services.views.call(session_id)
    if row is None:
        raise NotFound("call session", str(session_id))
    try:
        done = services.correcting.refunds.refund(
            row.reference,
            sent.attempt,
            sent.amount.money() if sent.amount is not None else None,
            asked.command_id("refund"),
            asked.actor.name,
            sent.why,
            sent.approval_id,
            asked.command_id("refund approval"),
        )
    except AlreadyExists as exists:
        detail = f"this Idempotency-Key was used before, for a refund {exists.key}"
        raise asked_wrongly(problems.KEY_USED, f"{detail}: send a new one") from exists
    amounts = {name: told(getattr(done, name)) for name in ("amount", "charge", "available")}
    forfeits = done.forfeits.value if done.forfeits else None
    return Answer(
        RefundShown(session_id=session_id, attempt=done.attempt, forfeits=forfeits, **amounts)
    )


def preview(services: HttpServices, asked: Asked) -> Answer:
    sent = asked.body(RerateSent)
    corrections = services.correcting.corrections
    selected, pricing = _selected(sent), _pricing(corrections, sent)
    preview_id = asked.command_id(PREVIEW)
    if (known := services.work.find(preview_id)) is not None and known.about != sent:
        detail = "this Idempotency-Key was used before, for another preview: send a new one"
        raise asked_wrongly(problems.KEY_USED, detail)

    def run(progress: Progress) -> object:
        totals, lines = Totals(), list[LineShown]()
        for line in corrections.preview(selected, pricing, totals, progress):
            if len(lines) < MOST_LINES:
                forfeits = line.forfeits.value if line.forfeits else None
                lines.append(tell(LineShown, line, forfeits=forfeits))
        return Previewed(totals.looked_at, _outcome(totals.outcome), totals.unpriced_names, lines)

    task = services.work.start(Task(preview_id, PREVIEW, asked.actor.identity, 0, run, sent))
    return Answer(_previewed(task), 202, {"Location": f"/v1/correction-previews/{preview_id}"})


def one_preview(services: HttpServices, asked: Asked) -> Answer:
    preview_id = asked.id(PREVIEW)
    task = services.work.find(preview_id)
    if task is None or task.what != PREVIEW:
        raise NotFound(PREVIEW, str(preview_id))
    return Answer(_previewed(task))


def run(services: HttpServices, asked: Asked) -> Answer:
    """Begins it now, which may be refused, and does it behind the door. After an interruption the
    same name with the same request goes on."""
    sent = asked.body(CorrectionSent)
    corrections, name = services.correcting.corrections, sent.name
    correction = corrections.begin(
        name,
        _selected(sent),
        _pricing(corrections, sent),
        asked.actor.name,
        sent.why,
        approval_id=sent.approval_id,
        request_id=asked.command_id("correction approval"),
    )
    correction_id = kinds.correction_id(name)
    if correction.outcome is None:

        def go_on(progress: Progress) -> object:
            return corrections.go_on(name, progress)

        services.work.start(Task(correction_id, RUN, asked.actor.identity, 0, go_on))
    location = {"Location": f"/v1/corrections/{correction_id}"}
    return Answer(_shown(correction_id, correction), 202, location)


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(PageAsked)
    ids = services.directory.listed(kinds.CORRECTIONS.name, given.after, given.limit)
    found = services.correcting.corrections
    items = [_shown(each, found.of_id(each)) for each in ids]
    return asked.page(items, ids[-1] if ids else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    correction_id = asked.id("correction")
    return Answer(_shown(correction_id, services.correcting.corrections.of_id(correction_id)))


def _selected(sent: RerateSent) -> Selected:
    if sent.first is None:
        if sent.last is not None:
            raise SettingNotAllowed("last", str(sent.last), "the end of days that have a first")
        return Selected(None, None, sent.call, sent.group, sent.tariff, sent.prefix)
    period = Period(sent.first, sent.last or sent.first, sent.zone)
    return Selected(period.begins, period.ends, sent.call, sent.group, sent.tariff, sent.prefix)


def _pricing(corrections: Corrections, sent: RerateSent) -> Pricing:
    tariff = sent.priced_by or sent.tariff
    if sent.version is None:
        if sent.priced_by is not None:
            raise SettingNotAllowed("priced_by", sent.priced_by, "a tariff with a version")
        return corrections.published_since(charge_more=sent.charge_more)
    if tariff is None:
        raise SettingNotAllowed("version", str(sent.version), "one of a tariff that is named")
    return corrections.version(tariff, sent.version, charge_more=sent.charge_more)


def _previewed(task: Task) -> PreviewShown:
    found = task.result if isinstance(task.result, Previewed) else None
    return PreviewShown(
        task.task_id,
        task.state,
        found.looked_at if found else task.done,
        found.totals if found else None,
        found.unpriced if found else {},
        found.lines if found else [],
        task.problem.detail if task.problem is not None else None,
    )


def _shown(correction_id: UUID, found: Correction) -> CorrectionShown:
    begun = found.begun
    return CorrectionShown(
        correction_id,
        begun.name,
        in_words(begun.selected),
        begun.pricing.name,
        begun.pricing.charge_more,
        begun.by,
        begun.why,
        begun.at,
        _outcome(found.outcome) if found.outcome is not None else None,
    )


def _outcome(outcome: Outcome) -> OutcomeShown:
    return tell(OutcomeShown, outcome)


ROUTES: Routes = {
    "/v1/calls/{id}/refunds": {
        "POST": Operation(
            refund,
            Action.CORRECT_CHARGES,
            "Give back what an attempt of a call is charged, or a part of it.",
            RefundShown,
            body=RefundSent,
            once=True,
        )
    },
    "/v1/correction-previews": {
        "POST": Operation(
            preview,
            Action.CORRECT_CHARGES,
            "Look at what a re-rating would move. Nothing is recorded.",
            PreviewShown,
            body=RerateSent,
            status=202,
            once=True,
        )
    },
    "/v1/correction-previews/{id}": {
        "GET": Operation(one_preview, Action.SEE_CALLS, "What was looked at.", PreviewShown)
    },
    "/v1/corrections": {
        "GET": Operation(
            listed,
            Action.SEE_CALLS,
            "Corrections of many charges, by their ids.",
            Page[CorrectionShown],
            query=PageAsked,
            csv=True,
        ),
        "POST": Operation(
            run,
            Action.CORRECT_CHARGES,
            "Re-rate attempts under a name, once.",
            CorrectionShown,
            body=CorrectionSent,
            status=202,
            once=True,
        ),
    },
    "/v1/corrections/{id}": {
        "GET": Operation(one, Action.SEE_CALLS, "One correction.", CorrectionShown)
    },
}
