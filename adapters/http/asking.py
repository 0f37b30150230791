"""One request as a use case sees it: who asks, for what, with which fields and limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID, uuid5

import msgspec
from attrs import field, frozen

from adapters.http import problems
from adapters.http.keys import ApiKey, Scope
from adapters.http.problems import Problem, asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import encode
from application.views import MOST_ROWS

T = TypeVar("T")

USUAL_ROWS = 100
"""Rows in a page when nobody says how many."""

MOST_BODY = 64 * 1024
"""Bytes in an ordinary request body."""

_ASKED_BY_KEY = UUID("0d7c8b0e-5a43-4d0e-8d53-0c3c8f7f1f55")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}", re.ASCII)
_AT = re.compile(r"(?P<what>.*) - at `(?P<path>.*)`", re.DOTALL)


@frozen
class Answer:
    body: object
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)
    content_type: str = "application/json"

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else encode(self.body)


def answer_of(problem: Problem, request_id: str | None = None) -> Answer:
    document = problem.document()
    if request_id is not None:
        document["request_id"] = request_id
    content_type = "application/problem+json"
    return Answer(document, problem.kind.status, problem.headers, content_type)


@frozen
class Asked:
    """``query`` holds the parameters as they came, in order, repeated ones too."""

    key: ApiKey
    url: str
    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: bytes
    idempotency_key: str | None

    def read(self, wanted: type[T]) -> T:
        """The body as a typed request.

        Raises AskedWrongly, naming the field and what is accepted there.
        """
        try:
            return msgspec.json.decode(self.body, type=wanted)
        except msgspec.ValidationError as error:
            found = _AT.fullmatch(str(error))
            path, what = (found["path"], found["what"]) if found else ("$", str(error))
            raise asked_wrongly(problems.BAD_FIELD, f"{path}: {what}", field=path) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            detail = "the body is empty" if not self.body else f"the body is not JSON: {error}"
            raise asked_wrongly(problems.MALFORMED_JSON, detail) from error

    def command_id(self, purpose: str) -> UUID:
        """The id of what is asked for: the same for every repetition of one request.

        It follows from the name of the API key and the ``Idempotency-Key``
        (draft-ietf-httpapi-idempotency-key-header), so keys of two clients never meet.
        """
        if self.idempotency_key is None:
            raise asked_wrongly(
                problems.NO_IDEMPOTENCY_KEY,
                "send an Idempotency-Key, such as a random UUID, and the same one with each retry",
            )
        # The draft has a quoted string; many clients send it bare, and mean the same.
        text = self.idempotency_key
        if len(text) >= 2 and text[0] == text[-1] == '"':
            text = text[1:-1]
        if not _IDEMPOTENCY_KEY.fullmatch(text):
            raise asked_wrongly(
                problems.BAD_IDEMPOTENCY_KEY,
                "an Idempotency-Key is 1 to 200 visible ASCII characters, best a random UUID",
            )
        name = self.key.name
        return uuid5(_ASKED_BY_KEY, f"{len(name)}:{name}:{purpose}:{text}")

    def by(self, person: str | None) -> str:
        """Who did it, for the record: the key, and the person it says it speaks for."""
        return f"{person} ({self.key.name})" if person else self.key.name

    def id(self, what: str) -> UUID:
        """The id in the path. Raises AskedWrongly for what cannot be one."""
        if (found := read_id(self.path["id"])) is None:
            raise asked_wrongly(
                problems.NO_RESOURCE,
                f"the id of a {what} is a UUID, not {self.path['id'][:80]!r}",
            )
        return found

    def parameters(self, *accepted: str) -> dict[str, str]:
        """The query parameters, each at most once and none but these."""
        given: dict[str, str] = {}
        for name, value in self.query:
            if name not in accepted:
                known = ", ".join(accepted) or "none"
                raise asked_wrongly(
                    problems.BAD_PARAMETER, f"{name[:80]!r} is not one of: {known}", name=name[:80]
                )
            if name in given:
                raise bad_parameter(name, "comes once at most")
            given[name] = value
        return given


Handler = Callable[[HttpServices, Asked], Answer]


@frozen
class Action:
    """What a method does: who may ask, and how large a body may be (0: there is none)."""

    handler: Handler
    scope: Scope
    most_body: int = 0


def bad_parameter(name: str, accepted: str) -> problems.AskedWrongly:
    return asked_wrongly(problems.BAD_PARAMETER, f"{name} {accepted}", name=name)


def read_id(text: str) -> UUID | None:
    return UUID(text) if _ID.fullmatch(text) else None


def read_limit(given: Mapping[str, str], *, most: int = MOST_ROWS) -> int:
    text = given.get("limit", str(USUAL_ROWS))
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= most:
        raise bad_parameter("limit", f"is a number from 1 to {most}, not {text[:80]!r}")
    return int(text)


def read_after(given: Mapping[str, str]) -> UUID | None:
    text = given.get("after")
    if text is None:
        return None
    if (found := read_id(text)) is None:
        raise bad_parameter("after", f"is the id that the last page ended with, not {text[:80]!r}")
    return found


def read_after_version(given: Mapping[str, str]) -> int:
    text = given.get("after", "0")
    if not _NUMBER.fullmatch(text):
        raise bad_parameter("after", f"is the version the last page ended with, not {text[:80]!r}")
    return int(text)


def read_flag(given: Mapping[str, str], name: str) -> bool | None:
    text = given.get(name)
    if text not in (None, "true", "false"):
        raise bad_parameter(name, f"is true or false, not {text[:80]!r}")
    return None if text is None else text == "true"


def page(
    asked: Asked, given: Mapping[str, str], limit: int, items: Sequence[object], last: str | None
) -> Answer:
    """One page; ``next`` is where the following one is, null when this one is not full."""
    url = None
    if len(items) >= limit and last is not None:
        url = f"{asked.url}?{urlencode({**given, 'limit': str(limit), 'after': last})}"
    headers = {"Link": f'<{url}>; rel="next"'} if url else {}
    return Answer({"items": items, "next": url}, headers=headers)
