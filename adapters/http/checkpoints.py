"""Checkpoints: what the operator has signed about its log, for everybody who wants to keep it.

Open to all on purpose. They are for those who do not trust the operator, tell nothing but how many
facts there are, and are worth more the more people keep them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import USUAL_ROWS, Answer, Asked, Limit, Page
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from domain.checkpoints import read_checkpoint, read_note


class CheckpointShown(Struct, frozen=True):
    """``note`` is the signed checkpoint itself (https://c2sp.org/tlog-checkpoint); the rest is what
    it says: the log's name, its blocks, the root over them in hex, and its facts up to a position.
    """

    blocks: int
    origin: str
    root: str
    facts: int
    last_position: int
    note: str


class CheckpointsAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: Annotated[
        int, Meta(ge=0, le=10**15, description="The blocks that the last page ended with.")
    ] = 0
    limit: Limit = USUAL_ROWS


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(CheckpointsAsked)
    notes = services.checkpoints.notes(given.after, given.limit)
    return asked.page([_shown(note) for _, note in notes], notes[-1][0] + 1 if notes else None)


def newest(services: HttpServices, _: Asked) -> Answer:
    note = services.checkpoints.newest_note()
    if note is None:
        raise asked_wrongly(problems.NO_RESOURCE, "nothing has been sealed yet")
    return Answer(_shown(note))


def _shown(note: str) -> CheckpointShown:
    found = read_checkpoint(read_note(note).text)
    return CheckpointShown(
        found.size, found.origin, found.root.hex(), found.facts, found.last, note
    )


ROUTES: Routes = {
    "/v1/checkpoints": {
        "GET": Operation(
            listed,
            None,
            "Signed checkpoints of the log, oldest first.",
            Page[CheckpointShown],
            query=CheckpointsAsked,
            csv=True,
        )
    },
    "/v1/checkpoints/latest": {
        "GET": Operation(
            newest,
            None,
            "The newest signed checkpoint.",
            CheckpointShown,
            problems=(problems.NO_RESOURCE,),
        )
    },
}
