"""Work on rate sheets that may take a minute: what is asked, how far it is, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from attrs import frozen
from msgspec import Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked
from adapters.http.operations import Operation, Routes
from adapters.http.problems import AskedWrongly, asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.work import Progress, Task, kept
from application.permissions import Action
from application.rate_files import Progress as RateProgress
from application.tariffs import Comparison
from domain.rate_checks import KINDS, Report

SMALL_BYTES = 256 * 1024
SMALL_ROWS = 5_000
"""What is done while the client waits; the rest is done behind the door."""

_THOUSAND = 1_000

IMPORT = "import of a rate sheet"
CHECK = "check of a rate sheet"
PUBLICATION = "publication of a rate sheet"

# How the steps of a kind of work share the bar.
_SHARES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    IMPORT: {"reading": (0, 600), "storing": (600, 400)},
    CHECK: {"checking": (0, 600), "comparing": (600, 400)},
    PUBLICATION: {"checking": (0, 1_000)},
}


class FindingShown(Struct, frozen=True):
    """``line`` is where the file says so, 0 where no file is known."""

    severity: str
    kind: str
    prefix: str
    destination: str
    line: int
    sentence: str


class ReportShown(Struct, frozen=True):
    """``counts`` by kind are of all findings, ``findings`` the first of each kind. ``errors`` are
    the kinds that stand in the way of publishing. What publishing would change, by prefixes, is
    told against the version that runs (``against``)."""

    rows: int
    counts: dict[str, int]
    errors: list[str]
    findings: list[FindingShown]
    against: int | None
    added: int
    removed: int
    changed: int


class WorkShown(Struct, frozen=True):
    """``state``: waiting, running, done or refused; ``done`` of ``total`` is how far it is. A
    ``problem`` is a problem document; nothing has changed then."""

    work_id: UUID
    what: str
    state: str
    done: int
    total: int
    tariff: str
    sheet_id: UUID | None
    version: int | None
    report: ReportShown | None
    problem: dict[str, Any] | None


@frozen
class Outcome:
    """What came of it; only ``tariff`` is known while it lasts."""

    tariff: str
    sheet_id: UUID | None = None
    version: int | None = None
    report: ReportShown | None = None


for _what in _SHARES:
    kept(_what, about=Outcome, result=Outcome)


def done_by(
    services: HttpServices,
    task_id: UUID,
    what: str,
    owner: str,
    known: Outcome,
    run: Callable[[RateProgress], Outcome],
    *,
    small: bool,
) -> Answer:
    """Does what is small at once and answers 201, or the problem that it came to. The rest is
    answered with 202 and where to look."""
    task = Task(task_id, what, owner, _THOUSAND, _running(what, run), about=known)
    if small:
        task.perform()
        if task.problem is not None:
            raise AskedWrongly(task.problem)
        return Answer(shown(task), 201)
    started = services.work.start(task)
    return Answer(shown(started), 202, {"Location": f"/v1/rate-work/{task_id}"})


def shown(task: Task) -> WorkShown:
    outcome = task.result if isinstance(task.result, Outcome) else task.about
    assert isinstance(outcome, Outcome), "work on rate sheets knows what it is about"
    return WorkShown(
        task.task_id,
        task.what,
        task.state,
        task.total if task.state == "done" else task.done,
        task.total,
        outcome.tariff,
        outcome.sheet_id,
        outcome.version,
        outcome.report,
        task.problem.document() if task.problem is not None else None,
    )


def over(work_id: UUID, what: str, outcome: Outcome) -> WorkShown:
    """Work of which nobody remembers more than what came of it."""
    return shown(Task(work_id, what, "", _THOUSAND, lambda _: None, state="done", result=outcome))


def report_shown(report: Report, compared: Comparison) -> ReportShown:
    found = [finding for kind in KINDS for finding in report.examples.get(kind, ())]
    return ReportShown(
        report.rows,
        report.counts,
        list(report.errors),
        [
            FindingShown(
                each.severity, each.kind, each.prefix, each.destination, each.line, each.sentence
            )
            for each in found
        ],
        compared.against,
        compared.added,
        compared.removed,
        compared.changed,
    )


def look(services: HttpServices, asked: Asked) -> Answer:
    """Work that was done before a restart of the server is known by what it left."""
    work_id = asked.id("piece of work")
    task = services.work.find(work_id)
    if task is not None and isinstance(task.about, Outcome):
        return Answer(shown(task))
    sheet_id = services.tariffs.imported(work_id)
    if sheet_id is None:
        raise asked_wrongly(
            problems.NO_RESOURCE,
            "no such work is known here; if the server was started again meanwhile nothing of it"
            " is left: send the request again with the same Idempotency-Key",
        )
    tariff = services.tariffs.tariff_of(sheet_id)
    return Answer(over(work_id, IMPORT, Outcome(tariff.name, sheet_id)))


def _running(what: str, run: Callable[[RateProgress], Outcome]) -> Callable[[Progress], Outcome]:
    shares = _SHARES[what]

    def running(progress: Progress) -> Outcome:
        def told(step: str, done: int, total: int) -> None:
            first, width = shares.get(step, (0, 0))
            progress(first + width * min(done, total) // max(total, 1))

        try:
            return run(told)
        except ValueError as error:
            # It names the line or the cell, and says what is accepted.
            raise asked_wrongly(problems.BAD_SHEET, str(error)) from error

    return running


ROUTES: Routes = {
    "/v1/rate-work/{id}": {
        "GET": Operation(
            look, Action.SEE_TARIFFS, "How far work on a rate sheet is, and its outcome.", WorkShown
        )
    }
}
