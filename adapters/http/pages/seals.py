"""Seals: the newest checkpoint of the log, when it was made, and how to check it alone."""

from __future__ import annotations

from adapters.http.checkpoints import CheckpointShown
from adapters.http.pages.visits import Download, Page, Reply, Shown, Visit
from adapters.http.problems import AskedWrongly
from application.permissions import Action

SHOWN = 20
"""Checkpoints in the table; the API has all."""


def show(visit: Visit) -> Reply:
    newest = _newest(visit)
    last = visit.services.checkpoints.last()
    end = visit.services.books.books.position(None)
    earlier: list[CheckpointShown] = []
    if newest is not None:
        given = {"after": max(0, newest.blocks - SHOWN), "limit": SHOWN}
        earlier = visit.ask("GET", "/v1/checkpoints", given=given).items[::-1]
    context = {
        "newest": newest,
        "sealed_at": last.block.sealed_at if last is not None else None,
        "beyond": max(0, end - newest.last_position) if newest is not None else end,
        "end": end,
        "earlier": earlier,
    }
    return Shown("seals.html", "Seals", context)


def checkpoint(visit: Visit) -> Reply:
    newest = visit.ask("GET", "/v1/checkpoints/latest")
    return Download(newest.note.encode(), "text/plain; charset=utf-8", "checkpoint.txt")


def _newest(visit: Visit) -> CheckpointShown | None:
    try:
        found: CheckpointShown = visit.ask("GET", "/v1/checkpoints/latest")
    except AskedWrongly:
        return None
    return found


PAGES = (
    Page("/seals", Action.SEE_BOOKS, show, label="Seals", icon="fa-solid fa-stamp"),
    Page("/seals/checkpoint", Action.SEE_BOOKS, checkpoint),
)
