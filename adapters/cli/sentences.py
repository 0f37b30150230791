"""What a person at the command line reads when the rules refuse."""

from __future__ import annotations

import attrs

from domain import errors

SENTENCES: dict[type[errors.Refused], str] = {
    errors.NotFound: "There is no {kind} {key}.",
    errors.AlreadyExists: "The {kind} {key} is there already, with other details.",
    errors.SettingNotAllowed: "{name} is {accepted}, not {value!r}.",
    errors.InsufficientFunds: "Not enough credit: {needed} needed, {available} available.",
    errors.ChargeExceedsHold: "The charge of {charge} is above the {held} held for it.",
    errors.TooManyCalls: "As many calls are up as the terms allow: {limit}.",
    errors.TooManyAttempts: "One call holds at most {limit} attempts.",
    errors.LoginFailed: "The login failed: {reason}.",
    errors.CardNotUsable: "The card cannot pay for a call: {reason}.",
    errors.StatusChangeNotAllowed: (
        "A card that is {now} cannot become {wanted}. Allowed: {allowed}."
    ),
    errors.CallerIdNotUsable: "This caller ID cannot stand in for a PIN.",
    errors.PinlessNotAllowed: "The terms of this card do not allow calls without a PIN.",
    errors.NumberNotDialable: "{dialled} is no telephone number.",
    errors.DestinationNotSold: "{number} is not sold: {reason}.",
    errors.CallEndedAlready: "The call {reference} has ended.",
    errors.PinsUsedUp: (
        "{wanted} PINs of {length} digits are too many: one in five may be in use, "
        "and {left} are left. Order fewer, or give the group longer PINs."
    ),
    errors.ApprovalNeeded: (
        "A second person has to approve this {action}: `talktime approvals approve {approval_id}`. "
        "Then give the command again with --approval {approval_id}."
    ),
    errors.ApprovalNotUsable: "The approval cannot be used: {reason}.",
    errors.AlreadyDone: "{what} was done already, by {by}.",
    errors.RangeTaken: "The cards {first} to {last} are with {holder}; take them back first.",
}


def sentence(refusal: errors.Refused) -> str:
    fields = {
        field.name: _told(getattr(refusal, field.name))
        for field in attrs.fields(type(refusal))  # type: ignore[arg-type]
    }
    return SENTENCES[type(refusal)].format(**fields)


def _told(value: object) -> object:
    return ", ".join(value) or "nothing" if isinstance(value, tuple) else value
