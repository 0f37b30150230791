"""One request as a use case sees it: who asks, for what, with which fields and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import MAXYEAR, datetime
from functools import cache
from typing import Annotated, Any, Generic, Literal, TypeVar, get_type_hints
from urllib.parse import urlencode
from uuid import UUID, uuid5

import msgspec
from attrs import field, frozen
from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.files import SentFile
from adapters.http.problems import Problem, asked_wrongly
from adapters.http.wire import encode
from application.permissions import Actor
from application.signing_in import SignedInAs
from application.views import MOST_ROWS

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

USUAL_ROWS = 100
"""Rows in a page when nobody says how many."""

MOST_BODY = 64 * 1024
"""Bytes in an ordinary request body."""

_ASKED_BY_KEY = UUID("0d7c8b0e-5a43-4d0e-8d53-0c3c8f7f1f55")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}", re.ASCII)
_AT = re.compile(r"(?P<what>.*) - at `(?P<path>.*)`", re.DOTALL)

Limit = Annotated[int, Meta(ge=1, le=MOST_ROWS, description="Rows in the page.")]
Order = Literal["oldest", "newest"]
After = Annotated[UUID, Meta(description="The id that the last page ended with.")]


class NoParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """A request without parameters in its address."""


class PageAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A page of a list that is ordered by id; further filters are further fields."""

    after: After | None = None
    limit: Limit = USUAL_ROWS


class EventsAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: Annotated[
        int, Meta(ge=0, le=10**15, description="The version that the last page ended with.")
    ] = 0
    limit: Limit = USUAL_ROWS


class Page(Struct, Generic[T], frozen=True):
    """``next`` is where the following page is; null when this one is not full."""

    items: list[T]
    next: str | None


@frozen
class Answer:
    """``body`` is a typed answer, which becomes JSON, or bytes of the content type, or a Stream."""

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
    """``sent`` is the body and ``given`` the parameters, in the types that the operation names.

    ``signed_in`` is None for a machine; ``source`` is the address the request came from.
    """

    actor: Actor
    url: str
    path: Mapping[str, str]
    sent: object = None
    given: object = None
    sent_file: SentFile | None = None
    idempotency_key: str | None = None
    if_match: str | None = None
    source: str = ""
    signed_in: SignedInAs | None = None
    token: str = field(default="", repr=False)

    def body(self, wanted: type[T]) -> T:
        assert isinstance(self.sent, wanted), "the type that the operation names"
        return self.sent

    @property
    def file(self) -> SentFile:
        assert self.sent_file is not None, "the operation names an upload"
        return self.sent_file

    def parameters(self, wanted: type[T]) -> T:
        assert isinstance(self.given, wanted), "the type that the operation names"
        return self.given

    @property
    def session(self) -> SignedInAs:
        assert self.signed_in is not None, "only roles open this, and a role comes with a session"
        return self.signed_in

    def command_id(self, purpose: str) -> UUID:
        """The id of what is asked for: the same for every repetition of one request.

        It follows from who asks and the ``Idempotency-Key``
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
        name = self.actor.identity
        return uuid5(_ASKED_BY_KEY, f"{len(name)}:{name}:{purpose}:{text}")

    def by(self, person: str | None = None) -> str:
        """Who did it, for the record: the actor, and the person it says it speaks for."""
        return f"{person} ({self.actor.name})" if person else self.actor.name

    def id(self, what: str) -> UUID:
        """The id in the path. Raises AskedWrongly for what cannot be one."""
        if (found := read_id(self.path["id"])) is None:
            raise asked_wrongly(
                problems.NO_RESOURCE,
                f"the id of a {what} is a UUID, not {self.path['id'][:80]!r}",
            )
        return found

    def page(self, items: Sequence[T], last: object, *, more: bool = False) -> Answer:
        """One page of what was asked for; ``last`` is what the next one comes after. ``more``:
        there is more although the page is not full."""
        limit = getattr(self.given, "limit", USUAL_ROWS)
        url = None
        if (more or len(items) >= limit) and last is not None:
            given = msgspec.to_builtins(self.given, str_keys=True)
            filters = {
                name: _in_url(value)
                for name, value in given.items()
                if value is not None and name not in ("limit", "after")
            }
            url = f"{self.url}?{urlencode({**filters, 'limit': str(limit), 'after': str(last)})}"
        headers = {"Link": f'<{url}>; rel="next"'} if url else {}
        return Answer(Page(list(items), url), headers=headers)


def read_body(content: bytes, wanted: type[T]) -> T:
    """The body as a typed request.

    Raises AskedWrongly, naming the field and what is accepted there.
    """
    try:
        return _in_calendar(msgspec.json.decode(content, type=wanted))
    except msgspec.ValidationError as error:
        raise _bad_field(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        detail = "the body is empty" if not content else f"the body is not JSON: {error}"
        raise asked_wrongly(problems.MALFORMED_JSON, detail) from error


def read_fields(fields: Mapping[str, object], wanted: type[T]) -> T:
    """What was filled in on a form as a typed request; a text that says a number is one.

    Raises AskedWrongly, naming the field and what is accepted there.
    """
    try:
        return _in_calendar(msgspec.convert(fields, wanted, strict=False))
    except msgspec.ValidationError as error:
        raise _bad_field(error) from error


def _in_calendar(value: T, path: str = "$") -> T:
    """Raises ValidationError for a moment so near an end of the calendar that it is none in another
    time zone: once stored, nobody could be told of it."""
    match value:
        case datetime() if not 1 < value.year < MAXYEAR:
            raise msgspec.ValidationError(
                f"Expected a moment of the years 2 to {MAXYEAR - 1} - at `{path}`"
            )
        case Struct():
            for name in value.__struct_fields__:
                _in_calendar(getattr(value, name), f"{path}.{name}")
        case list():
            for place, each in enumerate(value):
                _in_calendar(each, f"{path}[{place}]")
    return value


def _bad_field(error: msgspec.ValidationError) -> problems.AskedWrongly:
    found = _AT.fullmatch(str(error))
    path, what = (found["path"], found["what"]) if found else ("$", str(error))
    return asked_wrongly(problems.BAD_FIELD, f"{path}: {what}", field=path)


def read_parameters(query: Sequence[tuple[str, str]], wanted: type[S]) -> S:
    """The query parameters as a typed request: each at most once, and none but its fields.

    Raises AskedWrongly, naming the parameter.
    """
    accepted = [each.encode_name for each in msgspec.structs.fields(wanted)]
    given: dict[str, Any] = {}
    for name, value in query:
        if name not in accepted:
            known = ", ".join(accepted) or "none"
            detail = f"{name[:80]!r} is not one of: {known}"
            raise asked_wrongly(problems.BAD_PARAMETER, detail, name=name[:80])
        if name in given:
            raise bad_parameter(name, "comes once at most")
        if name in _numbers(wanted) and not _DIGITS.fullmatch(value):
            raise bad_parameter(name, f"is a whole number, not {value[:80]!r}")
        given[name] = value
    try:
        return _in_calendar(msgspec.convert(given, wanted, strict=False))
    except msgspec.ValidationError as error:
        found = _AT.fullmatch(str(error))
        path, what = (found["path"], found["what"]) if found else ("$", str(error))
        name = path.removeprefix("$.")
        raise bad_parameter(name, f"is not accepted: {what}") from error


@cache
def _numbers(wanted: type[Struct]) -> frozenset[str]:
    """The fields that are whole numbers: other ways to write one are not accepted."""
    return frozenset(name for name, kind in get_type_hints(wanted).items() if kind is int)


def bad_parameter(name: str, accepted: str) -> problems.AskedWrongly:
    return asked_wrongly(problems.BAD_PARAMETER, f"{name} {accepted}", name=name)


def read_id(text: str) -> UUID | None:
    return UUID(text) if _ID.fullmatch(text) else None


def _in_url(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
