"""What went wrong, told to programs: the problem documents (RFC 9457) and those of HTTP itself.

A problem is ``{"type", "title", "status", "detail"}`` and the facts of its kind. Its type is a path
under ``/problems/``, where the same API says what it means.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from adapters.http.wire import to_wire

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
NOT_AUTHENTICATED = ProblemKind(401, "not-authenticated", "An API key or a session is needed")
SIGN_IN_REFUSED = ProblemKind(401, "sign-in-refused", "Name, password or code is not right")
NOT_ALLOWED = ProblemKind(403, "not-allowed", "The role or the API key does not open this")
NO_CSRF_TOKEN = ProblemKind(403, "csrf-token-missing", "X-CSRF-Token is missing or not right")
CONFIRMATION_NEEDED = ProblemKind(403, "confirmation-needed", "The password is needed again")
NO_RESOURCE = ProblemKind(404, "no-such-resource", "There is nothing at this path")
BAD_METHOD = ProblemKind(405, "method-not-allowed", "The method is not accepted here")
BODY_TOO_SLOW = ProblemKind(408, "body-too-slow", "The body did not arrive in time")
PUBLISHED_MEANWHILE = ProblemKind(409, "published-meanwhile", "Somebody published meanwhile")
CHANGED_MEANWHILE = ProblemKind(412, "changed-meanwhile", "Somebody changed it meanwhile")
BODY_TOO_LARGE = ProblemKind(413, "body-too-large", "The body is too large")
BAD_CONTENT_TYPE = ProblemKind(415, "bad-content-type", "The body is not of an accepted type")
BAD_FIELD = ProblemKind(422, "bad-field", "A field is not accepted")
BAD_FILE = ProblemKind(422, "bad-file", "The file is not what it has to be")
BAD_ROWS = ProblemKind(422, "bad-rows", "Rows of the file are not accepted")
KEY_USED = ProblemKind(422, "idempotency-key-used", "Idempotency-Key was used for something else")
BAD_SHEET = ProblemKind(422, "bad-rate-sheet", "The rate sheet cannot be used")
TOO_MANY_SIGN_INS = ProblemKind(429, "too-many-sign-ins", "Too many tries to sign in")
FAULT = ProblemKind(500, "fault", "Something is wrong on this side")
DAMAGED = ProblemKind(500, "ledger-damaged", "The ledger is damaged")
OVERLOADED = ProblemKind(503, "overloaded", "Too many requests are waiting")
NOT_READY = ProblemKind(503, "not-ready", "The ledger does not answer")

EDGE = (
    MALFORMED_JSON,
    BAD_PARAMETER,
    NO_IDEMPOTENCY_KEY,
    BAD_IDEMPOTENCY_KEY,
    BAD_REQUEST,
    NOT_AUTHENTICATED,
    SIGN_IN_REFUSED,
    NOT_ALLOWED,
    NO_CSRF_TOKEN,
    CONFIRMATION_NEEDED,
    NO_RESOURCE,
    BAD_METHOD,
    BODY_TOO_SLOW,
    PUBLISHED_MEANWHILE,
    CHANGED_MEANWHILE,
    BODY_TOO_LARGE,
    BAD_CONTENT_TYPE,
    BAD_FIELD,
    BAD_FILE,
    BAD_ROWS,
    KEY_USED,
    BAD_SHEET,
    TOO_MANY_SIGN_INS,
    FAULT,
    DAMAGED,
    OVERLOADED,
    NOT_READY,
)
"""Problems of HTTP itself."""
