"""What went wrong, told to programs: one table from each refusal to a problem document (RFC 9457).

A problem is ``{"type", "title", "status", "detail"}`` and the facts of its kind. Its type is a path
under ``/problems/``, where the same API says what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from adapters.http.wire import to_wire
from application import kinds
from application.ports import ClaimTaken, ConcurrencyConflict, LedgerUnavailable
from domain import errors

RETRY_AFTER = {"Retry-After": "1"}
"""Seconds. Everything behind it is safe to ask again with the same ids."""


@frozen
class ProblemKind:
    status: int
    slug: str
    title: str

    @property
    def type(self) -> str:
        return f"/problems/{self.slug}"


@frozen
class Problem:
    """One problem: its kind, what was wrong this time, and further members of the document."""

    kind: ProblemKind
    detail: str
    fields: Mapping[str, object] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)

    def document(self) -> dict[str, object]:
        return {
            **{name: to_wire(value) for name, value in self.fields.items()},
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }


class AskedWrongly(Exception):
    """A request that cannot be understood or let in, whatever the rules say."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def asked_wrongly(
    kind: ProblemKind, detail: str, headers: Mapping[str, str] | None = None, **fields: object
) -> AskedWrongly:
    return AskedWrongly(Problem(kind, detail, fields, headers or {}))


MALFORMED_JSON = ProblemKind(400, "malformed-json", "The body is not JSON")
BAD_PARAMETER = ProblemKind(400, "bad-parameter", "A parameter is not accepted")
NO_IDEMPOTENCY_KEY = ProblemKind(400, "idempotency-key-missing", "Idempotency-Key is missing")
BAD_IDEMPOTENCY_KEY = ProblemKind(400, "bad-idempotency-key", "Idempotency-Key is not accepted")
BAD_REQUEST = ProblemKind(400, "bad-request", "The request cannot be understood")
NOT_AUTHENTICATED = ProblemKind(401, "not-authenticated", "An API key is needed")
NOT_ALLOWED = ProblemKind(403, "not-allowed", "The API key does not open this")
NO_RESOURCE = ProblemKind(404, "no-such-resource", "There is nothing at this path")
BAD_METHOD = ProblemKind(405, "method-not-allowed", "The method is not accepted here")
BODY_TOO_SLOW = ProblemKind(408, "body-too-slow", "The body did not arrive in time")
BODY_TOO_LARGE = ProblemKind(413, "body-too-large", "The body is too large")
BAD_CONTENT_TYPE = ProblemKind(415, "bad-content-type", "The body is not application/json")
BAD_FIELD = ProblemKind(422, "bad-field", "A field is not accepted")
KEY_USED = ProblemKind(422, "idempotency-key-used", "Idempotency-Key was used for something else")
FAULT = ProblemKind(500, "fault", "Something is wrong on this side")
OVERLOADED = ProblemKind(503, "overloaded", "Too many requests are waiting")
NOT_READY = ProblemKind(503, "not-ready", "The ledger does not answer")

EDGE = (
    MALFORMED_JSON,
    BAD_PARAMETER,
    NO_IDEMPOTENCY_KEY,
    BAD_IDEMPOTENCY_KEY,
    BAD_REQUEST,
    NOT_AUTHENTICATED,
    NOT_ALLOWED,
    NO_RESOURCE,
    BAD_METHOD,
    BODY_TOO_SLOW,
    BODY_TOO_LARGE,
    BAD_CONTENT_TYPE,
    BAD_FIELD,
    KEY_USED,
    FAULT,
    OVERLOADED,
    NOT_READY,
)
"""Problems of HTTP itself."""

Told = Callable[[Any], tuple[str, dict[str, object]]]
"""Turns an exception into its detail and its further members."""


@frozen
class _Row:
    kind: ProblemKind
    told: Told
    headers: Mapping[str, str] = field(factory=dict)


def _row(
    status: int, slug: str, title: str, told: Told, headers: Mapping[str, str] | None = None
) -> _Row:
    return _Row(ProblemKind(status, slug, title), told, headers or {})


def _claim_taken(taken: ClaimTaken) -> tuple[str, dict[str, object]]:
    # The key of a PIN's claim is its digest, which never leaves the system.
    if taken.kind == kinds.CARD_NUMBER:
        return str(taken), {"kind": taken.kind, "key": taken.key}
    return f"this {taken.kind} is already taken", {"kind": taken.kind}


def _already_exists(exists: errors.AlreadyExists) -> tuple[str, dict[str, object]]:
    if exists.kind == kinds.PIN:
        return "another card has this PIN: choose another one", {"kind": exists.kind}
    return (
        f"the {exists.kind} {exists.key} exists already",
        {"kind": exists.kind, "key": exists.key},
    )


_ROWS: Mapping[type[Exception], _Row] = {
    errors.NotFound: _row(
        404,
        "not-found",
        "There is no such thing",
        lambda e: (f"there is no {e.kind} {e.key}", {"kind": e.kind, "key": e.key}),
    ),
    errors.AlreadyExists: _row(409, "already-exists", "It exists already", _already_exists),
    errors.SettingNotAllowed: _row(
        422,
        "setting-not-allowed",
        "A value is not accepted",
        lambda e: (
            f"{e.name}: {e.value} is not accepted, but {e.accepted}",
            {"name": e.name, "value": e.value, "accepted": e.accepted},
        ),
    ),
    errors.InsufficientFunds: _row(
        409,
        "insufficient-funds",
        "There is not enough money",
        lambda e: (
            f"{e.needed} is needed and {e.available} is available",
            {"needed": e.needed, "available": e.available},
        ),
    ),
    errors.ChargeExceedsHold: _row(
        409,
        "charge-exceeds-hold",
        "A charge is never more than its hold",
        lambda e: (
            f"{e.charge} is more than the {e.held} that is held",
            {"charge": e.charge, "held": e.held},
        ),
    ),
    errors.TooManyCalls: _row(
        409,
        "too-many-calls",
        "The payer has too many calls up",
        lambda e: (f"at most {e.limit} at a time", {"limit": e.limit}),
    ),
    errors.TooManyAttempts: _row(
        409,
        "too-many-attempts",
        "The call has had too many attempts",
        lambda e: (f"at most {e.limit} in one call", {"limit": e.limit}),
    ),
    # Why a login failed is recorded and never told.
    errors.LoginFailed: _row(
        403, "login-failed", "Nobody was identified", lambda e: ("no card was opened", {})
    ),
    errors.CardNotUsable: _row(
        409,
        "card-not-usable",
        "The card cannot pay now",
        lambda e: (f"the card is {e.reason}", {"reason": e.reason}),
    ),
    errors.StatusChangeNotAllowed: _row(
        409,
        "status-change-not-allowed",
        "A card does not change like this",
        lambda e: (
            f"a card that is {e.now} does not become {e.wanted}, "
            + (f"only {', '.join(e.allowed)}" if e.allowed else "nor anything else"),
            {"now": e.now, "wanted": e.wanted, "allowed": e.allowed},
        ),
    ),
    errors.CallerIdNotUsable: _row(
        422,
        "caller-id-not-usable",
        "The caller ID cannot stand in for a PIN",
        lambda e: ("the caller ID is hidden, or no telephone number", {}),
    ),
    errors.PinlessNotAllowed: _row(
        409,
        "pinless-not-allowed",
        "The card needs its PIN",
        lambda e: ("the terms of the card let no caller ID stand in for its PIN", {}),
    ),
    errors.NumberNotDialable: _row(
        422,
        "number-not-dialable",
        "This is no telephone number",
        lambda e: (f"{e.dialled} is no telephone number", {"dialled": e.dialled}),
    ),
    errors.DestinationNotSold: _row(
        422,
        "destination-not-sold",
        "The destination is not sold",
        lambda e: (f"no rate or no route leads to {e.number}", {"number": e.number}),
    ),
    errors.CallEndedAlready: _row(
        409,
        "call-ended-already",
        "The call has ended",
        lambda e: (f"the call {e.reference} has ended", {"reference": e.reference}),
    ),
    ClaimTaken: _row(409, "claim-taken", "The name belongs to something else", _claim_taken),
    ConcurrencyConflict: _row(
        503,
        "ledger-busy",
        "Others recorded first",
        lambda e: ("nothing was stored; ask again with the same Idempotency-Key", {}),
        RETRY_AFTER,
    ),
    LedgerUnavailable: _row(
        503,
        "ledger-unavailable",
        "The ledger cannot be reached",
        lambda e: (
            "it is unknown whether anything was stored; ask again with the same Idempotency-Key",
            {},
        ),
        RETRY_AFTER,
    ),
}

KINDS = {each.slug: each for each in (*EDGE, *(row.kind for row in _ROWS.values()))}


def problem_of(error: Exception) -> Problem | None:
    """The problem that tells of a refusal; None for a fault, which tells nothing outside."""
    if isinstance(error, AskedWrongly):
        return error.problem
    row = _ROWS.get(type(error))
    if row is None:
        return None
    detail, fields = row.told(error)
    return Problem(row.kind, detail, fields, row.headers)
