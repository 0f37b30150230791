"""ETags: what has not changed is not sent again, what has changed is not written over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from adapters.http import problems
from adapters.http.asking import Answer, Asked
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import encode, to_wire
from application.administration import Check, accept
from application.streams import Kind, State
from application.views import MOST_ROWS, RecordedEvent

_MOST_FACTS = 20 * MOST_ROWS
_MOST_TOLD = 20


def etag_of(content: bytes) -> str:
    """A strong ETag (RFC 9110, section 8.8.3): the same for the same bytes only."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def names(header: str, etag: str) -> bool:
    """Whether an ``If-Match`` or ``If-None-Match`` names this ETag; ``*`` names every one."""
    given = [each.strip().removeprefix("W/") for each in header.split(",")]
    return "*" in given or etag in given


def with_etag(answer: Answer, content: bytes, if_none_match: str | None) -> Answer:
    """The answer of a GET under its ETag, or 304 for who has it already."""
    etag = etag_of(content)
    headers = {**answer.headers, "ETag": etag}
    if if_none_match is not None and names(if_none_match, etag):
        return Answer(b"", 304, headers, answer.content_type)
    return Answer(content, answer.status, headers, answer.content_type)


def unless_changed(
    services: HttpServices,
    asked: Asked,
    kind: Kind[State, Any],
    stream_id: UUID,
    shown: Callable[[State], object],
) -> Check[State]:
    """Raises AskedWrongly (412) in the unit of work if the client has not seen this state.

    The problem tells what was recorded since the state that the client has seen.
    """
    header = asked.if_match
    if header is None:
        return accept

    def check(state: State) -> None:
        content = encode(shown(state))
        if names(header, etag_of(content)):
            return
        raise asked_wrongly(
            problems.CHANGED_MEANWHILE,
            "somebody changed this since you looked; look again and decide anew",
            {"ETag": etag_of(content)},
            current=shown(state),
            changes=_since(services, header, kind, stream_id, shown),
        )

    return check


def _since(
    services: HttpServices,
    header: str,
    kind: Kind[State, Any],
    stream_id: UUID,
    shown: Callable[[State], object],
) -> list[dict[str, object]]:
    """The facts behind the last state that the client has seen; none if it is not known."""
    state: State | None = None
    since: list[RecordedEvent] | None = None
    version = 0
    while version < _MOST_FACTS:
        page = services.views.history(stream_id, version, MOST_ROWS)
        for event in page:
            state = kind.evolve(state, event.fact)
            version = event.version
            if names(header, etag_of(encode(_shown(shown, state)))):
                since = []
            elif since is not None:
                since.append(event)
        if len(page) < MOST_ROWS:
            break
    told = (since or [])[-_MOST_TOLD:]
    return [
        {
            "version": each.version,
            "recorded_at": each.recorded_at,
            "name": each.name,
            "fact": to_wire(each.fact),
        }
        for each in told
    ]


def _shown(shown: Callable[[State], object], state: State) -> object:
    try:
        return shown(state)
    except Exception:  # a state before the thing was there has no form
        return None
