"""One table from each refusal, and each trouble of the ledger, to its problem document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from adapters.http.problems import (
    EDGE,
    RETRY_AFTER,
    SIGN_IN_REFUSED,
    TOO_MANY_SIGN_INS,
    AskedWrongly,
    Problem,
    ProblemKind,
)
from application import kinds
from application.ports import ClaimTaken, ConcurrencyConflict, LedgerUnavailable
from application.signing_in import SignInRefused, TooManySignIns
from domain import errors

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
        lambda e: (f"{e.number} is not sold: {e.reason}", {"number": e.number}),
    ),
    errors.CallEndedAlready: _row(
        409,
        "call-ended-already",
        "The call has ended",
        lambda e: (f"the call {e.reference} has ended", {"reference": e.reference}),
    ),
    errors.PinsUsedUp: _row(
        409,
        "pins-used-up",
        "Too few PINs of this length are left",
        lambda e: (
            f"{e.wanted} PINs of {e.length} digits are too many: one in five may be in use,"
            f" and {e.left} are left",
            {"length": e.length, "wanted": e.wanted, "left": e.left},
        ),
    ),
    errors.ApprovalNeeded: _row(
        409,
        "approval-needed",
        "A second person has to approve this",
        lambda e: (
            f"this {e.action} waits for the approval {e.approval_id} of a second person",
            {"action": e.action, "approval_id": e.approval_id},
        ),
    ),
    errors.ApprovalNotUsable: _row(
        409,
        "approval-not-usable",
        "The approval cannot be used",
        lambda e: (f"the approval cannot be used: {e.reason}", {"reason": e.reason}),
    ),
    errors.AlreadyDone: _row(
        409,
        "already-done",
        "It happens once, and has happened",
        lambda e: (f"{e.what} was done already, by {e.by}", {"what": e.what, "by": e.by}),
    ),
    errors.RangeTaken: _row(
        409,
        "range-taken",
        "The cards are with another distributor",
        lambda e: (
            f"the cards {e.first} to {e.last} are with {e.holder}",
            {"first": e.first, "last": e.last, "holder": e.holder},
        ),
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
    if isinstance(error, SignInRefused):
        return Problem(SIGN_IN_REFUSED, "the name, the password or the code is not right")
    if isinstance(error, TooManySignIns):
        detail = "too many tries to sign in have failed; wait and try again"
        return Problem(TOO_MANY_SIGN_INS, detail, headers={"Retry-After": "60"})
    row = _ROWS.get(type(error))
    if row is None:
        return None
    detail, fields = row.told(error)
    return Problem(row.kind, detail, fields, row.headers)
