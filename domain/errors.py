"""What the rules refuse. Each refusal carries the facts that its explanation needs.

A refusal is not a fault: every edge (voice, SMS, HTTP, command line) has one table that turns each
kind into a prompt, a sentence or a problem document. What is not a refusal is a fault.
"""

from __future__ import annotations

from attrs import define

from domain.money import Money


class Refused(Exception):
    """A request that the rules do not allow."""


@define
class NotFound(Refused):
    """There is no such thing: ``kind`` says what was looked for, ``key`` by what."""

    kind: str
    key: str


@define
class AlreadyExists(Refused):
    """The name, number or id is in use already, by something else."""

    kind: str
    key: str


@define
class SettingNotAllowed(Refused):
    """A value that a thing cannot have: says which, what it was and what is accepted."""

    name: str
    value: str
    accepted: str


@define
class InsufficientFunds(Refused):
    needed: Money
    available: Money


@define
class ChargeExceedsHold(Refused):
    charge: Money
    held: Money


@define
class TooManyCalls(Refused):
    """The payer has as many calls up as its terms allow."""

    limit: int


@define
class TooManyAttempts(Refused):
    """One call session holds a bounded number of attempts."""

    limit: int


@define
class LoginFailed(Refused):
    """The caller did not identify a payer. The reason is recorded, never told to the caller."""

    reason: str


@define
class CardNotUsable(Refused):
    """The card cannot pay for a call now."""

    reason: str


@define
class StatusChangeNotAllowed(Refused):
    now: str
    wanted: str
    allowed: tuple[str, ...]


@define
class CallerIdNotUsable(Refused):
    """The call has no caller ID that could stand in for a PIN: hidden, or not a number."""


@define
class PinlessNotAllowed(Refused):
    """The terms of this card do not let a caller ID stand in for its PIN."""


@define
class NumberNotDialable(Refused):
    """What was dialled is no telephone number."""

    dialled: str


@define
class DestinationNotSold(Refused):
    """No rate or no route leads to this number, or it may not be dialled: the reason says which."""

    number: str
    reason: str = "no rate or no route leads there"


@define
class CallEndedAlready(Refused):
    reference: str


@define
class PinsUsedUp(Refused):
    """More PINs of a length were wanted than the part of their space that may be in use leaves."""

    length: int
    wanted: int
    left: int


@define
class ApprovalNeeded(Refused):
    """A second person has to approve this first; the request has been recorded."""

    action: str
    approval_id: str


@define
class ApprovalNotUsable(Refused):
    """The approval does not allow this: the reason says why."""

    reason: str


@define
class AlreadyDone(Refused):
    """Something that happens once has happened: ``what`` it was and ``by`` whom."""

    what: str
    by: str


@define
class RangeTaken(Refused):
    """These card numbers, of those that were asked for, are with another distributor."""

    first: str
    last: str
    holder: str
