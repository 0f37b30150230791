"""The own session: begun with a password and a code, confirmed for dangerous acts, ended."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked
from adapters.http.auth import COOKIE
from adapters.http.operations import Operation, Routes
from adapters.http.people import NewPassword, PersonName, PersonShown, shown
from adapters.http.services import HttpServices
from application.people import LONGEST_PASSWORD
from application.permissions import RULES, Action
from application.signing_in import CONFIRMED, Opened

Password = Annotated[str, Meta(max_length=LONGEST_PASSWORD)]
Code = Annotated[str, Meta(pattern=r"^[0-9]{6}\Z", description="What the authenticator shows.")]

ISSUER = "Talktime"
COOKIE_GONE = f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"


class SignInSent(Struct, frozen=True, forbid_unknown_fields=True):
    name: PersonName
    password: Password
    code: Code | None = None


class ConfirmationSent(Struct, frozen=True, forbid_unknown_fields=True):
    password: Password
    code: Code | None = None


class NewPasswordSent(Struct, frozen=True, forbid_unknown_fields=True):
    password: Password
    new_password: NewPassword
    code: Code | None = None


class CodeSent(Struct, frozen=True, forbid_unknown_fields=True):
    credential_id: UUID
    code: Code


class SessionShown(Struct, frozen=True):
    """``may``: what the role opens. Until ``confirmed_until`` dangerous acts are open too."""

    person: PersonShown
    may: list[Action]
    ends_at: datetime
    confirmed_until: datetime


class SessionOpened(SessionShown, frozen=True):
    """Send ``csrf_token`` as X-CSRF-Token with everything that is not a GET."""

    csrf_token: str


class TotpBegun(Struct, frozen=True):
    """Counts once a code of it is sent. The secret is told now and never again."""

    credential_id: UUID
    secret: str
    uri: str


def begin(services: HttpServices, asked: Asked) -> Answer:
    sent = asked.body(SignInSent)
    return _opened(
        services.signing_in.sign_in(sent.name, sent.password, sent.code, asked.source), 201
    )


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_session(Opened(asked.session.person, asked.session.session, asked.token)))


def confirm(services: HttpServices, asked: Asked) -> Answer:
    sent = asked.body(ConfirmationSent)
    return _opened(services.signing_in.confirm(asked.session, sent.password, sent.code))


def end(services: HttpServices, asked: Asked) -> Answer:
    services.signing_in.sign_out(asked.session)
    return _gone()


def end_everywhere(services: HttpServices, asked: Asked) -> Answer:
    services.signing_in.sign_out(asked.session, everywhere=True)
    return _gone()


def change_password(services: HttpServices, asked: Asked) -> Answer:
    sent = asked.body(NewPasswordSent)
    return _opened(
        services.signing_in.change_password(
            asked.session, sent.password, sent.code, sent.new_password
        )
    )


def begin_totp(services: HttpServices, asked: Asked) -> Answer:
    person = asked.session.person
    services.audit.secret_read(person.name, "secret of codes", person.person_id, asked.source)
    credential_id, secret = services.people.begin_totp(person.person_id)
    uri = f"otpauth://totp/{quote(f'{ISSUER}:{person.name}')}?secret={secret}&issuer={ISSUER}"
    return Answer(TotpBegun(credential_id, secret, uri), 201)


def enable_totp(services: HttpServices, asked: Asked) -> Answer:
    sent = asked.body(CodeSent)
    person = asked.session.person
    return Answer(
        shown(
            services.people.enable_totp(
                person.person_id, sent.credential_id, sent.code, person.name
            )
        )
    )


def disable_totp(services: HttpServices, asked: Asked) -> Answer:
    person = asked.session.person
    return Answer(shown(services.people.disable_totp(person.person_id, person.name)))


def _opened(opened: Opened, status: int = 200) -> Answer:
    return Answer(_session(opened), status, {"Set-Cookie": cookie_of(opened.token)})


def cookie_of(token: str) -> str:
    return f"{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"


def _session(opened: Opened) -> SessionOpened:
    person, session = opened.person, opened.session
    return SessionOpened(
        shown(person),
        [action for action in Action if person.role in RULES[action].roles],
        session.ends_at,
        session.confirmed_at + CONFIRMED,
        opened.csrf_token,
    )


def _gone() -> Answer:
    return Answer(b"", 204, {"Set-Cookie": COOKIE_GONE})


_SIGN_IN = (problems.SIGN_IN_REFUSED, problems.TOO_MANY_SIGN_INS)
_OWN = Action.OWN_SESSION

ROUTES: Routes = {
    "/v1/session": {
        "POST": Operation(
            begin,
            None,
            "Sign in. The session is in a cookie that pages cannot read.",
            SessionOpened,
            body=SignInSent,
            status=201,
            hashes=True,
            problems=_SIGN_IN,
        ),
        "GET": Operation(one, _OWN, "Whose session this is.", SessionOpened),
        "DELETE": Operation(end, _OWN, "Sign out.", None, 204),
    },
    "/v1/session/confirmation": {
        "POST": Operation(
            confirm,
            _OWN,
            "Show the password again, for dangerous acts. The session gets a new cookie.",
            SessionOpened,
            body=ConfirmationSent,
            hashes=True,
            problems=_SIGN_IN,
        )
    },
    "/v1/session/password": {
        "PUT": Operation(
            change_password,
            _OWN,
            "Change the own password. All other sessions end.",
            SessionOpened,
            body=NewPasswordSent,
            hashes=True,
            problems=_SIGN_IN,
        )
    },
    "/v1/session/totp": {
        "POST": Operation(
            begin_totp,
            _OWN,
            "Begin with one-time codes (RFC 6238).",
            TotpBegun,
            status=201,
            dangerous=True,
        ),
        "PUT": Operation(
            enable_totp,
            _OWN,
            "Show a first code: from now on one is asked for at each sign-in.",
            PersonShown,
            body=CodeSent,
            dangerous=True,
        ),
        "DELETE": Operation(
            disable_totp, _OWN, "End with one-time codes.", PersonShown, dangerous=True
        ),
    },
    "/v1/sessions": {"DELETE": Operation(end_everywhere, _OWN, "Sign out everywhere.", None, 204)},
}
