"""Signing in with a password and a code, and the sessions that begin with it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Protocol
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from application.audit import AuditTrail
from application.people import LONGEST_PASSWORD, Credentials, People
from application.permissions import Actor
from application.ports import Clock
from application.throttle import Rate, Throttle
from domain.people import Person, name_key

IDLE = timedelta(minutes=30)
"""A session that nobody uses ends after this."""

LONGEST = timedelta(hours=12)
"""A session ends after this, however busy it is."""

CONFIRMED = timedelta(minutes=10)
"""For so long after showing the password dangerous acts are open."""

AHEAD = timedelta(minutes=1)
"""So much may the clocks of two servers differ. A session that was used later than that from now
was used before the clock was put back: it would last for as long as the clock went back."""

SEEN_EVERY = timedelta(minutes=1)
"""How often a use of a session is written down."""

RATES = {
    "source": Rate(20, 60),
    "name": Rate(10, 30),
    "known": Rate(10, 30),
    "all": Rate(500, 6000),
}
"""Tries to sign in: from one address, for one name, for one name from where it is known, in all."""


class SignInRefused(Exception):
    """The name, the password or the code was not right; which one is never told."""


class TooManySignIns(Exception):
    """This address or this name has failed too often of late."""


@frozen
class Session:
    """``token_digest``: the SHA-256 of what the browser holds. It counts for one password only."""

    token_digest: str = field(repr=False)
    person_id: UUID
    credential_id: UUID
    source: str
    created_at: datetime
    seen_at: datetime
    confirmed_at: datetime

    def is_over(self, now: datetime) -> bool:
        over = now >= self.seen_at + IDLE or now >= self.created_at + LONGEST
        return over or now < max(self.seen_at, self.created_at) - AHEAD

    def is_confirmed(self, now: datetime) -> bool:
        return self.confirmed_at - AHEAD <= now < self.confirmed_at + CONFIRMED

    @property
    def ends_at(self) -> datetime:
        return min(self.seen_at + IDLE, self.created_at + LONGEST)


class Sessions(Protocol):
    """Sessions on the side of the server, by the digests of their tokens."""

    def add(self, session: Session) -> None:
        """Sessions that are over, by their age, are forgotten on this occasion."""
        ...

    def find(self, token_digest: str) -> Session | None: ...

    def seen(self, token_digest: str, at: datetime) -> None: ...

    def end(self, token_digest: str) -> None: ...

    def end_all(self, person_id: UUID) -> None: ...


class Tries(Protocol):
    """A ``Throttle`` for tries to sign in, of this process or of all that answer requests."""

    def take(self, sources: Iterable[tuple[str, str]]) -> bool: ...

    def give_back(self, sources: Iterable[tuple[str, str]]) -> None: ...

    def has(self, source: tuple[str, str]) -> bool: ...

    def add(self, source: tuple[str, str]) -> None: ...


@frozen
class Opened:
    """A session that has just begun: the only moment at which its token is known."""

    person: Person
    session: Session
    token: str = field(repr=False)

    @property
    def csrf_token(self) -> str:
        return csrf_token_of(self.token)


@frozen
class SignedInAs:
    """Whose session it is, as both are now."""

    person: Person
    session: Session

    @property
    def actor(self) -> Actor:
        person = self.person
        return Actor(
            person.name,
            f"person {person.person_id}",
            person.role,
            person_id=person.person_id,
            distributor=person.distributor,
        )


def digest_of_token(token: str) -> str:
    return hashlib.sha256(b"session:" + token.encode()).hexdigest()


def csrf_token_of(token: str) -> str:
    """What a page has to show beside the cookie; it follows from the token and not back."""
    return hashlib.sha256(b"csrf:" + token.encode()).hexdigest()


@frozen
class SigningIn:
    people: People
    credentials: Credentials
    sessions: Sessions
    trail: AuditTrail
    clock: Clock
    new_token: Callable[[], str]
    throttle: Tries = field(factory=lambda: Throttle(RATES))

    def sign_in(self, name: str, password: str, code: str | None, source: str) -> Opened:
        """Raises SignInRefused, the same for all reasons, and TooManySignIns."""
        person = self._shown(name, password, code, source)
        assert person.password is not None, "it was shown"
        now = self.clock.now()
        self.trail.signed_in(person.person_id, person.name, source)
        return self._open(person, source, created_at=now, confirmed_at=now)

    def confirm(self, now_in: SignedInAs, password: str, code: str | None) -> Opened:
        """The person again, for dangerous acts. The session goes on under a new token."""
        before = now_in.session
        person = self._shown(now_in.person.name, password, code, before.source)
        if person.person_id != before.person_id:
            raise SignInRefused
        now = self.clock.now()
        opened = self._open(person, before.source, before.created_at, confirmed_at=now)
        self.sessions.end(before.token_digest)
        return opened

    def change_password(self, now_in: SignedInAs, old: str, code: str | None, new: str) -> Opened:
        """Ends every session of the person but this one, which goes on under a new token."""
        before = now_in.session
        self._shown(now_in.person.name, old, code, before.source)
        person = self.people.change_password(before.person_id, new, now_in.person.name)
        self.sessions.end_all(before.person_id)
        return self._open(person, before.source, before.created_at, self.clock.now())

    def find(self, token: str) -> SignedInAs | None:
        """Whose session this is; None for one that is over, was ended, or never was."""
        session = self.sessions.find(digest_of_token(token))
        now = self.clock.now()
        if session is None or session.is_over(now):
            return None
        person = self.people.staff().people.get(session.person_id)
        if person is None or not person.enabled or person.password != session.credential_id:
            return None
        if now >= session.seen_at + SEEN_EVERY:
            self.sessions.seen(session.token_digest, now)
            session = changed(session, seen_at=now)
        return SignedInAs(person, session)

    def sign_out(self, now_in: SignedInAs, *, everywhere: bool = False) -> None:
        person = now_in.person
        if everywhere:
            self.sessions.end_all(person.person_id)
        else:
            self.sessions.end(now_in.session.token_digest)
        self.trail.signed_out(person.person_id, person.name, everywhere=everywhere)

    def end_sessions(self, person_id: UUID, by: str) -> None:
        """Signs somebody else out, everywhere."""
        self.people.person(person_id)
        self.sessions.end_all(person_id)
        self.trail.signed_out(person_id, by, everywhere=True)

    def _open(
        self, person: Person, source: str, created_at: datetime, confirmed_at: datetime
    ) -> Opened:
        assert person.password is not None, "who signs in has a password"
        token = self.new_token()
        session = Session(
            digest_of_token(token),
            person.person_id,
            person.password,
            source,
            created_at,
            confirmed_at,
            confirmed_at,
        )
        self.sessions.add(session)
        return Opened(person, session, token)

    def _shown(self, name: str, password: str, code: str | None, source: str) -> Person:
        """The person whose password and code these are."""
        key, network = name_key(name), network_of(source)
        # Who is known at an address has tries of his own there: others who try his name from
        # elsewhere do not lock him out.
        known = ("known", f"{network} {key}")
        named = known if self.throttle.has(known) else ("name", key)
        tries = (("source", network), named, ("all", ""))
        if not self.throttle.take(tries):
            raise TooManySignIns
        person = self.people.staff().named(name)
        reason = self._reason_against(person, password, code)
        if reason is not None:
            self.trail.sign_in_refused(person.name if person else "", source, reason)
            raise SignInRefused
        assert person is not None, "nobody without a name got here"
        self.throttle.give_back(tries)
        self.throttle.add(known)
        return person

    def _reason_against(self, person: Person | None, password: str, code: str | None) -> str | None:
        # Looked at in any case, so that the time it takes tells nothing.
        credential_id = person.password if person is not None else None
        right = self.credentials.password_matches(credential_id, password[: LONGEST_PASSWORD + 1])
        if person is None:
            return "nobody has this name"
        if not right:
            return "wrong password"
        if not person.enabled:
            return "the person is disabled"
        if person.totp is not None and not (
            code
            and self.credentials.code_matches(person.totp, person.person_id, code, self.clock.now())
        ):
            return "wrong code" if code else "no code"
        return None


def network_of(source: str) -> str:
    """What tries are counted by: an address of IPv4, or the 64 bits in which a subscriber of IPv6
    has as many addresses as there are (RFC 4291, 2.5.4). Anything else is left as it is."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if isinstance(address, IPv4Address):
        return str(address)
    mapped = address.ipv4_mapped
    return str(mapped or IPv6Network((int(address) >> 64 << 64, 64)))


def same(one: str, other: str) -> bool:
    """Whether two tokens are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode(), other.encode())
