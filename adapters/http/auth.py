"""Who asks: a machine by its API key, a person by the session in a cookie; and what each may."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import NoReturn

from attrs import field, frozen
from starlette.requests import Request

from adapters.http import problems
from adapters.http.keys import digest_of
from adapters.http.operations import Operation
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from application.permissions import Action, Actor
from application.signing_in import SignedInAs, csrf_token_of, same

COOKIE = "__Host-talktime"
"""The prefix binds the cookie to this host, to HTTPS and to the whole of it (RFC 6265bis)."""

CSRF_HEADER = "X-CSRF-Token"
READING = frozenset({"GET", "HEAD"})

_CHALLENGE = 'Bearer realm="talktime"'
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,100}", re.ASCII)


@frozen
class Caller:
    """``token`` is of the session, None for a machine."""

    actor: Actor
    signed_in: SignedInAs | None = None
    token: str | None = field(default=None, repr=False)


def authenticated(services: HttpServices, request: Request) -> Caller:
    """Raises AskedWrongly, never saying how near a wrong key came. Asks the ledger, so blocks."""
    header = once(request, "authorization")
    token = request.cookies.get(COOKIE)
    if header is None and token is not None:
        return by_session(services, token)
    scheme, _, secret = (header or "").partition(" ")
    if not secret or scheme.lower() != "bearer":
        raise asked_wrongly(
            problems.NOT_AUTHENTICATED,
            "send the API key as Authorization: Bearer <key>, or sign in",
            {"WWW-Authenticate": _CHALLENGE},
        )
    return Caller(_by_key(services, secret.strip(" ")))


def source_of(request: Request) -> str:
    """The address that a request comes from: the other end of the connection, or what a proxy
    that the settings trust says it is."""
    host = request.client.host if request.client is not None else ""
    try:
        return str(ip_address(host))
    except ValueError:
        # What a proxy lets through unread is one source, whatever it says.
        return "unknown"


def check_allowed(
    services: HttpServices, request: Request, caller: Caller, operation: Operation
) -> None:
    """Raises AskedWrongly unless this caller may do this now. The refusal is on the trail."""
    action = operation.action
    assert action is not None, "what is open to everybody is not checked"
    check_permission(services, source_of(request), caller.actor, action)
    if caller.signed_in is None:
        return
    if request.method not in READING and not shows_token(caller, once(request, CSRF_HEADER)):
        raise asked_wrongly(
            problems.NO_CSRF_TOKEN,
            f"send the csrf_token of your session as {CSRF_HEADER}; GET /v1/session tells it",
        )
    check_confirmed(services, caller, operation)


def check_permission(services: HttpServices, source: str, actor: Actor, action: Action) -> None:
    """Raises AskedWrongly unless the role or the scopes open this."""
    if not actor.may(action):
        _refuse(services, source, actor, action)


def shows_token(caller: Caller, given: str | None) -> bool:
    """Whether a page of this session sends this: no other page knows the token."""
    assert caller.token is not None, "a session has a token"
    given = given or ""
    return given.isascii() and same(given, csrf_token_of(caller.token))


def check_confirmed(services: HttpServices, caller: Caller, operation: Operation) -> None:
    """Raises AskedWrongly for a dangerous act without the password shown of late."""
    if caller.signed_in is None or not operation.asks_password_again:
        return
    if not caller.signed_in.session.is_confirmed(services.clock.now()):
        raise asked_wrongly(
            problems.CONFIRMATION_NEEDED,
            "show your password again at POST /v1/session/confirmation, then repeat this",
        )


def once(request: Request, name: str) -> str | None:
    """Raises AskedWrongly for a header that comes twice."""
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise asked_wrongly(problems.BAD_REQUEST, f"the header {name} comes once at most")
    return values[0] if values else None


def _by_key(services: HttpServices, secret: str) -> Actor:
    key = services.keys.find(secret)
    if key is not None:
        return key.actor
    try:
        actor = services.machine_keys.actor(digest_of(secret))
    except ValueError:
        actor = None
    if actor is None:
        raise asked_wrongly(
            problems.NOT_AUTHENTICATED,
            "this API key is not known",
            {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'},
        )
    return actor


def by_session(services: HttpServices, token: str) -> Caller:
    """Raises AskedWrongly for a session that is over. Asks the ledger, so blocks."""
    signed_in = services.signing_in.find(token) if _TOKEN.fullmatch(token) else None
    if signed_in is None:
        raise asked_wrongly(
            problems.NOT_AUTHENTICATED,
            "the session is over: sign in again",
            {"WWW-Authenticate": _CHALLENGE},
        )
    return Caller(signed_in.actor, signed_in, token)


def _refuse(services: HttpServices, source: str, actor: Actor, action: Action) -> NoReturn:
    if actor.role is not None:
        why = f"the role {actor.role} does not open this: {action}"
    else:
        why = f"the scopes of this API key do not open this: {action}"
    services.audit.refused(actor.name, action, source, why)
    raise asked_wrongly(problems.NOT_ALLOWED, why, action=action)
