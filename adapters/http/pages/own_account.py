"""The own account: a new password, one-time codes, signing out everywhere."""

from __future__ import annotations

import segno
from markupsafe import Markup

from adapters.http.pages.forms import Field, Kind, form, limited, read
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit, refused
from adapters.http.sessions import CodeSent, NewPasswordSent, TotpBegun
from application.permissions import Action
from application.signing_in import LONGEST

_CODE = Field(
    "code", "One-time code", limits={"inputmode": "numeric", "autocomplete": "one-time-code"}
)
_PASSWORD = limited(
    NewPasswordSent,
    (
        Field(
            "password",
            "Password until now",
            Kind.PASSWORD,
            limits={"autocomplete": "current-password"},
            wide=True,
        ),
        Field(
            "new_password",
            "New password",
            Kind.PASSWORD,
            hint="12 characters at least. Long is good.",
            wide=True,
        ),
    ),
)
_PASSWORD_AND_CODE = (*_PASSWORD, *limited(NewPasswordSent, (_CODE,)))
_SHOWN_CODE = limited(
    CodeSent,
    (
        Field(
            "code",
            "Code that it shows now",
            limits={"inputmode": "numeric", "maxlength": 6},
            wide=True,
        ),
    ),
)


def show(visit: Visit) -> Reply:
    me = visit.session
    asks = visit.needs_password("POST", "/v1/session/totp")
    totp = me.person.totp is not None
    fields = _PASSWORD_AND_CODE if totp else _PASSWORD
    word = "End with one-time codes" if totp else "Set up one-time codes"
    context = {
        "person": me.person,
        "session": me.session,
        "longest_hours": int(LONGEST.total_seconds() // 3600),
        "password": form(visit, fields, submit="Change the password", to="/me/password"),
        "totp": form(
            visit,
            (),
            submit=word,
            to="/me/totp/end" if totp else "/me/totp",
            asks_password=asks,
            danger=totp,
        ),
        "has_totp": totp,
        "sessions": form(visit, (), submit="Sign out everywhere", to="/me/sessions"),
    }
    return Shown("own_account.html", "My account", context)


def change_password(visit: Visit) -> Reply:
    sent = read(_PASSWORD_AND_CODE, visit.sent)
    opened = visit.services.signing_in.change_password(
        visit.session, sent["password"], sent.get("code"), _new(sent["new_password"])
    )
    return Gone("/me", "The password is changed. All other sessions are over.", opened=opened)


def _new(password: str) -> str:
    longest = dict(_PASSWORD[1].limits).get("maxlength")
    if isinstance(longest, int) and len(password) > longest:
        raise refused(f"{longest} characters at most", "new_password")
    return password


def begin_totp(visit: Visit) -> Reply:
    begun: TotpBegun = visit.ask("POST", "/v1/session/totp")
    return _enrol(visit, begun.credential_id, begun.secret, begun.uri)


def _enrol(visit: Visit, credential_id: object, secret: str, uri: str) -> Reply:
    code = segno.make(uri, error="m").svg_inline(scale=5, border=2, dark="#14202e", omitsize=True)
    context = {
        "form": form(visit, _SHOWN_CODE, submit="Switch it on", to="/me/totp/enable", cancel="/me"),
        "credential_id": credential_id,
        "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        "uri": uri,
        "qr": Markup(code),  # noqa: S704 - drawn here, of squares
        "crumbs": [("/me", "My account")],
    }
    return Shown("totp.html", "Set up one-time codes", context)


def enable_totp(visit: Visit) -> Reply:
    sent = {"credential_id": visit.filled("credential_id"), "code": visit.filled("code")}
    visit.ask("PUT", "/v1/session/totp", sent=sent)
    return Gone("/me", "From now on a code is asked for at each sign-in.")


def disable_totp(visit: Visit) -> Reply:
    visit.ask("DELETE", "/v1/session/totp")
    return Gone("/me", "No code is asked for any more.")


def sign_out_everywhere(visit: Visit) -> Reply:
    visit.ask("DELETE", "/v1/sessions")
    return Gone("/login")


_OWN = Action.OWN_SESSION

PAGES = (
    Page("/me", _OWN, show),
    Page("/me/password", _OWN, show, change_password, hashes=True),
    Page("/me/totp", _OWN, show, begin_totp),
    Page("/me/totp/enable", _OWN, show, enable_totp),
    Page("/me/totp/end", _OWN, show, disable_totp),
    Page("/me/sessions", _OWN, None, sign_out_everywhere),
)
