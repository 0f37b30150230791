"""A draft is checked, then published: with what is overridden, from when on, and why."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import uuid5

from msgspec import Meta, Struct, field

from adapters.http import problems
from adapters.http.asking import Answer, Asked
from adapters.http.operations import Operation, Routes
from adapters.http.rate_work import (
    CHECK,
    PUBLICATION,
    SMALL_ROWS,
    Outcome,
    WorkShown,
    done_by,
    over,
    report_shown,
)
from adapters.http.services import HttpServices
from adapters.http.tariffs import AfterVersion, Moment, unless_published
from adapters.http.wire import Name, Text
from application.permissions import Action
from application.rate_files import Progress
from domain.errors import SettingNotAllowed
from domain.rate_checks import Rules

Overridable = Literal["below-cost", "gap", "in-the-past", "jump", "later-date", "zero-price"]
Rise = Annotated[int, Meta(ge=0, le=100_000, description="A price that rises more is an error, %.")]
Fall = Annotated[int, Meta(ge=0, le=100, description="A price that falls more is an error, %.")]


class CheckWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``since``: the sheet is to be in force from then on; null: at once."""

    since: Moment | None = None
    most_rise_percent: Rise = 50
    most_fall_percent: Fall = 50


class PublicationWanted(CheckWanted, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``overridden``: kinds of errors that somebody takes upon himself, with the reason why."""

    after_version: AfterVersion
    overridden: Annotated[list[Overridable], Meta(max_length=10)] = field(default_factory=list)
    why: Text | None = None
    by: Name | None = None


def check(services: HttpServices, asked: Asked) -> Answer:
    """The findings about a draft, and how much publishing it would change."""
    wanted = asked.body(CheckWanted)
    sheet_id = asked.id("rate sheet")
    tariff = services.tariffs.tariff_of(sheet_id)
    draft = tariff.draft(sheet_id)
    rules = Rules(wanted.most_rise_percent, wanted.most_fall_percent)
    known = Outcome(tariff.name, sheet_id)

    def run(progress: Progress) -> Outcome:
        report = services.tariffs.lint(sheet_id, wanted.since, rules, progress)
        compared = services.tariffs.compare(sheet_id, progress)
        return Outcome(tariff.name, sheet_id, report=report_shown(report, compared))

    work_id = asked.command_id(f"check of {sheet_id}")
    small = draft.rows + _running_rows(services, tariff.name) <= SMALL_ROWS
    return done_by(services, work_id, CHECK, asked.actor.identity, known, run, small=small)


def publish(services: HttpServices, asked: Asked) -> Answer:
    """Asked again by the same after it was done, it answers the version that was made."""
    wanted = asked.body(PublicationWanted)
    sheet_id = asked.id("rate sheet")
    tariff = services.tariffs.tariff_of(sheet_id)
    by = asked.by(wanted.by)
    work_id = uuid5(sheet_id, f"publication by {asked.actor.identity}")
    for each in tariff.schedule:
        if (each.sheet_id, each.by) == (sheet_id, by):
            outcome = Outcome(tariff.name, sheet_id, each.version)
            return Answer(over(work_id, PUBLICATION, outcome), 201)
    if wanted.after_version > tariff.last_version:
        accepted = f"at most {tariff.last_version}, the last version of the tariff {tariff.name}"
        raise SettingNotAllowed("after_version", str(wanted.after_version), accepted)
    unless_changed = unless_published(wanted.after_version)
    unless_changed(tariff)
    draft = tariff.unpublished(sheet_id)
    rules = Rules(wanted.most_rise_percent, wanted.most_fall_percent)

    def run(progress: Progress) -> Outcome:
        version, _ = services.tariffs.publish(
            sheet_id,
            wanted.since,
            by,
            wanted.why or "",
            tuple(dict.fromkeys(wanted.overridden)),
            rules,
            progress,
            check=unless_changed,
        )
        return Outcome(tariff.name, sheet_id, version)

    small = draft.rows + _running_rows(services, tariff.name) <= SMALL_ROWS
    known = Outcome(tariff.name, sheet_id)
    return done_by(services, work_id, PUBLICATION, asked.actor.identity, known, run, small=small)


def _running_rows(services: HttpServices, name: str) -> int:
    running = services.tariffs.tariff(name).at(services.clock.now())
    return running.rows if running is not None else 0


ROUTES: Routes = {
    "/v1/rate-sheets/{id}/checks": {
        "POST": Operation(
            check,
            Action.CHANGE_TARIFFS,
            "Check a draft against the version that runs and against the costs.",
            WorkShown,
            body=CheckWanted,
            status=201,
            also=(202,),
            once=True,
        )
    },
    "/v1/rate-sheets/{id}/publication": {
        "POST": Operation(
            publish,
            Action.CHANGE_TARIFFS,
            "Publish a draft as the next version of its tariff.",
            WorkShown,
            body=PublicationWanted,
            status=201,
            also=(202,),
            problems=(problems.PUBLISHED_MEANWHILE,),
        )
    },
}
