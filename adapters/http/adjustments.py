"""Balances put right by hand, and the daily fees charged on demand."""

from __future__ import annotations

from uuid import UUID

from msgspec import Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, Text, told
from adapters.http.work import Progress, Task, kept
from application.fees import FeesReport
from application.permissions import Action
from domain.errors import AlreadyExists, NotFound

FEES = "daily fees"
kept(FEES, result=FeesReport)


class AdjustmentSent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``amount`` is signed. ``approval_id``: where a second person has to agree. It may be left out
    when the request is repeated with the same Idempotency-Key after it was approved."""

    amount: MoneyTold
    why: Text
    approval_id: UUID | None = None


class Adjusted(Struct, frozen=True):
    card_id: UUID
    amount: MoneyTold
    available: MoneyTold


class FeeRunShown(Struct, frozen=True):
    """``charged`` cards paid for ``days`` days; ``emptied`` have nothing left now."""

    run_id: UUID
    state: str
    looked_at: int
    charged: int
    days: int
    emptied: int
    problem: str | None


def adjust(services: HttpServices, asked: Asked) -> Answer:
    """Once for each Idempotency-Key, however often it is asked."""
    card_id = asked.id("card")
    sent = asked.body(AdjustmentSent)
    adjustment_id = asked.command_id("adjustment")
    amount = sent.amount.money()
    try:
        available = services.business.changes.adjust_balance(
            card_id,
            adjustment_id,
            amount,
            asked.actor.name,
            sent.why,
            sent.approval_id,
            request_id=asked.command_id("adjustment approval"),
        )
    except AlreadyExists as exists:
        detail = f"this Idempotency-Key was used before, for an adjustment {exists.key}"
        raise asked_wrongly(problems.KEY_USED, f"{detail}: send a new one") from exists
    return Answer(Adjusted(card_id, told(amount), told(available)))


def run_fees(services: HttpServices, asked: Asked) -> Answer:
    """Late or twice, it charges each day once."""
    run_id = asked.command_id("daily fees")

    def run(_: Progress) -> object:
        return services.business.fees.run()

    task = services.work.start(Task(run_id, FEES, asked.actor.identity, 0, run))
    return Answer(_shown(task), 202, {"Location": f"/v1/fee-runs/{run_id}"})


def fee_run(services: HttpServices, asked: Asked) -> Answer:
    run_id = asked.id("run of daily fees")
    task = services.work.find(run_id)
    if task is None or task.what != FEES:
        raise NotFound("run of daily fees", str(run_id))
    return Answer(_shown(task))


def _shown(task: Task) -> FeeRunShown:
    report = task.result if isinstance(task.result, FeesReport) else FeesReport()
    return FeeRunShown(
        task.task_id,
        task.state,
        report.looked_at,
        report.charged,
        report.days,
        report.emptied,
        task.problem.detail if task.problem is not None else None,
    )


ROUTES: Routes = {
    "/v1/cards/{id}/adjustments": {
        "POST": Operation(
            adjust,
            Action.TOP_UP,
            "Put the balance of a card right.",
            Adjusted,
            body=AdjustmentSent,
            once=True,
        )
    },
    "/v1/fee-runs": {
        "POST": Operation(
            run_fees,
            Action.CHANGE_LOTS,
            "Charge the daily fees that are due now, not only when their hour comes.",
            FeeRunShown,
            status=202,
            once=True,
        )
    },
    "/v1/fee-runs/{id}": {
        "GET": Operation(fee_run, Action.SEE_LOTS, "What a run of daily fees did.", FeeRunShown)
    },
}
