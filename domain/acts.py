"""What people and machines did that leaves no other fact: signing in, reading secrets, refusals."""

from __future__ import annotations

from uuid import UUID

from attrs import frozen

# Facts. ``source`` is the address a request came from, or the program it was done with.


@frozen
class SignedIn:
    person_id: UUID
    by: str
    source: str


@frozen
class SignInRefused:
    """``by`` is empty for a name nobody has: people type passwords into the wrong field."""

    by: str
    source: str
    reason: str


@frozen
class SignedOut:
    person_id: UUID
    by: str
    everywhere: bool


@frozen
class AccessRefused:
    """Somebody who is known asked for what the role or the key does not open."""

    by: str
    action: str
    source: str
    why: str


@frozen
class SecretRead:
    """``what`` was told to somebody: the PIN of a card, the clear PINs of a lot."""

    by: str
    what: str
    target: UUID
    source: str


@frozen
class Acted:
    """Who did what to a thing whose own facts name nobody, recorded together with them."""

    by: str
    action: str
    target: UUID


ActFact = SignedIn | SignInRefused | SignedOut | AccessRefused | SecretRead | Acted


def evolve(_: ActFact | None, fact: ActFact) -> ActFact:
    """Each act is a stream of its own, so those who act never wait for one another."""
    return fact
